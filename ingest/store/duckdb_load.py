"""Batches into DuckDB: numpy columns, staged, then put in the place of what they replace."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import numpy
from duckdb import DuckDBPyConnection

from ingest.store.base import Batch
from ingest.store.duckdb_file import TYPES, statement
from ingest.store.tables import CHILDREN, SHAPES, kinds

_NUL = "\0"
_NUMPY = {"int": numpy.int64, "bool": numpy.bool_}
# A moment beyond these would overflow a sum with a clock: about the years 1824 and 2116.
_MOMENT_MOST = 1 << 62


def load(cursor: DuckDBPyConnection, batches: Sequence[Batch]) -> None:
    """Add the batches within the transaction the cursor is in.

    What is registered and staged goes when the cursor is closed.
    """
    cursor.register("fed_batches", _meta(batches))
    _run(cursor, "boots")
    _run(cursor, "batches")
    for name in SHAPES:
        columns = _columns(name, batches)
        if columns is None:
            continue
        cursor.register(f"fed_{name}", columns)
        told_again = _load(cursor, name, batches)
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                _load_list(cursor, child_name, batches, told_again=told_again)


def _load(cursor: DuckDBPyConnection, name: str, batches: Sequence[Batch]) -> bool:
    """Load one table; say whether it held any of the keys already."""
    shape = SHAPES[name]
    present = _present(name, batches)
    _run(
        cursor,
        "stage",
        table=name,
        moment=_moment(name, present),
        columns=", ".join(_selected(name, present)),
        key=", ".join(f'f."{key}"' for key in shape.key),
    )
    equal = _equal("t", "s", zip(shape.key, shape.key, strict=True))
    former = cursor.execute(statement("former", table=name, equal=equal)).fetchone()
    told_again = former is not None and former[0] > 0
    if told_again:
        _run(cursor, "replace", table=name)
    _run(cursor, "insert_commands" if name == "commands" else "insert", table=name)
    if name == "sessions":
        _run(cursor, "sessions_told")
    return told_again


def _load_list(
    cursor: DuckDBPyConnection, name: str, batches: Sequence[Batch], *, told_again: bool
) -> None:
    child = CHILDREN[name]
    keys = list(zip(child.key, child.parent_key, strict=True))
    words = {"table": name, "parent": child.parent}
    if told_again:
        _run(cursor, "children", **words, equal=_equal("t", "p", keys))
    fed = _columns(name, batches)
    if fed is not None:
        cursor.register(f"fed_{name}", fed)
        columns = ", ".join(f'f."{column}"' for column in kinds(name))
        _run(cursor, "insert_children", **words, columns=columns, equal=_equal("f", "p", keys))


def _run(cursor: DuckDBPyConnection, name: str, **words: str) -> None:
    cursor.execute(statement(name, **words))


def _equal(left: str, right: str, keys: Any) -> str:
    return " AND ".join(f'{left}."{mine}" = {right}."{theirs}"' for mine, theirs in keys)


def _moment(name: str, present: Sequence[str]) -> str:
    """Return the expression of a row's time: on the boot's first wall clock, not on today's.

    A segment without its header is of no boot: then the time is as it was told.
    """
    moment = SHAPES[name].moment or "started_at"
    told = "b.wall_ns"
    if moment in present:
        within = f'abs(f."{moment}") < {_MOMENT_MOST}'
        told = f'CASE WHEN {within} THEN f."{moment}" ELSE b.wall_ns END'
    booted = f"{told} - b.boot_at + o.first_at"
    if "start_ticks" in present:
        booted = "o.first_at + least(f.start_ticks, 549755813888) * 10000000"
    return f"CASE WHEN b.boot = '' THEN {told} ELSE {booted} END"


def _selected(name: str, present: Sequence[str]) -> Iterator[str]:
    all_kinds = kinds(name)
    for column in present:
        if all_kinds[column] == "texts":
            # NUL ends each text, which no argument can hold; what follows the last is dropped.
            yield f'string_split(f."{column}", chr(0))[:-2] AS "{column}"'
        else:
            yield f'CAST(f."{column}" AS {TYPES[all_kinds[column]]}) AS "{column}"'


def _present(name: str, batches: Sequence[Batch]) -> list[str]:
    there = {
        column for batch in batches if name in batch.tables for column in batch.tables[name].columns
    }
    return [column for column in kinds(name) if column in there]


def _columns(name: str, batches: Sequence[Batch]) -> Mapping[str, Any] | None:
    """Return one table of all batches as arrays, NULL masked, or None where there are no rows."""
    there = [(place, batch.tables[name]) for place, batch in enumerate(batches)
             if name in batch.tables]  # fmt: skip
    if not there:
        return None
    all_kinds = kinds(name)
    out = {
        column: _array(
            all_kinds[column],
            chain.from_iterable(
                table.columns.get(column) or repeat(None, table.rows) for _, table in there
            ),
        )
        for column in _present(name, batches)
    }
    sizes = [table.rows for _, table in there]
    out["place_batch"] = numpy.repeat([place for place, _ in there], sizes)
    out["place_fed"] = numpy.arange(sum(sizes))
    return out


def _array(kind: str, values: Iterable[Any]) -> Any:
    if kind in _NUMPY:
        listed = list(values)
        unknown = [value is None for value in listed]
        held = [0 if value is None else value for value in listed]
        return numpy.ma.masked_array(numpy.array(held, dtype=_NUMPY[kind]), mask=unknown)
    if kind == "texts":
        values = (
            None if value is None else "".join(text.replace(_NUL, "") + _NUL for text in value)
            for value in values
        )
    listed = list(values)
    out = numpy.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def _meta(batches: Sequence[Batch]) -> Mapping[str, Any]:
    bounds = [_bounds(batch) for batch in batches]
    texts = {
        name: _array("text", (getattr(batch, name) for batch in batches))
        for name in ("id", "tenant", "device", "person", "team", "boot")
    }
    numbers = {
        name: _array("int", (getattr(batch, name) for batch in batches))
        for name in ("number", "wall_ns", "received_at", "skew_ns")
    }
    return {
        **texts,
        **numbers,
        "digest": _array("bytes", (batch.digest for batch in batches)),
        "place_batch": numpy.arange(len(batches)),
        "boot_at": _array("int", (batch.wall_ns - batch.boottime_ns for batch in batches)),
        "rows": _array("int", (sum(t.rows for t in batch.tables.values()) for batch in batches)),
        "first_at": _array("int", (first for first, _ in bounds)),
        "last_at": _array("int", (last for _, last in bounds)),
    }


def _bounds(batch: Batch) -> tuple[int | None, int | None]:
    commands = batch.tables.get("commands")
    if commands is None:
        return None, None
    times = [at for at in commands.columns.get("started_at", ()) if at is not None]
    return min(times, default=None), max(times, default=None)
