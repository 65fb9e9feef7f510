"""Counting what was lost by the kernel's numbers, whichever socket an event came by."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.lifecycle import losses, records
from ptywrap.lifecycle.records import Record


def an_event(number: int, at: int = 0, cpu: int = 0) -> Record:
    """A fork with a number."""
    return Record(records.FORK, 1, at or number, 1, 0, cpu, number)


def counted(*numbers: int) -> losses.Losses:
    """Losses that have seen these numbers, and all is well."""
    made = losses.Losses("made")
    made.see([an_event(number) for number in numbers])
    made.all_well(max(numbers))
    return made


def test_without_an_overrun_there_is_no_gap() -> None:
    made = counted(1, 2, 9)
    assert (made.open, made.tell(settled=True)) == (False, None)


def test_a_gap_counts_the_numbers_that_never_came() -> None:
    made = counted(1, 2, 3)
    made.begin(losses.OVERRUN, 50)
    made.see([an_event(4)])
    made.walked(60)
    made.see([an_event(15, at=70)])
    gap = made.tell(settled=False)
    assert gap is not None
    assert (gap.since, gap.until, gap.missed, gap.source) == (3, 60, 10, "made")


def test_numbers_that_were_missing_before_are_not_lost_again() -> None:
    made = counted(1, 5, 9)
    made.begin(losses.OVERRUN, 50)
    made.walked(60)
    made.see([an_event(12, at=70)])
    gap = made.tell(settled=False)
    assert gap is not None
    assert gap.missed == 2


def test_a_silent_processor_is_waited_for_and_then_named() -> None:
    made = counted(1)
    made.see([an_event(100, cpu=1)])
    made.begin(losses.OVERRUN, 50)
    made.walked(60)
    made.see([an_event(2, at=70)])
    assert made.tell(settled=False) is None
    gap = made.tell(settled=True)
    assert gap is not None
    assert "silent" in gap.reason


def test_both_sockets_may_tell_of_one_overrun() -> None:
    made = counted(1)
    made.begin(losses.OVERRUN, 50)
    made.begin(losses.OVERRUN, 51)
    assert (made.open, made.times) == (True, 0)


def test_a_gap_that_begins_anew_is_one_gap_and_counted() -> None:
    made = counted(1)
    for _ in range(3):
        made.begin(losses.OVERRUN, 50)
        made.walked(60)
    assert (made.open, made.times) == (True, 2)


def test_numbers_may_turn_over() -> None:
    made = counted(0xFFFFFFFE, 0xFFFFFFFF)
    made.begin(losses.OVERRUN, 50)
    made.walked(60)
    made.see([an_event(3, at=70)])
    gap = made.tell(settled=False)
    assert gap is not None
    assert gap.missed == 3


@given(st.permutations(range(10, 30)), st.integers(0, 19))
def test_the_order_in_which_sockets_are_read_does_not_matter(order: list[int], cut: int) -> None:
    made = losses.Losses("made")
    made.see([an_event(number) for number in order[:cut]])
    made.see([an_event(number) for number in order[cut:]])
    made.all_well(30)
    made.begin(losses.OVERRUN, 50)
    made.walked(60)
    made.see([an_event(32, at=70)])
    gap = made.tell(settled=False)
    assert gap is not None
    assert gap.missed == 2
