"""Columns are read by DuckDB as they are: every value, every unknown one, as often as asked."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.store.arrays import Ints, Words
from ingest.store.duckdb_arrow import Column, Relation
from ingest.store.duckdb_columns import column

INTS = st.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KINDS = {"int": INTS, "bool": st.booleans(), "text": TEXTS, "bytes": st.binary(max_size=20)}


def _read(**columns: Column) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.register("told", Relation(columns))
        return connection.execute("FROM told").fetchall()


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_each_value_comes_as_it_is_and_an_unknown_one_as_null(kind: str, data: Any) -> None:
    drawn = st.lists(st.none() | KINDS[kind], min_size=1, max_size=40)
    values: Sequence[Any] = data.draw(drawn)
    assert [row for (row,) in _read(told=column(kind, values))] == values


def test_a_day_is_a_date() -> None:
    found = _read(day=Ints(numpy.array([0, 20_000], numpy.int32)))
    assert [str(day) for (day,) in found] == ["1970-01-01", "2024-10-04"]


def test_many_rows_share_a_text() -> None:
    places = numpy.arange(10_000) % 300
    words = Words([f"word {number}" for number in range(300)], places)
    assert [row for (row,) in _read(told=words)] == words.tolist()


def test_what_was_scanned_is_scanned_again_in_any_order_of_columns() -> None:
    told = Relation({"first": column("int", [1, 2]), "second": column("text", ["a", None])})
    with duckdb.connect() as connection:
        connection.register("told", told)
        for _ in range(3):
            found = connection.execute("SELECT second, first FROM told WHERE first > 1")
            assert found.fetchall() == [(None, 2)]


def test_no_rows_are_none() -> None:
    assert _read(told=Ints(numpy.zeros(0, numpy.int64))) == []


def test_a_number_among_texts_is_refused() -> None:
    with pytest.raises(TypeError):
        Relation({"told": column("text", ["a", 1])})
