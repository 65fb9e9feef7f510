"""One table of many batches as whole columns: no loop over rows.

Columns that came packed are taken as they are; plain sequences, a laptop's, are made arrays here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from ingest.store.arrays import Ints, Values, Words
from ingest.store.base import Batch, Table
from ingest.store.tables import kinds

NUL = "\0"
Column = Ints | Words
Part = tuple[Values | None, int]
_NUMPY = {"int": numpy.int64, "bool": numpy.bool_}


def present(name: str, batches: Sequence[Batch]) -> list[str]:
    """Return the columns of a table that are in any of the batches, in the table's order."""
    there = {
        column for batch in batches if name in batch.tables for column in batch.tables[name].columns
    }
    return [column for column in kinds(name) if column in there]


def columns(name: str, batches: Sequence[Batch]) -> dict[str, Column] | None:
    """Return one table of all batches, or None where there are no rows.

    `place_batch` is a row's batch, `place_fed` its place; texts of a list end in NUL each.
    """
    there = [(place, batch.tables[name]) for place, batch in enumerate(batches)
             if name in batch.tables]  # fmt: skip
    if not there:
        return None
    all_kinds = kinds(name)
    sizes = [table.rows for _, table in there]
    tables = [table for _, table in there]
    out: dict[str, Column] = {
        column: _merged(all_kinds[column], _parts(column, tables), sum(sizes))
        for column in present(name, batches)
    }
    out["place_batch"] = Ints(numpy.repeat([place for place, _ in there], sizes))
    out["place_fed"] = Ints(numpy.arange(sum(sizes)))
    return out


def column(kind: str, values: Sequence[Any]) -> Column:
    """Return plain values as a column."""
    return _merged(kind, [(values, len(values))], len(values))


def codes(held: Column) -> Any:
    """Return an array that is equal in two rows where the column is."""
    return held.values if isinstance(held, Ints) else held.indexes


def moments(batches: Sequence[Batch]) -> Mapping[str, Any]:
    """Return what every row of a batch is placed in time by, one value a batch."""
    wall = numpy.array([batch.wall_ns for batch in batches], numpy.int64)
    boottime = numpy.array([batch.boottime_ns for batch in batches], numpy.int64)
    return {
        "wall_ns": wall,
        "boot_at": wall - boottime,
        "bootless": numpy.array([batch.boot == "" for batch in batches]),
    }


def _parts(name: str, tables: Sequence[Table]) -> list[Part]:
    return [(table.columns.get(name), table.rows) for table in tables]


def _merged(kind: str, parts: Sequence[Part], rows: int) -> Column:
    return _numbers(kind, parts, rows) if kind in _NUMPY else _texts(kind, parts, rows)


def _whole(values: Values | None, rows: int) -> Values | None:
    if values is not None and len(values) != rows:
        raise ValueError("a column of another number of rows than its table")
    return values


def _texts(kind: str, parts: Sequence[Part], rows: int) -> Words:
    """Return words of which no two are alike."""
    places: dict[Any, int] = {}
    indexes = numpy.empty(rows, numpy.int32)
    start = 0
    for values, size in parts:
        end = start + size
        words = _words(kind, _whole(values, size), size)
        found = [places.setdefault(word, len(places)) for word in words.distinct]
        if len(found) == 1:
            indexes[start:end] = found[0]
        else:
            indexes[start:end] = numpy.array(found, numpy.int32)[words.indexes]
        start = end
    return Words(list(places), indexes)


def _words(kind: str, values: Values | None, rows: int) -> Words:
    if values is None:
        return Words((None,), numpy.zeros(rows, numpy.uint8))
    words = values if isinstance(values, Words) else Words(list(values), numpy.arange(rows))
    if kind != "texts":
        return words
    joined = [
        None if one is None else "".join(text.replace(NUL, "") + NUL for text in one)
        for one in words.distinct
    ]
    return Words(joined, words.indexes)


def _numbers(kind: str, parts: Sequence[Part], rows: int) -> Ints:
    whole: Any = numpy.empty(rows, _NUMPY[kind])
    known = None
    start = 0
    for values, size in parts:
        end = start + size
        numbers = _ints(kind, _whole(values, size), size)
        whole[start:end] = numbers.values
        if numbers.known is not None:
            if known is None:
                known = numpy.ones(rows, numpy.bool_)
            known[start:end] = numbers.known
        start = end
    return Ints(whole, known)


def _ints(kind: str, values: Values | None, rows: int) -> Ints:
    """Return the numbers of one batch."""
    if values is None:
        return Ints(numpy.zeros(rows, _NUMPY[kind]), numpy.zeros(rows, numpy.bool_))
    if isinstance(values, Ints):
        return values
    told = list(values)
    known = [value is not None for value in told]
    held: Any = numpy.array([0 if value is None else value for value in told], _NUMPY[kind])
    return Ints(held, None if all(known) else numpy.array(known))
