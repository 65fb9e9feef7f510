"""Holds the reader and writer of ClickHouse's Native format to each other and to the format."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store import clickhouse_native as native
from ingest.store.clickhouse_native import Column, Numbers, Texts
from ptywrap import wire

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def _texts(*values: bytes | None) -> Texts:
    distinct = list(dict.fromkeys(values))
    return Texts(distinct, numpy.array([distinct.index(value) for value in values]))


def _numbers(*values: int | None) -> Numbers:
    held = numpy.array([value or 0 for value in values], dtype=numpy.int64)
    return Numbers(held, numpy.array([value is None for value in values]))


def test_a_block_is_its_sizes_then_each_columns_name_type_and_values() -> None:
    columns: list[tuple[str, str, Column]] = [
        ("n", "Nullable(Int64)", _numbers(1, None)),
        ("s", "String", _texts(b"a", b"bc")),
        ("f", "FixedString(2)", _texts(b"xy", b"xy")),
    ]
    assert native.block(columns, 2) == (
        b"\x03\x02"
        b"\x01n\x0fNullable(Int64)\x00\x01" + (1).to_bytes(8, "little") + bytes(8)
        + b"\x01s\x06String\x01a\x02bc"
        b"\x01f\x0eFixedString(2)xyxy"
    )  # fmt: skip


def test_blocks_are_read_as_rows() -> None:
    columns: list[tuple[str, str, Column]] = [
        ("n", "Nullable(Int64)", _numbers(-1, None)),
        ("s", "Nullable(String)", _texts("é".encode(), None)),
        ("f", "FixedString(2)", _texts(b"xy", b"\x00\xff")),
        ("d", "Date", _numbers(0, 20_000)),
    ]
    two = native.block(columns, 2) * 2
    rows = [
        {"n": -1, "s": "é", "f": b"xy", "d": 0},
        {"n": None, "s": None, "f": b"\0\xff", "d": 20_000},
    ]
    assert native.rows(two) == rows * 2


def test_arrays_are_read_row_by_row() -> None:
    ends = (2).to_bytes(8, "little") + (2).to_bytes(8, "little") + (3).to_bytes(8, "little")
    data = b"\x01\x03\x01a\x0dArray(String)" + ends + b"\x01x\x01y\x01z"
    assert [row["a"] for row in native.rows(data)] == [["x", "y"], [], ["z"]]


@given(st.lists(st.none() | _TEXT, min_size=1, max_size=20))
def test_texts_come_back_as_they_were_sent(values: list[str | None]) -> None:
    column = _texts(*(None if value is None else value.encode() for value in values))
    data = native.block([("s", "Nullable(String)", column)], len(values))
    assert [row["s"] for row in native.rows(data)] == values


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_unreadable(data: bytes) -> None:
    try:
        native.rows(data)
    except wire.Unreadable:
        return


@given(st.integers(0, 200))
def test_a_block_that_was_cut_is_unreadable(cut: int) -> None:
    columns: list[tuple[str, str, Column]] = [
        ("n", "Nullable(Int64)", _numbers(1, None, 3)),
        ("s", "String", _texts(b"a", b"bc", b"a" * 130)),
    ]
    whole = native.block(columns, 3)
    with pytest.raises(wire.Unreadable):
        native.rows(whole[: 1 + cut % (len(whole) - 1)])
