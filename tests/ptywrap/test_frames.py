"""Frames survive damage: what is intact comes back as it was, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import frames


def _file(payloads: list[bytes]) -> bytes:
    return b"".join(frames.frame(number, payload) for number, payload in enumerate(payloads))


payload_lists = st.lists(st.binary(max_size=60) | st.just(frames.MAGIC * 3), max_size=8)


@given(payload_lists)
def test_what_was_framed_comes_back_in_order(payloads: list[bytes]) -> None:
    found = list(frames.scan(_file(payloads)))

    assert [(one.seq, one.payload) for one in found] == list(enumerate(payloads))


@given(payload_lists, st.integers(min_value=0))
def test_a_torn_end_loses_only_the_last_frame(payloads: list[bytes], cut: int) -> None:
    whole = _file(payloads)
    torn = whole[: cut % (len(whole) + 1)]

    found = [one.payload for one in frames.scan(torn)]

    assert found == payloads[: len(found)]
    assert len(_file(payloads[: len(found) + 1])) > len(torn) or found == payloads


@given(payload_lists.filter(bool), st.integers(min_value=0))
def test_one_flipped_bit_costs_at_most_one_frame_and_alters_none(
    payloads: list[bytes], position: int
) -> None:
    damaged = bytearray(_file(payloads))
    damaged[position // 8 % len(damaged)] ^= 1 << position % 8

    found = [(one.seq, one.payload) for one in frames.scan(bytes(damaged))]

    assert len(found) >= len(payloads) - 1
    assert set(found) <= set(enumerate(payloads))


@given(st.binary(max_size=400))
def test_foreign_bytes_hold_no_frame(data: bytes) -> None:
    assert list(frames.scan(data.replace(frames.MAGIC, b""))) == []


def test_a_lying_length_does_not_swallow_the_frames_behind_it() -> None:
    liar = bytearray(frames.frame(0, b"first"))
    liar[4:8] = (frames.LIMIT).to_bytes(4, "little")

    found = [one.payload for one in frames.scan(bytes(liar) + frames.frame(1, b"second"))]

    assert found == [b"second"]


def test_a_file_of_magic_bytes_is_read_in_one_pass() -> None:
    assert list(frames.scan(frames.MAGIC * 65536)) == []


def test_the_intact_end_is_where_the_torn_tail_begins() -> None:
    whole = frames.frame(0, b"kept")

    assert frames.intact_end(whole + frames.frame(1, b"torn")[:-1]) == len(whole)


def test_a_file_of_larger_frames_is_written_and_read_with_its_own_limit() -> None:
    payload = bytes(frames.LIMIT + 1)
    whole = frames.frame(0, payload, limit=frames.LIMIT + 1)

    assert [one.payload for one in frames.scan(whole, frames.LIMIT + 1)] == [payload]
    assert frames.intact_end(whole, frames.LIMIT + 1) == len(whole)


def test_a_frame_over_the_limit_is_no_frame_of_a_segment() -> None:
    whole = frames.frame(0, bytes(frames.LIMIT + 1), limit=frames.LIMIT + 1)

    assert next(frames.scan(whole + frames.frame(1, b"next"))).payload == b"next"
    with pytest.raises(ValueError, match="at most 1048576 bytes"):
        frames.frame(0, bytes(frames.LIMIT + 1))
