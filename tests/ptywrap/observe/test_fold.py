"""Records in the order of their moments."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import marks
from ptywrap.observe.commands import Commands, Finish, Start
from ptywrap.observe.fold import Gone, Known, Replaced, Told, moments, packed, steps, unpacked

MS = 1_000_000
S1 = marks.Started(9, None, "/")
SHORT = marks.Ended(9, None, 0, (0,), "/", "a", 2000)
LONG = marks.Ended(9, None, 0, (0,), "/", "b", 50_000)


def dated(*records: marks.ShellRecord, last_ns: int = 0) -> list[int]:
    """Return the moments of records of a file that changed at 100 ms."""
    return moments(records, Known(last_ns, 100 * MS, 200 * MS), lambda wall_ns: wall_ns)


def test_a_shell_with_a_clock_is_believed() -> None:
    assert dated(marks.Started(9, 5000, "/"), marks.Ended(9, 7000, 0, (0,), "/", "a")) == [
        5000 * 1000,
        7000 * 1000,
    ]


def test_but_not_into_the_future() -> None:
    assert dated(marks.Started(9, 1 << 50, "/")) == [200 * MS]


def test_without_a_clock_the_last_record_is_as_old_as_the_file() -> None:
    assert dated(S1) == [100 * MS]


def test_and_those_before_it_are_dated_back() -> None:
    assert dated(S1, SHORT, S1, LONG) == [48 * MS, 50 * MS, 50 * MS + 1, 100 * MS]


def test_no_two_records_of_a_shell_have_one_moment() -> None:
    nothing = marks.Ended(9, None, 0, (0,), "/", "a", 0)
    assert len(set(dated(S1, nothing, S1, nothing, S1, nothing))) == 6


def test_time_does_not_go_back_behind_what_was_read_before() -> None:
    assert dated(S1, LONG, last_ns=90 * MS) == [90 * MS + 1, 100 * MS]


def test_a_length_gives_the_end_where_the_start_is_known() -> None:
    commands = Commands(9, "fish")
    steps(commands, 10 * MS, S1, lambda ns: ns)
    (finish,) = steps(commands, 100 * MS, SHORT, lambda ns: ns)
    assert isinstance(finish, Finish)
    assert (finish.start, finish.end_ns) == (Start(9, 10 * MS, 10 * MS, "/", "glance"), 12 * MS)


records = st.sampled_from(
    [
        S1,
        SHORT,
        LONG,
        marks.Whole(9, 5, 6, 0, (0, 1), "/", "line", private=None),
        marks.Foreground(7, 9),
        Replaced(9),
        Gone(9, 256),
    ]
)


@given(records)
def test_a_record_comes_back_from_what_is_kept(record: Told) -> None:
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(packed(record)))
    assert unpacked(kept) == record


@given(st.lists(st.sampled_from([S1, SHORT, LONG]), max_size=20), st.integers(0, 300))
def test_moments_are_in_order(told: list[marks.ShellRecord], last: int) -> None:
    found = dated(*told, last_ns=last * MS)
    assert found == sorted(set(found))
