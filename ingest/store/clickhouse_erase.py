"""Rows out of ClickHouse: what somebody wants forgotten, and what is too old to be kept.

A mutation rewrites parts in the background; it is waited for, and what other rows are found by goes
last: killed in the middle, the same erasure can be begun again.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ingest.store import clickhouse_roll as roll
from ingest.store.base import Forgotten, Keep, Row, Scope
from ingest.store.clickhouse_cluster import Cluster, together
from ingest.store.clickhouse_columns import repeated, whole
from ingest.store.clickhouse_load import ROLLED
from ingest.store.clickhouse_native import Column, block
from ingest.store.clickhouse_runs import Key, key_of, owned
from ingest.store.clickhouse_schema import ROLLUPS, SESSION, SKETCHES, TEXT, statement, touching
from ingest.store.clickhouse_shard import Refused, Shard, Silent
from ingest.store.forget import moment
from ingest.store.tables import CHILDREN, SHAPES

_WITH_COMMANDS = {
    "daemons": "command",
    "other_reasons": "command",
    "processes": "command",
    "flows": "command",
    "samples": "command",
    "commands": "id",
}
_DETAILS = ("processes", "flows", "samples")
_SINCE = ("sessions", "processes", "flows", "samples", "commits", "losses")
_KEPT = frozenset({"about", "progress"})
# A person's rollups: their day, and how many days but one a row spans.
_PERSONAL = {"roll_day": ("day", 0), "person_week": ("week", 6), "flow_day": ("day", 0)}
_WEEK_DAYS = 7
_DAY_NS = 86_400_000_000_000
_LAST_DAY = 65_535
# A batch that says nothing of its arrival is kept.
_UNKNOWN_DAY, _UNKNOWN_MONTH = 1, 197001
# Rows are found by commands, and repos by the remotes of their checkouts.
_PHASES = (
    tuple(name for name in (*SHAPES, *CHILDREN) if name not in ("commands", "projects")),
    ("commands",),
    ("projects",),
)
_EPOCH = date(1970, 1, 1)


class _Doom(NamedTuple):
    """What a scope is about, and the table that names the commands that go, if there is one."""

    scope: Scope
    repos: str
    gone: str


async def forget(cluster: Cluster, scope: Scope) -> Forgotten:
    """Delete the rows of a scope; return the commands that went. StoreError: a shard is away."""
    repos = await _repos(cluster, scope)
    found = await cluster.whole("gone", {"conditions": _conditions(scope, repos)})
    keys = sorted({key_of(row) for row in found})
    forgotten = Forgotten(frozenset((key.session, key.id) for key in keys))
    if scope == Scope():
        await together(
            _everywhere(cluster, statement("empty", {"table": table}))
            for table in SKETCHES.keys() - _KEPT
        )
        return forgotten
    doom = _Doom(scope, repos, f"gone_{secrets.token_hex(8)}" if keys else "")
    if keys:
        await _named(cluster, doom.gone, keys)
    touched = {(kind, row["day"]) for row in found for kind in ROLLED["commands"]}
    touched |= await _flow_days(cluster, doom)
    for tables in _PHASES:
        await together(_delete(cluster, table, doom) for table in tables)
    await _forget_rollups(cluster, doom)
    if touched:
        await _everywhere(cluster, touching(sorted(touched)))
    if keys:
        await _everywhere(cluster, f"DROP TABLE IF EXISTS `{doom.gone}`")
    await roll.erased(cluster)
    return forgotten


async def _flow_days(cluster: Cluster, doom: _Doom) -> set[tuple[str, int]]:
    condition = _condition("flows", doom)
    found = await cluster.whole("days", {"table": "flows", "condition": condition})
    return {("flows", row["day"]) for row in found}


async def _forget_rollups(cluster: Cluster, doom: _Doom) -> None:
    """Delete a person's rollups; what rows are left for is made of them anew."""
    scope = doom.scope
    if scope.owner is None:
        return
    for table, (day, length) in _PERSONAL.items():
        if table == "flow_day" and scope.repo is not None:
            continue
        condition = f"{owned(scope.owner)} AND {doom.repos}"
        if scope.since_at is not None:
            first = max(0, scope.since_at // _DAY_NS - length)
            condition += f" AND {day} >= toDate({min(first, _LAST_DAY)})"
        await delete(cluster, table, condition)


async def retire(cluster: Cluster, keep: Keep) -> int:
    """Delete days past their keeping; return how many rows of facts went."""
    recent = await cluster.whole("recent_days")
    days = sorted({row["day"] for row in recent})
    if len(days) < 2:
        return 0
    # What the rows were worth is written before they go.
    await roll.fold(cluster, keep.today)
    # A clock that was wrong for one day must not empty the history.
    today = min(keep.today, days[-2])
    for kind, kept in (("commands", keep.commands_days), ("flows", keep.details_days)):
        await roll.lost(cluster, kind, today - kept)
    gone = 0
    for table in (*SHAPES, *CHILDREN):
        kept = keep.details_days if table in _DETAILS else keep.commands_days
        went = await older(cluster, table, today - kept)
        gone += went if table in SHAPES else 0
    for table in ROLLUPS:
        kept = keep.flow_days if table.startswith("flow_") else keep.rollups_days
        if table == "person_week":
            await older(cluster, table, today - kept - _WEEK_DAYS + 1, "week")
        else:
            await older(cluster, table, today - kept)
    if keep.batches_days is not None:
        await roll.lost(cluster, "batches", keep.today - keep.batches_days)
        await older(cluster, "batches", keep.today - keep.batches_days)
    return gone


async def older(cluster: Cluster, table: str, day: int, column: str = "day") -> int:
    """Delete the rows of a table before a day: months that are over whole, then what is left."""
    if day <= _UNKNOWN_DAY:
        return 0
    gone = 0
    words = {"table": table, "day": column}
    first = _UNKNOWN_DAY if table == "batches" else 0
    answers = await cluster.ask("older", words, day=day, first=first)
    for shard, months in zip(cluster.shards, answers.rows, strict=True):
        if not months:
            continue
        gone += sum(row["n"] for row in months)
        left = False
        for row in months:
            if _ends(row["month"]) < day and (not first or row["month"] > _UNKNOWN_MONTH):
                await _told(cluster, shard, table, _dropping(table, row["month"]))
            else:
                left = True
        if left:
            text = statement("retire", words, day=day, first=first)
            await _told(cluster, shard, table, text)
    return gone


async def delete(cluster: Cluster, table: str, condition: str) -> None:
    """Delete rows everywhere, and wait until they are gone."""
    text = statement("delete", {"table": table, "condition": condition})
    await together(_told(cluster, shard, table, text) for shard in cluster.shards)


async def _repos(cluster: Cluster, scope: Scope) -> str:
    """Return the condition that a row is of the scope's repo, by its name or by an alias."""
    if scope.repo is None:
        return "1"
    aliased = await cluster.whole("aliased", alias=scope.repo)
    pairs = sorted({(row["tenant"], row["repo"]) for row in aliased})
    also = statement("if_aliased", pairs=pairs) if pairs else "0"
    return statement("if_repo", {"aliased": also}, repo=scope.repo)


def _conditions(scope: Scope, repos: str) -> str:
    return f"{owned(scope.owner)} AND {repos} AND {_since(scope, 'started_at')}"


def _since(scope: Scope, column: str) -> str:
    if scope.since_at is None:
        return "1"
    return statement("if_begun", {"moment": column}, since_at=scope.since_at)


async def _delete(cluster: Cluster, table: str, doom: _Doom) -> None:
    condition = _condition(table, doom)
    if condition != "0":
        await delete(cluster, table, condition)


def _condition(table: str, doom: _Doom) -> str:
    """Return the condition under which a row goes: for itself, or with a command."""
    condition = _itself(table, doom)
    if doom.gone and table in _WITH_COMMANDS:
        words = {"gone": doom.gone, "id": _WITH_COMMANDS[table]}
        condition = f"({condition}) OR {statement('if_gone', words)}"
    return condition


def _itself(table: str, doom: _Doom) -> str:
    """Return the condition under which a row goes for what it says itself."""
    scope = doom.scope
    mine = owned(scope.owner)
    if scope.repo is not None:
        if table == "projects":
            return f"{mine} AND ({doom.repos} OR {statement('if_alias', alias=scope.repo)})"
        if table == "commits":
            return f"{mine} AND {doom.repos} AND {_since(scope, moment(table))}"
        return "0"
    if scope.since_at is not None:
        return f"{mine} AND {_since(scope, moment(table))}" if table in _SINCE else "0"
    return mine


async def _named(cluster: Cluster, table: str, keys: Sequence[Key]) -> None:
    """Write down which commands go, in a table that outlives the server while they do."""
    await _everywhere(cluster, statement("gone_table", {"table": table}))
    types = {"tenant": TEXT, "device": TEXT, "session": SESSION, "id": "Int64"}
    ones = [1] * len(keys)
    columns: Mapping[str, Column] = {
        "tenant": repeated([key.tenant.encode() for key in keys], ones),
        "device": repeated([key.device.encode() for key in keys], ones),
        "session": repeated([key.session for key in keys], ones),
        "id": whole([key.id for key in keys]),
    }
    body = block([(name, kind, columns[name]) for name, kind in types.items()], len(keys))
    for shard in cluster.shards:
        try:
            await shard.insert(table, tuple(types), body)
        except (Silent, Refused):
            raise cluster.away() from None


async def _everywhere(cluster: Cluster, text: str) -> None:
    await together(_told(cluster, shard, "", text) for shard in cluster.shards)


async def _told(cluster: Cluster, shard: Shard, table: str, text: str) -> None:
    try:
        if table:
            await shard.mutated(table, text)
        else:
            await shard.tell(text)
    except Silent:
        raise cluster.away() from None
    except Refused as refused:
        raise shard.failure(refused) from None


def _dropping(table: str, month: int) -> str:
    return f"ALTER TABLE `{table}` DROP PARTITION {month:d}"


def _ends(month: int) -> int:
    """Return the last day of a month, told as 202611, in days since the epoch."""
    first = date(month // 100, month % 100, 1)
    after = (first + timedelta(days=32)).replace(day=1)
    return (after - _EPOCH).days - 1


def counted(found: Sequence[Row], name: str) -> int:
    """Return the sum of what each shard counts."""
    return sum(int(row[name] or 0) for row in found)
