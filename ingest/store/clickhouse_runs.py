"""What ClickHouse is asked about single commands: the log, and the facts of one run.

Each shard answers for its own devices; where the number of shards was changed in the middle of a
run two of them hold tellings of it, of which the later stands here too.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from statistics import median_low
from typing import Any, NamedTuple

from ingest.store import rows
from ingest.store.base import Log, LogQuestion, Row, Run
from ingest.store.clickhouse_cluster import Cluster, together
from ingest.store.clickhouse_schema import listed, statement
from ingest.store.questions import Owner
from ingest.store.tables import CHILDREN, SHAPES, kinds
from ptywrap import wire

_RUNS = 3
_KEYS = 2000
_MOST = (1 << 63) - 1
_EPOCH = date(1970, 1, 1)
_FOUND = ("tenant", "device", "session", "id")
_EVERYTHING = "1"


class Key(NamedTuple):
    """A command's own key below that of its device: two devices may tell the same session."""

    tenant: str
    device: str
    session: bytes
    id: int


async def log(cluster: Cluster, question: LogQuestion) -> Log:
    """Return commands, newest first."""
    conditions = await _conditions(cluster, question)
    limit = "" if question.limit is None else f"LIMIT {question.limit:d}"
    words = {"conditions": conditions, "limit": limit}
    found = _newest(await cluster.rows("found", words))[: question.limit]
    commands = await _whole(cluster, [key_of(row) for row in found])
    number = await unique(cluster, [row["id"] for row in commands], question.owner)
    return Log([rows.answer(row) for row in commands], number)


async def unique(cluster: Cluster, commands: Sequence[int], owner: Owner | None) -> int:
    """Return how many hex digits tell each of these ids from every stored command's."""
    starts = sorted({one >> 48 & 0xFFFF for one in commands})
    if not starts:
        return rows.shortest((), ())
    near = await cluster.rows("near", {"conditions": owned(owner)}, starts=starts)
    return rows.shortest(commands, [row["id"] for row in near])


async def usual(cluster: Cluster, templates: Sequence[str], since_at: int) -> dict[str, int]:
    """Return the median ns of ended runs of templates that ran at least three times."""
    if not templates:
        return {}
    lengths: dict[str, list[int]] = {}
    for row in await cluster.rows("usual", templates=list(templates), since_at=since_at):
        lengths.setdefault(row["template"], []).append(row["length_ns"])
    return {name: median_low(found) for name, found in lengths.items() if len(found) >= _RUNS}


async def show(cluster: Cluster, command: str, owner: Owner | None) -> Run:
    """Return the run of the command an id's hex prefix or `last` names."""
    keys = await (_last(cluster, owner) if command == "last" else _named(cluster, command, owner))
    if len(keys) != 1:
        return Run(len(keys))
    return Run(1, keys[0].session, keys[0].id, await _facts(cluster, keys[0]))


async def tree(
    cluster: Cluster, session: bytes, command: int, owner: Owner | None
) -> list[wire.Process]:
    """Return the processes of a command in the order of their birth."""
    words = {"conditions": owned(owner)}
    found = await cluster.rows("by_session", words, session=session, id=command)
    keys = sorted({key_of(row) for row in found})
    return await _tree(cluster, keys[0]) if keys else []


def key_of(row: Row) -> Key:
    """Return the key of a row of `commands`."""
    return Key(*(row[name] for name in Key._fields))


def owned(owner: Owner | None) -> str:
    """Return the condition that rows are of a person."""
    return statement("if_owner", **owner._asdict()) if owner else _EVERYTHING


def typed(table: str, row: Row) -> Row:
    """Return a row as the other engines give it: truth, lists and days as such."""
    known = kinds(table) if table in SHAPES or table in CHILDREN else {}
    out = dict(row)
    for name, value in row.items():
        kind = known.get(name)
        if value is not None and kind == "bool":
            out[name] = bool(value)
        elif value is not None and kind == "texts":
            # NUL ends each text.
            out[name] = value.split("\0")[:-1]
    for name in ("day", "week"):
        if name in row:
            out[name] = _EPOCH + timedelta(days=row[name])
    return out


def last_told(found: Iterable[Row], key: Callable[[Row], Any]) -> list[Row]:
    """Return the last telling of each key that more than one shard may hold."""
    out: dict[Any, Row] = {}
    for row in found:
        named = key(row)
        if named not in out or out[named]["version"] <= row["version"]:
            out[named] = row
    return list(out.values())


async def _conditions(cluster: Cluster, question: LogQuestion) -> str:
    texts = [owned(question.owner)]
    if question.since_at is not None:
        texts.append(statement("if_since", since_at=question.since_at))
    if question.repo is not None:
        aliased = await cluster.rows("aliased", alias=question.repo)
        pairs = sorted({(row["tenant"], row["repo"]) for row in aliased})
        also = statement("if_aliased", pairs=pairs) if pairs else "0"
        texts.append(statement("if_repo", {"aliased": also}, repo=question.repo))
    if question.cwd is not None:
        folder = question.cwd.rstrip("/")
        below = f"{folder}/"
        values = {"folder": folder, "below": below, "length": len(below.encode())}
        texts.append(statement("if_cwd", **values))
    if question.failed:
        texts.append(statement("if_failed"))
    if question.text is not None:
        texts.append(statement("if_text", text=question.text))
    return " AND ".join(texts)


def _newest(found: Iterable[Row]) -> list[Row]:
    told = last_told(found, key_of)
    return sorted(told, key=_age, reverse=True)


