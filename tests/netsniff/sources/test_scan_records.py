"""What the scanner and the one who started it say to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.sources import scan_records
from netsniff.sources.scan_records import Held, Told, Torn

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
NAMES = st.binary(max_size=16).filter(lambda name: not name.endswith(b"\0"))
HELD = st.builds(Held, U64, U64, U64, U32, U32, st.integers(0, 255), st.binary(max_size=90), NAMES)
KINDS = (scan_records.CLOSED, scan_records.TABLE, scan_records.WHOLE, scan_records.OVERRUN)
TOLD = st.builds(Told, st.sampled_from(KINDS), U64, st.binary(max_size=90), st.just(0))
FLUSHED = st.builds(Told, st.just(scan_records.FLUSHED), U64, st.just(b""), U32)


def bytes_of(one: Held | Told) -> bytes:
    """The record as the scanner writes it."""
    if isinstance(one, Held):
        return scan_records.held(one)
    if one.kind == scan_records.FLUSHED:
        return scan_records.flushed(one.at_ns, one.number)
    return scan_records.record(one.kind, one.at_ns, one.body)


@given(st.lists(HELD | TOLD | FLUSHED, max_size=6), st.integers(0, 900))
def test_any_cut_gives_what_was_written(written: list[Held | Told], cut: int) -> None:
    whole = b"".join(map(bytes_of, written))
    first, used = scan_records.decode(whole[:cut])
    rest, _ = scan_records.decode(whole[used:])
    assert first + rest == written


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        found, used = scan_records.decode(data)
    except Torn:
        return
    assert 16 * len(found) <= used <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        scan_records.record(9, 1),
        scan_records.record(scan_records.HELD, 1, b"short"),
        scan_records.record(scan_records.FLUSHED, 1, b"short"),
        b"\0" * 16,
        b"\xff" * 16,
    ],
)
def test_what_is_no_record_is_torn(data: bytes) -> None:
    with pytest.raises(Torn):
        scan_records.decode(data)


@given(st.lists(st.tuples(st.integers(0, 255), U32), max_size=9))
def test_orders_arrive_as_they_were_given(given_orders: list[tuple[int, int]]) -> None:
    data = b"".join(scan_records.order(*each) for each in given_orders)
    assert scan_records.orders(data + b"cut") == given_orders


def test_a_hint_is_a_process_and_the_number_of_its_program() -> None:
    data = (7 | 99 << 32).to_bytes(8, "little") * 2
    assert scan_records.hints(data + b"cut") == [(7, 99)] * 2
