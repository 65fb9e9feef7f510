"""The decoder of the reader's pipe: right on what the kernel says, silent on anything else."""

import struct
import sys

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.lifecycle import records
from ptywrap.lifecycle.records import Record, decode, settle

BYTES = st.binary(max_size=600)


def a_record(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """One record as the reader writes it."""
    return struct.pack("=HBB", 4 + len(body), kind, flags) + body


def an_event(what: int, *data: int, argv: bytes | None = None) -> bytes:
    """A connector event of CPU 1, number 7, at 1000 ns."""
    head = struct.pack("=IIHHIIQ", 7, 0, 40, 0, what, 1, 1000)
    body = head + struct.pack("=6I", *data, *[0] * (6 - len(data))) + (argv or b"")
    return a_record(records.EVENT, body, 0 if argv is None else records.HAS_ARGV)


def test_a_fork_is_the_child_of_a_process_not_of_a_thread() -> None:
    data = an_event(records.FORK, 11, 10, 20, 20)
    assert decode(data) == ([Record(records.FORK, 20, 1000, 10, 0, 1, 7)], len(data))


def test_an_exec_carries_its_arguments() -> None:
    data = an_event(records.EXEC, 20, 20, argv=b"ls\0-l\0")
    assert decode(data)[0] == [Record(records.EXEC, 20, 1000, 0, 0, 1, 7, b"ls\0-l\0")]


def test_an_exit_carries_its_wait_status() -> None:
    data = an_event(records.EXIT, 20, 20, 3 << 8, 17, 10, 10)
    assert decode(data)[0] == [Record(records.EXIT, 20, 1000, 0, 3 << 8, 1, 7)]


def test_a_place_belongs_to_the_exec_of_its_time() -> None:
    body = struct.pack("=IQ", 20, 1000) + b"/bin/ls\0/tmp"
    data = a_record(records.PLACE, body)
    assert decode(data)[0] == [Record(records.PLACE, 20, 1000, extra=b"/bin/ls\0/tmp")]


def test_unknown_events_are_skipped() -> None:
    data = an_event(0x4, 1, 1)
    assert decode(data) == ([], len(data))


def test_marks_are_told_in_order() -> None:
    marks = [records.OVERRUN, records.EMPTY, records.SETTLED]
    data = b"".join(a_record(kind) for kind in marks)
    assert [record.kind for record in decode(data)[0]] == marks


def test_what_is_no_record_ends_the_reading() -> None:
    data = a_record(records.EMPTY) + struct.pack("=HBB", 1, 1, 0) + an_event(records.FORK, 1, 1)
    assert decode(data) == ([Record(records.EMPTY), Record(records.TORN)], len(data))


def test_an_event_that_is_too_short_is_torn() -> None:
    assert decode(a_record(records.EVENT, b"x" * 51))[0] == [Record(records.TORN)]


@given(BYTES)
def test_no_bytes_raise_and_all_are_accounted_for(data: bytes) -> None:
    found, used = decode(data)
    assert 0 <= used <= len(data)
    assert len(found) <= len(data) // 4 + 1


@given(st.lists(BYTES, max_size=5), st.integers(0, 3000))
def test_any_cut_gives_the_same_records(bodies: list[bytes], cut: int) -> None:
    whole = b"".join(a_record(records.ARGV, body) for body in bodies)
    first, used = decode(whole[:cut])
    rest, _ = decode(whole[used:])
    assert first + rest == decode(whole)[0]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**32 - 1), max_size=6), BYTES)
def test_any_event_is_at_most_one_record(what: int, data: list[int], argv: bytes) -> None:
    assert len(decode(an_event(what, *data, argv=argv))[0]) <= 1


def test_the_byte_order_is_the_machines() -> None:
    assert decode((4).to_bytes(2, sys.byteorder) + bytes((records.EMPTY, 0)))[1] == 4


def an_exec(at: int, argv: bytes | None = b"ls\0", pid: int = 20) -> Record:
    """An exec at a time."""
    return Record(records.EXEC, pid, at, extra=argv)


def test_what_is_settled_comes_in_the_order_it_happened() -> None:
    late, early = Record(records.FORK, 20, 100, 10), an_exec(200)
    young = Record(records.EXIT, 20, 300)
    assert settle([early, young, late], 250) == ([late, early], [young])


def test_arguments_that_were_taken_back_are_not_known() -> None:
    back = Record(records.BACK, 20, 200, status=records.HAS_ARGV)
    assert settle([an_exec(200), an_exec(300), back], 400) == (
        [an_exec(200, None), an_exec(300)],
        [],
    )


def test_a_place_that_was_taken_back_leaves_the_arguments() -> None:
    place = Record(records.PLACE, 20, 200, extra=b"/bin/ls\0/")
    back = Record(records.BACK, 20, 200, status=records.HAS_PLACE)
    assert settle([an_exec(200), place, back], 400)[0] == [
        an_exec(200),
        place._replace(extra=None),
    ]


@given(st.lists(st.integers(0, 50)), st.integers(0, 50), st.integers(0, 50))
def test_settling_twice_gives_the_same_as_once(ats: list[int], first: int, second: int) -> None:
    pending = [an_exec(at) for at in ats]
    early, rest = settle(pending, min(first, second))
    late, _ = settle(rest, second)
    assert early + late == settle(pending, max(min(first, second), second))[0]
