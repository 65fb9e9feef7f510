"""One run out of DuckDB: the facts of a command, and its tree of processes."""

from operator import itemgetter
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from ingest.store import rows
from ingest.store.base import Row, Run
from ingest.store.duckdb_file import statement
from ingest.store.questions import Owner
from ptywrap import wire

_DAY_NS = 86_400_000_000_000
_DAYS_MOST = 10_000
_MOST = (1 << 63) - 1
_whose = itemgetter("tenant", "device", "session")


class Key(NamedTuple):
    """A command's own key below that of its device: two devices may tell the same session."""

    tenant: str
    device: str
    session: bytes
    id: int


def run(cursor: DuckDBPyConnection, command: str, owner: Owner | None) -> Run:
    """Return the run of the command an id's hex prefix or `last` names."""
    found = _last(cursor, owner) if command == "last" else _by_prefix(cursor, command, owner)
    if len(found) != 1:
        return Run(len(found))
    key = found[0]
    return Run(1, key.session, key.id, _facts(cursor, key))


def tree(
    cursor: DuckDBPyConnection, session: bytes, command: int, owner: Owner | None
) -> list[wire.Process]:
    """Return the processes of a command in the order of their birth."""
    found = fetch(cursor, statement("by_number"), {"id": command, **owned(owner)})
    there = [row for row in found if row["session"] == session]
    return _tree(cursor, min(there, key=itemgetter("tenant", "device"))) if there else []


def owned(owner: Owner | None) -> dict[str, Any]:
    """Return the parameters that say whose rows are asked for."""
    return owner._asdict() if owner else {"tenant": None, "person": None}


def _last(cursor: DuckDBPyConnection, owner: Owner | None) -> list[Key]:
    limit = 64
    while True:
        found = fetch(cursor, statement("newest"), {"limit": limit, **owned(owner)})
        for row in found:
            if not rows.own_verb(row):
                return [Key(*(row[name] for name in Key._fields))]
        if len(found) < limit:
            return []
        limit *= 16


def _by_prefix(cursor: DuckDBPyConnection, prefix: str, owner: Owner | None) -> list[Key]:
    if not rows.is_prefix(prefix):
        return []
    low, high = (_signed(int(prefix.ljust(16, digit), 16)) for digit in "0f")
    values = {"low": low, "high": high, **owned(owner)}
    return [Key(**row) for row in fetch(cursor, statement("by_id"), values)]


def _facts(cursor: DuckDBPyConnection, key: Key) -> list[wire.Fact]:
    values = key._asdict()
    row = fetch(cursor, statement("command"), values)[0]
    since = row["started_at"] or 0
    until = min(since + (row["wall_ns"] or 0), (1 << 63) - 1)
    machine = {"tenant": key.tenant, "device": key.device}
    out: list[wire.Fact] = [
        rows.command(
            row,
            fetch(cursor, statement("daemons"), values),
            fetch(cursor, statement("other_reasons"), values),
        )
    ]
    found = fetch(cursor, statement("session"), {**machine, "session": key.session})
    out += map(rows.session, found)
    out += _tree(cursor, row)
    out += map(rows.flow, fetch(cursor, statement("flows"), values))
    out += map(rows.sample, fetch(cursor, statement("samples"), values))
    window = {**machine, "since_at": since, "until_at": until}
    out += map(rows.loss, fetch(cursor, statement("losses"), window))
    for host in fetch(cursor, statement("hosts"), {**machine, "until_at": until}):
        place = {**machine, "at": host["at"]}
        out.append(rows.host(host, fetch(cursor, statement("caches"), place)))
    return out


def _tree(cursor: DuckDBPyConnection, command: Row) -> list[wire.Process]:
    """Return the processes of a row of `commands`."""
    key = Key(*(command[name] for name in Key._fields))
    length_ns = command["wall_ns"]
    days = (_DAY_NS if length_ns is None else max(length_ns, 0)) // _DAY_NS
    found = _processes(cursor, key, {"day": command["day"], "days": min(days, _DAYS_MOST)})
    if len(found) < (command["process_count"] or 0):
        # The days are those of a clock that was set in between, or the rest is not there.
        found = _processes(cursor, key, {"day": None, "days": None})
    found.sort(key=itemgetter("start_ticks", "pid"))
    return [rows.process(row) for row in found]


def _processes(cursor: DuckDBPyConnection, key: Key, days: dict[str, Any]) -> list[Row]:
    """Return the rows of a command's processes within days."""
    number = {"id": key.id}
    places = [row[0] for row in cursor.execute(statement("places"), number | days).fetchall()]
    if not places:
        return []
    text = statement("processes")
    found = fetch(cursor, text, {**number, "first": min(places), "last": max(places)})
    if len(found) < len(places):
        # Rows were moved in between.
        found = fetch(cursor, text, {**number, "first": 0, "last": _MOST})
    return [row for row in found if _whose(row) == key[:3]]


def fetch(cursor: DuckDBPyConnection, text: str, values: dict[str, Any]) -> list[Row]:
    """Return the rows a statement finds, each as a map."""
    found = cursor.execute(text, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
