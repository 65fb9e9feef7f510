"""Asks for sockets in the kernel's bytes, and reads answers whole, cut and broken."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.sources import diag, diag_message
from tests.netsniff import diag_built as built

DATAGRAMS = st.sampled_from([built.DUMP, built.DESTROYED, built.a_message() + built.DONE])


def read(data: bytes) -> list[diag_message.Told]:
    """Read a datagram as a source does."""
    seen, _ = diag.first_sight(data, len(data))
    return [diag_message.told(data[begin:end]) for *_, begin, end in seen]


def test_a_question_for_all_sockets_is_written_as_the_kernel_reads_it() -> None:
    request = diag.dump_request(7)
    assert request == struct.pack("=IHHII", 76, 18, 0x301, 7, 0) + bytes(3) + b"\2" + bytes(
        48
    ) + struct.pack("=II", 0xB36, 0)


def test_a_question_for_one_family_is_written_as_the_kernel_reads_it() -> None:
    request = diag.family_request(8, diag.INET6, diag.UDP, 1 << 7)
    head = struct.pack("=IHHII", 72, 20, 0x301, 8, 0)
    assert request == head + bytes((10, 17, 2, 0)) + struct.pack("=I", 0x80) + bytes(48)


def test_a_filter_jumps_within_itself_or_to_its_two_ends() -> None:
    both = diag.accepting(
        all_of=(diag.local_ports(1, 2),), none_of=(diag.remote_network(bytes(4), 8),)
    )
    steps, at = [], 0
    while at < len(both):
        code, yes, no = struct.unpack_from("=BBH", both, at)
        steps.append((at, code, at + yes, at + no))
        at += yes
    assert steps == [(0, 2, 8, 40), (8, 3, 16, 40), (16, 8, 32, 36), (32, 1, 36, 40)]


def test_a_recorded_dump_tells_its_four_sockets_and_its_end() -> None:
    seen, end = diag.first_sight(built.DUMP, len(built.DUMP))
    assert ([each[3] for each in seen], end) == ([1, 1, 1, 1], 0)


def test_a_recorded_death_has_a_cookie_but_no_inode() -> None:
    seen, end = diag.first_sight(built.DESTROYED, len(built.DESTROYED))
    assert [each[1:4] for each in seen] == [(0, 0, 7), (0, 0, 7)]
    assert len({each[0] for each in seen}) == 2
    assert end is None


def test_a_cookie_has_both_of_its_halves() -> None:
    data = built.a_message()
    assert diag.first_sight(data, len(data))[0][0] == (2**32 + 5, 77, 1000, 1, 0, 88)


def test_a_refusal_is_the_error_that_the_kernel_gave() -> None:
    refusal = struct.pack("=IHHIIi", 36, 2, 0, 7, 0, -2) + bytes(16)
    assert diag.first_sight(refusal, len(refusal)) == ([], 2)


def test_what_lies_behind_a_datagram_in_the_buffer_is_not_read() -> None:
    stale = built.a_message() + built.a_message()
    assert len(diag.first_sight(stale, 88)[0]) == 1


@pytest.mark.parametrize("data", [b"\1", bytes(16), built.a_message()[:87], bytes(100)])
def test_what_is_no_answer_is_refused_by_our_own_error(data: bytes) -> None:
    with pytest.raises(diag.Unreadable):
        diag.first_sight(data, len(data))


@pytest.mark.parametrize("data", [built.DUMP, built.DESTROYED])
def test_every_cut_of_a_recorded_answer_gives_its_whole_messages_or_our_error(data: bytes) -> None:
    whole = read(data)
    for size in range(len(data)):
        try:
            found = read(data[:size])
        except diag.Unreadable:
            continue
        assert found == whole[: len(found)]


@pytest.mark.parametrize("data", [built.DUMP, built.DESTROYED])
def test_a_cut_at_the_end_of_a_message_is_no_error(data: bytes) -> None:
    ends = [end for *_, end in diag.first_sight(data, len(data))[0]]
    assert [len(read(data[:end])) for end in ends] == [*range(1, len(ends) + 1)]


def outcome(reader: Callable[[bytes], object], data: bytes) -> str:
    """Say whether bytes were read or refused; any other error is a fault."""
    try:
        reader(data)
    except diag.Unreadable:
        return "refused"
    return "read"


@given(DATAGRAMS, st.data())
def test_any_mutation_of_an_answer_is_read_or_refused_by_our_own_error(
    datagram: bytes, data: st.DataObject
) -> None:
    changed = bytearray(datagram)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.sampled_from([0, 1, 4, 7, 16, 255]) | st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    assert outcome(read, cut) in {"read", "refused"}


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused_by_our_own_error(data: bytes) -> None:
    readers = (read, diag_message.told, lambda some: diag.sequence(some, len(some)))
    assert {outcome(reader, data) for reader in readers} <= {"read", "refused"}
