"""One run out of DuckDB: the facts of a command, and its tree of processes."""

from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from ingest.store import rows
from ingest.store.base import Row
from ingest.store.duckdb_file import statement
from ptywrap import wire


class Key(NamedTuple):
    """A command's own key below that of its device: two devices may tell the same session."""

    tenant: str
    device: str
    session: bytes
    id: int


def facts(cursor: DuckDBPyConnection, key: Key) -> list[wire.Fact]:
    """Return all facts of a run, the Command first."""
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
    out += tree(cursor, key)
    out += map(rows.flow, fetch(cursor, statement("flows"), values))
    out += map(rows.sample, fetch(cursor, statement("samples"), values))
    window = {**machine, "since_at": since, "until_at": until}
    out += map(rows.loss, fetch(cursor, statement("losses"), window))
    for host in fetch(cursor, statement("hosts"), {**machine, "until_at": until}):
        place = {**machine, "at": host["at"]}
        out.append(rows.host(host, fetch(cursor, statement("caches"), place)))
    return out


def tree(cursor: DuckDBPyConnection, key: Key) -> list[wire.Process]:
    """Return the processes of a command in the order of their birth."""
    values = key._asdict()
    text = statement("processes")
    found: list[Row] = []
    for window in fetch(cursor, statement("days"), values):
        expected = window.pop("process_count") or 0
        found = fetch(cursor, text, {**values, **window})
        if len(found) < expected:
            # The days are those of a clock that was set in between, or the rest is not there.
            found = fetch(cursor, text, {**values, "day": None, "until_day": None})
    return [rows.process(row) for row in found]


def fetch(cursor: DuckDBPyConnection, text: str, values: dict[str, Any]) -> list[Row]:
    """Return the rows a statement finds, each as a map."""
    found = cursor.execute(text, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
