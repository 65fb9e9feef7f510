"""The batch: a segment's facts as packed columns in one MessagePack map, for a remote destination.

``v, batch, device, boot, clocks, policy, tables``; `clocks` are the segment's wall, monotonic and
boottime clocks and its UTC offset, ns; `tables` maps a table to ``{n, cols}``. Columns that are
unknown in every row are left out. Equal facts give equal bytes: there is no map whose order is not
that of the schema.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from ptywrap import columns, tabular
from ptywrap.columns import Packed, Unreadable
from ptywrap.facts import Fact, Segment

VERSION = 1
"""Raised when a reader of the former version would misread; tables and columns do not raise it."""

BATCH_LIMIT = 4 << 20
"""Bytes a batch may have before it is compressed; `BODY_LIMIT` bounds it after."""
BODY_LIMIT = 1 << 20
ROWS_LIMIT = 4096
_ELEMENTS = 50_000
_encoder = msgspec.msgpack.Encoder()
_HEAD = ("v", "batch", "device", "boot", "clocks", "policy", "tables")


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
    """Return the bytes of the batch `name`; facts that never travel are passed over."""
    tables: dict[str, list[tabular.Row]] = {}
    for fact in facts:
        for table, row in tabular.rows(fact):
            tables.setdefault(table, []).append(row)
    packed = {
        table: {"n": len(tables[table]), "cols": _packed(tables[table], names)}
        for table, names in tabular.COLUMNS.items()
        if table in tables
    }
    clocks = [header.wall_ns, header.monotonic_ns, header.boottime_ns, header.utc_offset_ns]
    values = (VERSION, name, header.device, header.boot_id, clocks, header.policy, packed)
    return _encoder.encode(dict(zip(_HEAD, values, strict=True)))


def unpack(body: bytes) -> Batch:
    """Return a batch, or raise Unreadable with the path of what is wrong in it.

    Bounds are those of trust.md 3.7; nothing is allocated by what a length claims.
    """
    if len(body) > BATCH_LIMIT:
        raise Unreadable(f"more than {BATCH_LIMIT} bytes")
    raw = _map(_unpacked(body), "batch")
    if raw.get("v") != VERSION:
        raise Unreadable(f"v: this reads version {VERSION} alone")
    clocks = raw.get("clocks")
    if not isinstance(clocks, list) or len(clocks) != 4 or not all(map(_is_moment, clocks)):
        raise Unreadable("clocks: not four numbers of 64 bits")
    policy = raw.get("policy")
    if type(policy) is not int or not _is_moment(policy):
        raise Unreadable("policy: no number")
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
    """Yield the facts of a batch, table by table; what this version does not know is passed."""
    tables = {}
    for name, table in batch.tables.items():
        known = [column for column in tabular.COLUMNS.get(name, ()) if column in table.columns]
        values = [columns.values(table.columns[column], table.rows) for column in known]
        tables[name] = [dict(zip(known, row, strict=True)) for row in zip(*values, strict=True)]
    return tabular.facts(tables)


def _packed(rows: list[tabular.Row], names: tuple[str, ...]) -> dict[str, list[Any]]:
    out = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if any(value is not None for value in values):
            out[name] = columns.pack(values)
    return out


def _unpacked(body: bytes) -> Any:
    """Decode within bounds: depth is what the callers below ask for, elements are counted here."""
    # The observer and the verbs import the schema too, and unpack nothing.
    import msgpack  # noqa: PLC0415

    elements = 0

    def counted(more: int) -> None:
        nonlocal elements
        elements += more
        if elements > _ELEMENTS:
            raise Unreadable(f"more than {_ELEMENTS} elements")

    def pairs(found: list[tuple[Any, Any]]) -> dict[Any, Any]:
        counted(len(found))
        out = dict(found)
        if len(out) != len(found):
            raise Unreadable("a key that stands twice")
        return out

    def listed(found: list[Any]) -> list[Any]:
        counted(len(found) + 1)
        return found

    try:
        return msgpack.unpackb(
            body,
            strict_map_key=True,
            max_array_len=ROWS_LIMIT,
            max_map_len=256,
            max_str_len=16_384,
            max_bin_len=65_536,
            max_ext_len=0,
            object_pairs_hook=pairs,
            list_hook=listed,
        )
    except Unreadable:
        raise
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise Unreadable(f"no MessagePack of ours: {type(error).__name__}") from None


def _table(name: str, raw: Any) -> Table:
    table = _map(raw, f"tables.{name}")
    rows = table.get("n")
    if type(rows) is not int or not 0 < rows <= ROWS_LIMIT:
        raise Unreadable(f"tables.{name}.n: not 1 to {ROWS_LIMIT} rows")
    found = _map(table.get("cols"), f"tables.{name}.cols")
    return Table(
        rows,
        {
            _named(column): columns.read(packed, rows, f"tables.{name}.{column}")
            for column, packed in found.items()
        },
    )


def _map(raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise Unreadable(f"{path}: no map of names")
    return raw


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or len(value) > 128:
        raise Unreadable(f"{name}: no short text")
    return value


def _named(name: str) -> str:
    if not name.replace("_", "").isalnum() or len(name) > 48:
        raise Unreadable("a name that no table or column has")
    return name


def _is_moment(value: Any) -> bool:
    return type(value) is int and abs(value) <= columns.MOST
