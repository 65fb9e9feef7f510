"""Holds every lifecycle backend of this machine to its promises, and shows that a stub fails."""

from collections.abc import Callable

import pytest

from ptywrap import lifecycle
from ptywrap.lifecycle.base import Backend, Event, Probe, Promise
from tests.conformance import lifecycle_lives, lifecycle_moments

Check = Callable[[Backend], None]

EVERY: list[tuple[Check, Promise | None]] = [
    *((check, None) for check in lifecycle_lives.CHECKS),
    *((check, promise) for promise, some in lifecycle_moments.CHECKS.items() for check in some),
]
NAMES = [check.__name__ for check, _ in EVERY]
# How a promise is held that no check in a process of ours can show.
ELSEWHERE = {
    Promise.UNPRIVILEGED: "test_ground_truth.py runs as an ordinary user",
    Promise.TELLS_LOSS: "tests/ptywrap/lifecycle/test_resync.py stops the reader in a storm",
    Promise.EXACT_CPU: "no backend claims it yet",
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

    def follow(self, pid: int) -> None:
        """Do nothing."""

    def leave(self, pid: int) -> None:
        """Do nothing."""

    def read(self) -> list[Event]:
        """Tell nothing."""
        return []

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture(params=[name for _, _, name in lifecycle.BACKENDS])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return each entry of the registry, or skip with what it says of itself."""
    for each in lifecycle.here():
        if type(each).__name__ == request.param:
            probe, _, _ = lifecycle.start(each)
            each.close()
            if not probe.usable:
                pytest.skip(f"{each.name}: {probe.reason}: {probe.remedy}")
            return type(each)()
    pytest.skip(f"{request.param} is for another system")


@pytest.mark.parametrize(("check", "promise"), EVERY, ids=NAMES)
def test_a_backend_holds(check: Check, promise: Promise | None, backend: Backend) -> None:
    backend.open()
    promises = backend.promises
    backend.close()
    if promise is not None and promise not in promises:
        pytest.skip(f"{backend.name} does not promise {promise.value}")
    check(type(backend)())


@pytest.mark.parametrize("check", [check for check, _ in EVERY], ids=NAMES)
def test_a_stub_that_tells_nothing_fails(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.watching.PATIENCE_S", 0.1)
    with pytest.raises((AssertionError, ValueError, KeyError)):
        check(Silent())


def test_every_promise_has_a_check() -> None:
    assert set(Promise) - lifecycle_moments.CHECKS.keys() == ELSEWHERE.keys()
