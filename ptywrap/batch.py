"""The batch: a segment's facts as packed columns in one MessagePack map, for a remote destination.

``v, batch, device, boot, clocks, policy, tables``; `clocks` are the segment's wall, monotonic and
boottime clocks and its UTC offset, ns; `tables` maps a table to ``{n, cols}``. Columns that are
unknown in every row are left out. Equal facts give equal bytes: there is no map whose order is not
that of the schema.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from ptywrap import columns, strict, tabular
from ptywrap.columns import Packed, Unreadable
from ptywrap.facts import Fact, Segment

VERSION = 1
"""Raised when a reader of the former version would misread; tables and columns do not raise it."""

BATCH_LIMIT = 4 << 20
"""Bytes a batch may have before it is compressed; `BODY_LIMIT` bounds it after."""
BODY_LIMIT = 1 << 20
ROWS_LIMIT = strict.ARRAY_LIMIT
_encoder = msgspec.msgpack.Encoder()
_HEAD = ("v", "batch", "device", "boot", "clocks", "policy", "tables")
_TABLE = frozenset({"n", "cols"})
_NAMES = frozenset({str})
_KNOWN = frozenset(
    {*tabular.COLUMNS, *(name for names in tabular.COLUMNS.values() for name in names)}
)


class Clocks(NamedTuple):
    """What the clocks of a laptop said when the newest segment of a batch was begun, ns."""

    wall_ns: int
    monotonic_ns: int
    boottime_ns: int
    utc_offset_ns: int


class Table(NamedTuple):
    """The packed columns of one table, all of `rows` rows; a missing column is unknown in all."""

    rows: int
    columns: Mapping[str, Packed]


class Batch(NamedTuple):
    """A batch as it was read, lengths and indexes checked; it may hold tables we do not know."""

    id: str
    device: str
    boot: str
    clocks: Clocks
    policy: int
    tables: Mapping[str, Table]


def pack(name: str, header: Segment, facts: Iterable[Fact]) -> bytes:
    """Return the bytes of the batch `name`; facts that never travel are passed over.

    Of a fact told again only the last telling is packed. ValueError when the batch is more than a
    server takes: then it has to be divided.
    """
    tables: dict[str, list[tabular.Row]] = {}
    for fact in tabular.latest(facts):
        for table, row in tabular.rows(fact):
            tables.setdefault(table, []).append(row)
    if any(len(rows) > ROWS_LIMIT for rows in tables.values()):
        raise ValueError(f"more than {ROWS_LIMIT} rows of a table")
    packed: dict[str, dict[str, Any]] = {
        table: {"n": len(tables[table]), "cols": _packed(tables[table], names)}
        for table, names in tabular.COLUMNS.items()
        if table in tables
    }
    clocks = [header.wall_ns, header.monotonic_ns, header.boottime_ns, header.utc_offset_ns]
    values = (VERSION, name, header.device, header.boot_id, clocks, header.policy, packed)
    body = _encoder.encode(dict(zip(_HEAD, values, strict=True)))
    if len(body) > BATCH_LIMIT or _elements(packed) > strict.ELEMENTS:
        raise ValueError(f"more than {BATCH_LIMIT} bytes or {strict.ELEMENTS} elements")
    return body


def unpack(body: bytes) -> Batch:
    """Return a batch, or raise Unreadable with the path of what is wrong in it.

    Bounds are those of trust.md 3.7; nothing is allocated by what a length claims.
    """
    if len(body) > BATCH_LIMIT:
        raise Unreadable(f"more than {BATCH_LIMIT} bytes")
    raw = _map(strict.decoded(body), "batch")
    if type(raw.get("v")) is not int or raw["v"] != VERSION:
        raise Unreadable(f"v: this reads version {VERSION} alone")
    clocks = raw.get("clocks")
    if not isinstance(clocks, list) or len(clocks) != 4 or not all(map(_is_moment, clocks)):
        raise Unreadable("clocks: not four numbers of 64 bits")
    policy = raw.get("policy")
    if type(policy) is not int or not _is_moment(policy):
        raise Unreadable("policy: no number")
    _passed_over(raw, _HEAD, "batch")
    tables = _map(raw.get("tables"), "tables")
    return Batch(
        _text(raw, "batch"),
        _text(raw, "device"),
        _text(raw, "boot"),
        Clocks(*clocks),
        policy,
        {_named(name): _table(name, value) for name, value in tables.items()},
    )


def facts(batch: Batch) -> Iterator[Fact]:
    """Yield the facts of a batch, table by table; what this version does not know is passed.

    Raise Unreadable where a row is no fact: it lacks part of its key, or holds another type.
    """
    tables = {}
    for name, table in batch.tables.items():
        known = [column for column in tabular.COLUMNS.get(name, ()) if column in table.columns]
        values = [columns.values(table.columns[column], table.rows) for column in known]
        tables[name] = [dict(zip(known, row, strict=True)) for row in zip(*values, strict=True)]
    try:
        yield from tabular.facts(tables)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None


def _packed(rows: list[tabular.Row], names: tuple[str, ...]) -> dict[str, list[Any]]:
    out = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if any(value is not None for value in values):
            out[name] = columns.pack(values)
    return out


def _elements(packed: Mapping[str, Mapping[str, Any]]) -> int:
    """Return how many elements a reader counts in tables, at most: the rest of a batch has few."""
    number = 100
    for table in packed.values():
        for column in table["cols"].values():
            values = column[1] if column[0] == "d" else ()
            lists = sum(len(value) + 1 for value in values if type(value) is list)
            number += 12 + len(values) + lists
    return number


def _table(name: str, raw: Any) -> Table:
    # What is known passes without a look at each name.
    if type(raw) is not dict or not raw.keys() <= _TABLE:
        _passed_over(_map(raw, f"tables.{name}"), _TABLE, f"tables.{name}")
    rows = raw.get("n")
    if type(rows) is not int or not 0 < rows <= ROWS_LIMIT:
        raise Unreadable(f"tables.{name}.n: not 1 to {ROWS_LIMIT} rows")
    found = raw.get("cols")
    read = columns.read
    try:
        if type(found) is not dict or not found.keys() <= _KNOWN:
            found = {_named(column): one for column, one in _map(found, "cols").items()}
        return Table(rows, {column: read(one, rows, column) for column, one in found.items()})
    except Unreadable as error:
        raise Unreadable(f"tables.{name}.{error}") from None


def _map(raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or not set(map(type, raw)) <= _NAMES:
        raise Unreadable(f"{path}: no map of names")
    return raw


def _passed_over(raw: dict[str, Any], known: Collection[str], path: str) -> None:
    """Allow what a newer version may have added, as long as it is within the bounds."""
    for name in raw.keys() - set(known):
        if not strict.plain(raw[name], strict.DEPTH - 3):
            raise Unreadable(f"{path}.{_named(name)}: deeper, or of another type, than may be")


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or len(value) > 128:
        raise Unreadable(f"{name}: no short text")
    return value


def _named(name: str) -> str:
    if name in _KNOWN:
        return name
    if not name.isascii() or not name.replace("_", "").isalnum() or len(name) > 48:
        raise Unreadable("a name that no table or column has")
    return name


def _is_moment(value: Any) -> bool:
    return type(value) is int and abs(value) <= columns.MOST
