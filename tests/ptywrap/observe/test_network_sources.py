"""Sources of sockets in force: opened, put on trial, replaced; what they miss is told."""

from collections.abc import Callable, Iterator

import pytest

from netsniff.model import Endpoint, Event, Missed, Reading
from netsniff.sources.base import Probe, Promise
from ptywrap.observe.network_sources import Sources
from tests.ptywrap.observe.told import Shelf, Told

ANY = Reading(1, "told", "tcp", Endpoint("192.0.2.1", 1), Endpoint("192.0.2.7", 443))


Opened = Callable[..., Sources]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Yield what returns sources that have chosen among some; all are closed in the end."""
    kept = []

    def choosing(*shelf: Told, without: frozenset[str] = frozenset()) -> Sources:
        made = Sources(Shelf(*shelf))
        kept.append(made)
        made.begin()
        made.prove(without)
        made.extend()
        return made

    yield choosing
    for made in kept:
        made.close()


def fail(sources: Sources, name: str) -> list[Event]:
    """Let a trial come to its end without an answer, and read."""
    sources._trials[name].until_ns = 0
    return sources.read(fresh=True)


def test_the_best_one_is_opened_first_and_alone() -> None:
    made = Sources(Shelf(Told("best"), Told("next")))
    made.begin()
    assert made.names == ["best"]


def test_one_that_tells_more_is_opened_beside_it(opened: Opened) -> None:
    more = Told("more", (Promise.BYTES, Promise.UDP_BYTES))
    assert opened(Told("best"), more).names == ["best", "more"]


def test_one_that_tells_no_more_is_left_alone(opened: Opened) -> None:
    assert opened(Told("best"), Told("same")).names == ["best"]


def test_one_that_is_not_wanted_is_let_go_of(opened: Opened) -> None:
    best = Told("best")
    made = opened(best, Told("next"), without=frozenset({"best"}))
    assert (made.names, best.closes) == (["next"], 1)


def test_one_that_refuses_says_why_and_the_next_takes_its_place(opened: Opened) -> None:
    best = Told("best")
    best.answer = Probe(usable=False, reason="forbidden", remedy="ask")
    made = opened(best, Told("next"))
    assert made.names == ["next"]
    assert made.said[0] == ("best", Probe(usable=False, reason="forbidden", remedy="ask"))


def test_what_is_told_on_trial_is_not_lost(opened: Opened) -> None:
    best = Told("best")
    made = opened(best)
    best.events = [ANY]
    assert made.read(fresh=True) == [ANY]


def test_one_that_tells_nothing_of_us_is_replaced(opened: Opened) -> None:
    made = opened(Told("best"), Told("next"))
    fail(made, "best")
    reason = "a connection of ours was told by nobody"
    assert (made.names, made.broken, made.said[0][1].reason) == (["next"], ["best"], reason)


def test_one_that_is_tried_again_is_not_heard_before_it_has_proved_itself(opened: Opened) -> None:
    best = Told("best")
    made = opened(best, Told("next"))
    fail(made, "best")
    made._again_ns = 0
    made.read(fresh=True)
    best.events = [ANY]
    assert (sorted(made.names), made.read(fresh=True)) == (["best", "next"], [])


def test_one_that_breaks_is_a_hole_and_opened_again(opened: Opened) -> None:
    best = Told("best")
    made = opened(best)
    best.broken = "it ended"
    (hole,) = made.read(fresh=True)
    assert isinstance(hole, Missed)
    assert (hole.number, hole.reason, hole.source) == (None, "it ended", "best")
    assert (made.names, best.closes) == (["best"], 1)


def test_one_that_breaks_again_and_again_is_replaced(opened: Opened) -> None:
    best = Told("best")
    made = opened(best, Told("next"))
    best.broken = "it ended"
    for _ in range(4):
        made.read(fresh=True)
    assert (made.names, made.broken) == (["next"], ["best"])


def test_one_without_a_descriptor_is_read_when_it_is_due(opened: Opened) -> None:
    best = Told("best")
    made = opened(best)
    made._trials.pop("best").close()
    best.events = [ANY]
    early = made.read()
    made.hurry(7)
    made._read_ns = 0
    assert (early, made.read(), best.hurried[-1]) == ([], [ANY], 7)


def test_rest_is_said_once(opened: Opened) -> None:
    best = Told("best")
    made = opened(best)
    made.hurry(7)
    made.rest()
    made.rest()
    assert best.rests == 1


@pytest.mark.parametrize(
    ("promises", "whole"),
    [((Promise.BYTES,), False), ((Promise.BYTES, Promise.EVERY_CONNECTION), True)],
)
def test_whether_all_is_seen_is_what_they_promise(
    opened: Opened, promises: tuple[Promise, ...], *, whole: bool
) -> None:
    assert opened(Told("best", promises)).whole is whole


def test_closed_nothing_is_left_open(opened: Opened) -> None:
    best = Told("best")
    made = opened(best)
    made.close()
    assert (made.names, best.closes, made.hints) == ([], 1, -1)
