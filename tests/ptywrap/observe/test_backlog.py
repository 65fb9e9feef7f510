"""Work waits until those we watch rest, but never long, never in disorder, and never too much."""

import functools

import pytest

from ptywrap.observe.backlog import Backlog

MS = 1_000_000


def a_backlog(done: list[int], *pieces: int) -> Backlog:
    """Return a backlog of numbered pieces, all added at the moment 0."""
    made = Backlog()
    for number in pieces:
        made.add(0, functools.partial(done.append, number))
    return made


@pytest.mark.parametrize(("now_ms", "expected"), [(199, []), (200, [1, 2])])
def test_work_is_done_in_its_order_once_it_has_been_quiet(now_ms: int, expected: list[int]) -> None:
    done: list[int] = []
    backlog = a_backlog(done, 1, 2)
    backlog.settle(now_ms * MS)
    assert done == expected


def test_while_they_are_busy_it_waits() -> None:
    done: list[int] = []
    backlog = a_backlog(done, 1)
    backlog.busy(100 * MS)
    backlog.settle(299 * MS)
    assert done == []


def test_whoever_never_rests_is_told_after_a_second() -> None:
    done: list[int] = []
    backlog = a_backlog(done, 1)
    backlog.busy(1000 * MS)
    backlog.settle(1000 * MS)
    assert done == [1]


def test_what_is_wanted_is_done_at_once() -> None:
    done: list[int] = []
    backlog = a_backlog(done, 1)
    backlog.settle(0, flush=True)
    assert done == [1]


def test_very_much_is_done_at_once() -> None:
    done: list[int] = []
    a_backlog(done, *range(3073)).settle(0)
    assert done == list(range(3073))


def test_what_was_done_is_done_once() -> None:
    done: list[int] = []
    backlog = a_backlog(done, 1)
    backlog.settle(0, flush=True)
    backlog.settle(0, flush=True)
    assert (done, backlog.due_ns()) == ([1], None)


def test_it_says_when_it_is_due() -> None:
    backlog = a_backlog([], 1)
    backlog.busy(50 * MS)
    assert backlog.due_ns() == 250 * MS
