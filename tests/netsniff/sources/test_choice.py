"""Chooses a source: the best that proves itself, what adds to it, and the next lower one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsniff import sources
from netsniff.sources.base import Probe
from tests import account, forbidding, home
from tests.netsniff.sources import stand_ins

CHOOSE = """
from netsniff import sources
choice = sources.choose()
print(*(each.name for each, _ in choice.opened))
for name, probe in choice.said:
    print(name, int(probe.usable), probe.reason, probe.remedy, sep="|")
for each, _ in choice.opened:
    each.close()
"""


@pytest.fixture
def among(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Lets a test say which sources there are; all must be closed in the end."""
    stand_ins.OPEN.clear()
    yield monkeypatch
    assert stand_ins.OPEN == []


def chosen(among: pytest.MonkeyPatch, *names: str, without: tuple[str, ...] = ()) -> sources.Choice:
    """Choose among stand-ins, close them and return what was chosen."""
    entries = tuple(("any", "tests.netsniff.sources.stand_ins", name) for name in names)
    among.setattr(sources, "SOURCES", entries)
    choice = sources.choose(without=without)
    for source, _ in choice.opened:
        source.close()
    return choice


def opened(choice: sources.Choice) -> list[str]:
    """The names of those that were chosen."""
    return [source.name for source, _ in choice.opened]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("deaf", "a connection of ours was not told"),
        ("ownerless", "a connection of ours was told as nobody's"),
        ("liar", "a connection of ours was called another's"),
        ("broken", "the wire was cut"),
        ("shut", "could not be opened: Operation not permitted"),
    ],
)
def test_one_that_fails_its_test_is_passed_over_and_says_why(
    among: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    among.setattr("netsniff.sources.selftest._LIMIT_NS", 100_000_000)
    choice = chosen(among, name, "honest")
    assert opened(choice) == ["honest"]
    assert [(who, probe.usable) for who, probe in choice.said] == [(name, False), ("honest", True)]
    assert choice.said[0][1].reason == reason


def test_what_adds_a_promise_is_opened_beside_the_first(among: pytest.MonkeyPatch) -> None:
    assert opened(chosen(among, "honest", "plain", "richer")) == ["honest", "richer"]


def test_one_that_broke_is_left_out(among: pytest.MonkeyPatch) -> None:
    choice = chosen(among, "honest", "plain", without=("honest",))
    assert (opened(choice), choice.said) == (["plain"], (("plain", Probe(usable=True)),))


def test_without_any_source_nothing_is_chosen(among: pytest.MonkeyPatch) -> None:
    choice = chosen(among)
    assert (choice.source, choice.opened, choice.said) == (None, (), ())


@pytest.mark.linux
@pytest.mark.root
@pytest.mark.skipif(not forbidding.POSSIBLE, reason=forbidding.NEEDS)
@pytest.mark.parametrize("what", ["sock_diag", "netlink"])
def test_an_ordinary_user_whose_kernel_refuses_gets_the_next_lower_one(what: str) -> None:
    """Row 19 of the acceptance."""
    second = account.ordinary()
    place = account.a_home(second)
    script = second.checkout / "tests" / "forbidding.py"
    argv: list[str | Path] = [second.python, script, what, "EPERM", second.python, "-c", CHOOSE]
    done = account.run_as(second, argv, place.environ, cwd=second.checkout)
    home.close(place)
    first, *said = done.stdout.splitlines()
    told = {line.split("|")[0]: line.split("|")[1:] for line in said}
    assert first == "psutil_table", done.stderr
    assert told["sock_diag"][:2] == ["0", "a sandbox forbids netlink sockets"]
    assert told["socktrace"][0] == "0"
    assert all(reason and remedy for usable, reason, remedy in told.values() if usable == "0")


@pytest.mark.linux
def test_this_machine_chooses_what_the_kernel_tells() -> None:
    choice = sources.choose()
    for source, _ in choice.opened:
        source.close()
    assert sys.platform == "linux"
    assert choice.source is not None
    assert choice.source.name == "sock_diag", choice.said
