"""Holds every source of sockets of this machine to its promises, and shows that a stub fails."""

from pathlib import Path

import pytest

from netsniff import sources
from netsniff.model import Event
from netsniff.sources.base import Probe, Promise, Source
from tests import account, home
from tests.conformance import source_checks
from tests.conformance.source_checks import Check

EVERY: list[tuple[Check, Promise | None]] = [
    *((check, None) for check in source_checks.ALWAYS),
    *((check, promise) for promise, some in source_checks.PROMISED.items() for check in some),
]
NAMES = [check.__name__ for check, _ in EVERY]
# How a promise is held that no check in this process can show.
ELSEWHERE = {
    Promise.UNPRIVILEGED: "the suite is run again as an ordinary user, below",
    Promise.TELLS_LOSS: "test_source_losses.py stops who listens in a storm",
}


class Silent:
    """A stub that claims everything and tells nothing."""

    name = "silent"
    promises = frozenset(Promise)
    period_ns = 1_000_000
    verified = True

    def probe(self) -> Probe:
        """Claim."""
        return Probe(usable=True)

    def open(self) -> None:
        """Do nothing."""

    def hurry(self, pid: int) -> None:
        """Do nothing."""

    def rest(self) -> None:
        """Do nothing."""

    def read(self) -> list[Event]:
        """Tell nothing."""
        return []

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture(params=[name for _, _, name in sources.SOURCES])
def source(request: pytest.FixtureRequest) -> Source:
    """Return each entry of the registry, or skip with what it says of itself."""
    for each in sources.here():
        if type(each).__name__ == request.param:
            probe = each.probe()
            if not probe.usable:
                pytest.skip(f"{each.name}: {probe.reason}: {probe.remedy}")
            return each
    pytest.skip(f"{request.param} is for another system")


@pytest.mark.parametrize(("check", "promise"), EVERY, ids=NAMES)
def test_a_source_holds(check: Check, promise: Promise | None, source: Source) -> None:
    if promise is not None and promise not in source.promises:
        pytest.skip(f"{source.name} does not promise {promise.name}")
    check(source)


@pytest.mark.parametrize("check", [check for check, _ in EVERY], ids=NAMES)
def test_a_stub_that_tells_nothing_fails(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.source_watching.PATIENCE_S", 0.05)
    with pytest.raises((AssertionError, ValueError)):
        check(Silent())


def test_every_promise_has_a_check() -> None:
    assert set(Promise) - source_checks.PROMISED.keys() == ELSEWHERE.keys()


@pytest.mark.linux
@pytest.mark.root
def test_who_promises_to_work_for_an_ordinary_user_does() -> None:
    """All of the above, run by the second account."""
    second = account.ordinary()
    place = account.a_home(second)
    suite = str(Path(__file__).relative_to(account.ROOT))
    argv: list[str | Path] = [second.python, "-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider"]
    # The slow one that polls is asked whether it works at all.
    argv += [suite, "-k", "test_a_source_holds and (not Psutil or nobody_else)"]
    done = account.run_as(second, argv, place.environ, cwd=second.checkout)
    home.close(place)
    assert done.returncode == 0, done.stdout
    for each in sources.here():
        if Promise.UNPRIVILEGED in each.promises:
            assert f"::test_a_source_holds[{type(each).__name__}-" in done.stdout