def _age(row: Row) -> tuple[bool, int, int]:
    return row["started_at"] is not None, row["started_at"] or 0, row["id"]


async def _whole(cluster: Cluster, keys: Sequence[Key]) -> list[Row]:
    """Return whole commands in the order of their keys, with the user and shell of each."""
    found: list[Row] = []
    words = {"columns": listed((*_FOUND, "version", *_ANSWERED)), "conditions": _EVERYTHING}
    for start in range(0, len(keys), _KEYS):
        part = [(key.session, key.id) for key in keys[start : start + _KEYS]]
        found += await cluster.rows("whole", words, keys=part)
    by_key = {key_of(row): row for row in last_told(found, key_of)}
    users = await _users(cluster, keys)
    nobody: Row = {"user": None, "shell": None}
    return [
        typed("commands", by_key[key]) | users.get(key[:3], nobody) for key in keys if key in by_key
    ]


async def _users(cluster: Cluster, keys: Sequence[Key]) -> dict[tuple[str, str, bytes], Row]:
    sessions = sorted({key.session for key in keys})
    out = {}
    for start in range(0, len(sessions), _KEYS):
        part = sessions[start : start + _KEYS]
        found = await cluster.rows("whose", sessions=part)
        for row in last_told(found, _session_key):
            out[_session_key(row)] = {"user": row["user"], "shell": row["shell"]}
    return out


def _session_key(row: Row) -> tuple[str, str, bytes]:
    return row["tenant"], row["device"], row["id"]


async def _last(cluster: Cluster, owner: Owner | None) -> list[Key]:
    limit = 64
    while True:
        words = {"conditions": owned(owner)}
        answers = await cluster.ask("newest", words, limit=limit)
        for row in _newest(answers.all()):
            if not rows.own_verb(row):
                return [key_of(row)]
        if all(len(found or ()) < limit for found in answers.rows):
            return []
        limit *= 16


async def _named(cluster: Cluster, prefix: str, owner: Owner | None) -> list[Key]:
    if not rows.is_prefix(prefix):
        return []
    low, high = (_signed(int(prefix.ljust(16, digit), 16)) for digit in "0f")
    found = await cluster.rows("by_id", {"conditions": owned(owner)}, low=low, high=high)
    return sorted({key_of(row) for row in found})


async def _facts(cluster: Cluster, key: Key) -> list[wire.Fact]:
    """Return all facts of a run, the Command first."""
    found = await cluster.rows("command", **key._asdict())
    row = typed("commands", last_told(found, key_of)[0])
    since = row["started_at"] or 0
    until = min(since + (row["wall_ns"] or 0), _MOST)
    machine = {"tenant": key.tenant, "device": key.device}
    daemons, reasons, flows, samples, sessions, losses, hosts, born = await together(
        (
            _listed(cluster, "daemons", row),
            _listed(cluster, "other_reasons", row),
            _of(cluster, "flows", key),
            _of(cluster, "samples", key),
            cluster.rows("session", **machine, session=key.session),
            cluster.rows("losses", **machine, since_at=since, until_at=until),
            cluster.rows("hosts", **machine, until_at=until),
            _of(cluster, "processes", key),
        )
    )
    out: list[wire.Fact] = [rows.command(row, daemons, reasons)]
    out += map(rows.session, last_told(sessions, lambda one: one["id"]))
    out += map(rows.process, sorted(born, key=_birth))
    out += map(rows.flow, sorted(flows, key=_opened))
    out += map(rows.sample, sorted(samples, key=lambda one: one["at"]))
    told = last_told(losses, lambda one: (one["session"], one["sensor"], one["since"]))
    out += map(rows.loss, sorted(told, key=lambda one: (one["since"], one["sensor"])))
    near = sorted(hosts, key=lambda one: (one["at"] > until, abs(one["at"] - until)))
    for host in last_told(near[:1], lambda one: one["at"]):
        caches = await cluster.rows("caches", **machine, at=host["at"])
        out.append(rows.host(host, _placed("caches", caches, host["batch"])))
    return out


async def _tree(cluster: Cluster, key: Key) -> list[wire.Process]:
    found = await _of(cluster, "processes", key)
    return [rows.process(row) for row in sorted(found, key=_birth)]


async def _of(cluster: Cluster, table: str, key: Key) -> list[Row]:
    found = await cluster.rows("of_command", {"table": table}, **key._asdict())
    told = last_told(found, _KEYS_OF[table])
    return [typed(table, row) for row in told]


async def _listed(cluster: Cluster, table: str, parent: Row) -> list[Row]:
    values = {name: parent[name] for name in _FOUND}
    found = await cluster.rows("of_command", {"table": table}, **values)
    return _placed(table, found, parent["batch"])


def _placed(table: str, found: Iterable[Row], batch: str) -> list[Row]:
    """Return a list as it was told with its fact; what a former telling had more of is no part."""
    there = [typed(table, row) for row in found if row["batch"] == batch]
    return sorted(there, key=lambda row: row["place"])


def _birth(row: Row) -> tuple[int, int]:
    return row["start_ticks"], row["pid"]


def _opened(row: Row) -> tuple[bool, int, int]:
    return row["opened_at"] is None, row["opened_at"] or 0, row["id"]


_KEYS_OF: dict[str, Callable[[Row], Any]] = {
    "processes": _birth,
    "flows": lambda row: row["id"],
    "samples": lambda row: row["at"],
}
_ANSWERED = tuple(
    name
    for name in rows.ANSWERED
    if name not in (*_FOUND, "user", "shell") and name in kinds("commands")
)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
