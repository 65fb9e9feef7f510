"""Columns of batches as numbers and texts that ClickHouse takes, joined over many batches.

What a column cannot hold is found here, before anything is sent: `Unstorable` names the column.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from ingest.store.arrays import Ints, Words
from ingest.store.base import Batch, Table, Unstorable
from ingest.store.clickhouse_native import Column, Numbers, Texts
from ingest.store.tables import CHILDREN, SHAPES, kinds

SESSION_BYTES = 16
_NUL = "\0"
_MOST = (1 << 63) - 1
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int, bool),
    "bool": (bool,),
    "text": (str,),
    "bytes": (bytes,),
    "texts": (list, tuple),
}


class Columns(NamedTuple):
    """One table of one batch or more: columns of `rows` rows; an absent one is unknown in all."""

    rows: int
    columns: dict[str, Column]

    def cut(self, rows: NDArray[Any]) -> "Columns":
        """Return the rows that are named, in that order."""
        return Columns(len(rows), {name: one.cut(rows) for name, one in self.columns.items()})


def columns(batch: Batch) -> dict[str, Columns]:
    """Return the tables of a batch that the store knows, checked value by value."""
    out = {}
    for name, table in batch.tables.items():
        if table.rows and (name in SHAPES or name in CHILDREN):
            out[name] = _columns(name, table)
    return out


def joined(tables: Sequence[Columns]) -> Columns:
    """Return tables of one kind below each other."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    sizes = [table.rows for table in tables]
    out: dict[str, Column] = {}
    for name in names:
        pieces = [table.columns.get(name) for table in tables]
        if any(isinstance(piece, Texts) for piece in pieces):
            out[name] = _joined_texts(pieces, sizes)
        else:
            out[name] = _joined_numbers(pieces, sizes)
    return Columns(sum(sizes), out)


def repeated(values: Sequence[bytes | None], sizes: Sequence[int]) -> Texts:
    """Return a text for each batch, as often as it has rows."""
    places: dict[bytes | None, int] = {}
    found = [places.setdefault(value, len(places)) for value in values]
    return Texts(list(places), numpy.repeat(numpy.array(found, dtype=numpy.int64), sizes))


def whole(values: Iterable[int | None]) -> Numbers:
    """Return whole numbers of 64 bits; None is unknown."""
    listed = list(values)
    array = numpy.array([value or 0 for value in listed], dtype=numpy.int64)
    unknown = numpy.array([value is None for value in listed], dtype=numpy.bool_)
    return Numbers(array, unknown if unknown.any() else None)


def _columns(name: str, table: Table) -> Columns:
    known = kinds(name)
    keys = SHAPES[name].key if name in SHAPES else CHILDREN[name].key
    out: dict[str, Column] = {}
    for column, values in table.columns.items():
        if column not in known:
            raise Unstorable(f"{name} has no column {column}")
        try:
            typed = _column(known[column], values)
        except (TypeError, ValueError, OverflowError, UnicodeError) as error:
            what = type(error).__name__
            raise Unstorable(f"{name}.{column} cannot hold its values: {what}") from error
        if len(typed.indexes if isinstance(typed, Texts) else typed.values) != table.rows:
            raise Unstorable(f"{name}.{column} has another number of rows")
        if column in keys and _unknown(typed):
            raise Unstorable(f"{name}.{column} is a key and unknown in some rows")
        out[column] = typed
    if not set(keys) <= set(out):
        raise Unstorable(f"{name} has rows without their key")
    return Columns(table.rows, out)


def _column(kind: str, values: Any) -> Column:
    if kind in ("int", "bool"):
        if isinstance(values, Ints):
            # They are as wide as they came.
            wide = numpy.int64 if kind == "int" else numpy.bool_
            unknown = None if values.known is None else ~values.known
            return Numbers(values.values.astype(wide, copy=False), unknown)
        if isinstance(values, Words):
            distinct = _numbers(kind, values.distinct)
            return distinct.cut(values.indexes)
        return _numbers(kind, values)
    if isinstance(values, Words):
        return Texts(_encoded(kind, values.distinct), values.indexes)
    if isinstance(values, Ints):
        raise TypeError("numbers in a column of texts")
    if kind == "texts":
        return Texts(_encoded(kind, values), numpy.arange(len(values)))
    places: dict[Any, int] = {}
    found = [places.setdefault(value, len(places)) for value in values]
    return Texts(_encoded(kind, list(places)), numpy.array(found, dtype=numpy.int64))


def _numbers(kind: str, values: Sequence[Any]) -> Numbers:
    _check(kind, values)
    return whole(values)


def _encoded(kind: str, values: Sequence[Any]) -> list[bytes | None]:
    _check(kind, values)
    if kind == "bytes":
        if any(value is not None and len(value) != SESSION_BYTES for value in values):
            raise ValueError("an id of another length than 16 bytes")
        return list(values)
    if kind == "texts":
        values = [None if value is None else _listed(value) for value in values]
    return [None if value is None else value.encode() for value in values]


def _listed(texts: Sequence[str]) -> str:
    """Return a list as one text: NUL ends each of its texts, which no argument can hold."""
    return "".join(text.replace(_NUL, "") + _NUL for text in texts)


def _check(kind: str, values: Sequence[Any]) -> None:
    wanted = _KINDS[kind]
    if not {type(value) for value in values} <= {*wanted, type(None)}:
        raise TypeError("a value of another kind than its column's")


def _unknown(column: Column) -> bool:
    if isinstance(column, Numbers):
        return column.unknown is not None and bool(column.unknown.any())
    nothing = [place for place, word in enumerate(column.distinct) if word is None]
    return bool(nothing) and bool(numpy.isin(column.indexes, nothing).any())


def _joined_texts(pieces: Sequence[Column | None], sizes: Sequence[int]) -> Texts:
    places: dict[bytes | None, int] = {}
    parts = []
    for piece, size in zip(pieces, sizes, strict=True):
        if isinstance(piece, Texts):
            codes = [places.setdefault(word, len(places)) for word in piece.distinct]
            parts.append(numpy.array(codes, dtype=numpy.int64)[piece.indexes])
        else:
            parts.append(numpy.full(size, places.setdefault(None, len(places))))
    return Texts(list(places), numpy.concatenate(parts))


def _joined_numbers(pieces: Sequence[Column | None], sizes: Sequence[int]) -> Numbers:
    values: list[NDArray[Any]] = []
    unknown: list[NDArray[numpy.bool_]] = []
    for piece, size in zip(pieces, sizes, strict=True):
        there = piece if isinstance(piece, Numbers) else None
        values.append(numpy.zeros(size, numpy.int64) if there is None else there.values)
        if there is None:
            unknown.append(numpy.ones(size, numpy.bool_))
        elif there.unknown is None:
            unknown.append(numpy.zeros(size, numpy.bool_))
        else:
            unknown.append(there.unknown)
    marks = numpy.concatenate(unknown)
    return Numbers(numpy.concatenate(values), marks if marks.any() else None)
