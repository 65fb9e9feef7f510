"""One table of many batches as the arrays DuckDB scans: NULL masked, no loop over rows.

Columns that came packed are taken as they are; plain sequences, a laptop's, are made arrays here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from ingest.store.arrays import Ints, Values, Words
from ingest.store.base import Batch, Table
from ingest.store.tables import kinds

NUL = "\0"
_NUMPY = {"int": numpy.int64, "bool": numpy.bool_}
Part = tuple[Values | None, int]


def present(name: str, batches: Sequence[Batch]) -> list[str]:
    """Return the columns of a table that are in any of the batches, in the table's order."""
    there = {
        column for batch in batches if name in batch.tables for column in batch.tables[name].columns
    }
    return [column for column in kinds(name) if column in there]


def columns(name: str, batches: Sequence[Batch]) -> dict[str, Any] | None:
    """Return one table of all batches as arrays, or None where there are no rows.

    `place_batch` is a row's batch, `place_fed` its place; texts of a list end in NUL each.
    """
    there = [(place, batch.tables[name]) for place, batch in enumerate(batches)
             if name in batch.tables]  # fmt: skip
    if not there:
        return None
    all_kinds = kinds(name)
    out = {
        column: _merged(all_kinds[column], _parts(column, [table for _, table in there]))
        for column in present(name, batches)
    }
    sizes = [table.rows for _, table in there]
    out["place_batch"] = numpy.repeat([place for place, _ in there], sizes)
    out["place_fed"] = numpy.arange(sum(sizes))
    return out


def array(kind: str, values: Sequence[Any]) -> Any:
    """Return plain values as one array, None masked or, among objects, as it is."""
    if kind in _NUMPY:
        listed, unknown = _listed(kind, values)
        return listed if unknown is None else numpy.ma.masked_array(listed, mask=unknown)
    return _objects(kind, values)


def moments(batches: Sequence[Batch]) -> Mapping[str, Any]:
    """Return what every row of a batch is placed in time by, one value a batch."""
    wall = numpy.array([batch.wall_ns for batch in batches], numpy.int64)
    boottime = numpy.array([batch.boottime_ns for batch in batches], numpy.int64)
    return {
        "wall_ns": wall,
        "boot_at": wall - boottime,
        "bootless": numpy.array([batch.boot == "" for batch in batches]),
    }


def _parts(column: str, tables: Sequence[Table]) -> list[Part]:
    return [(table.columns.get(column), table.rows) for table in tables]


def _merged(kind: str, parts: Sequence[Part]) -> Any:
    if kind in _NUMPY:
        return _numbers(kind, parts)
    distinct: list[Any] = []
    indexes = []
    for values, rows in parts:
        words = _words(values, rows)
        indexes.append(words.indexes + numpy.int32(len(distinct)))
        distinct += words.distinct
    return _objects(kind, distinct)[numpy.concatenate(indexes)]


def _numbers(kind: str, parts: Sequence[Part]) -> Any:
    pieces = [_ints(kind, values, rows) for values, rows in parts]
    whole = numpy.concatenate([values for values, _ in pieces])
    if all(unknown is None for _, unknown in pieces):
        return whole
    masks = [
        numpy.zeros(len(values), numpy.bool_) if unknown is None else unknown
        for values, unknown in pieces
    ]
    return numpy.ma.masked_array(whole, mask=numpy.concatenate(masks))


def _ints(kind: str, values: Values | None, rows: int) -> tuple[Any, Any]:
    """Return the numbers of one batch and which are unknown, None where none are."""
    if values is None:
        return numpy.zeros(rows, _NUMPY[kind]), numpy.ones(rows, numpy.bool_)
    if isinstance(values, Ints):
        return values.values, None if values.known is None else ~values.known
    return _listed(kind, values)


def _listed(kind: str, values: Values) -> tuple[Any, Any]:
    told = list(values)
    unknown = [value is None for value in told]
    held = [0 if value is None else value for value in told]
    numbers: Any = numpy.array(held, dtype=_NUMPY[kind])
    return numbers, numpy.array(unknown) if any(unknown) else None


def _words(values: Values | None, rows: int) -> Words:
    if values is None:
        return Words((None,), numpy.zeros(rows, numpy.int32))
    if isinstance(values, Words):
        return values
    return Words(list(values), numpy.arange(rows, dtype=numpy.int32))


def _objects(kind: str, values: Values) -> Any:
    told = list(values)
    if kind == "texts":
        told = [
            None if value is None else "".join(text.replace(NUL, "") + NUL for text in value)
            for value in told
        ]
    out = numpy.empty(len(told), dtype=object)
    out[:] = told
    return out
