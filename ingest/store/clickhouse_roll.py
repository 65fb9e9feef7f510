"""Rollups in ClickHouse: days that are over made anew from their rows, weeks of people after them.

There is no transaction, so a day's rollup has a number and stands once its mark is there. Rows that
come later touch their day: it is answered from rows until it has been rolled again. All clocks here
are logical, so that servers need not agree on the time.
"""

from collections.abc import Mapping, Sequence

from ingest.store import clickhouse_sums as sums
from ingest.store.base import Row
from ingest.store.clickhouse_cluster import Cluster, shard_of
from ingest.store.clickhouse_columns import repeated, whole
from ingest.store.clickhouse_native import Column, block
from ingest.store.clickhouse_schema import SKETCHES, literal, statement
from ingest.store.clickhouse_shard import INSERT_SECONDS, Refused, Shard, Silent
from ingest.store.clickhouse_sums import COUNTED, FAILED, LENGTH, LOST, WAITED

KINDS = ("commands", "flows", "batches")
_WEEK_DAYS = 7
_RUNS_DAYS = 8
_LAST_DAY = 65_535
Person = tuple[str, str]


async def fold(cluster: Cluster, today: int) -> None:
    """Roll the days before today that were touched, then write the weeks that are over."""
    for shard in cluster.shards:
        try:
            for kind in KINDS:
                for row in await shard.rows(statement("dirty", kind=kind, today=today)):
                    await _roll(shard, kind, row["day"])
        except Silent:
            raise cluster.away() from None
        except Refused as refused:
            raise shard.failure(refused) from None
    await _write_weeks(cluster, today)


async def erased(cluster: Cluster) -> None:
    """Roll again what was rolled before an erasure touched it, and the weeks made of it."""
    written = await cluster.whole("written")
    if written:
        await fold(cluster, max(row["week"] for row in written) + _WEEK_DAYS)


async def lost(cluster: Cluster, kind: str, day: int) -> None:
    """Remember that rows before a day go: what was rolled of them stands for good."""
    for shard in cluster.shards:
        try:
            at = max(0, min(day, _LAST_DAY))
            await shard.tell(statement("horizon", name=kind, day=at))
        except Silent:
            raise cluster.away() from None
        except Refused as refused:
            raise shard.failure(refused) from None


async def _roll(shard: Shard, kind: str, day: int) -> None:
    version = (await shard.rows(statement("next", kind=kind, day=day)))[0]["version"]
    marked = {"kind": kind, "day": day, "version": version}
    await shard.tell(statement("mark", {"table": "begun_days"}, **marked))
    for text in _rolls(kind, day, version):
        await shard.tell(text, INSERT_SECONDS)
    await shard.tell(statement("mark", {"table": "rolled_days"}, **marked))


def _rolls(kind: str, day: int, version: int) -> list[str]:
    values = {"day": day, "version": version}
    words = {"bucket": sums.bucket("length_ns"), "failed": FAILED, "lost": LOST}
    if kind == "commands":
        names = COUNTED[2:]
        words["names"] = ", ".join(names)
        words["sums"] = ", ".join(f"{sums.summed(name)} AS r_{name}" for name in names)
        words["length"] = LENGTH
        return [statement(name, words, **values) for name in ("roll_day", "hist_day")]
    if kind == "batches":
        return [statement("batch_day", **values)]
    words["received"] = sums.summed("received_bytes")
    words["sent"] = sums.summed("sent_bytes")
    words["connects"] = sums.summed("connect_ns")
    words["waited"], words["waits"] = WAITED, sums.summed("waited_ns")
    ran = {"first": max(0, day - _RUNS_DAYS), "last": day + 1}
    texts = [statement("flow_day", words, **values, **ran)]
    for measure, length in (("connect", "connect_ns"), ("first byte", WAITED)):
        words["length"] = length
        texts.append(statement("flow_hist", words, **values, measure=measure))
    return texts


async def _write_weeks(cluster: Cluster, today: int) -> None:
    """Write the weeks that are over and whose days were rolled since they were written."""
    rolled: dict[int, int] = {}
    for row in await cluster.whole("weeks"):
        rolled[row["week"]] = rolled.get(row["week"], 0) + row["rolled"]
    marks: dict[int, list[int]] = {}
    for row in await cluster.whole("written"):
        marks.setdefault(row["week"], []).append(row["version"])
    for week, version in sorted(rolled.items()):
        current = marks.get(week, []).count(version) == len(cluster.shards)
        if week + _WEEK_DAYS <= today and not current:
            await _write_week(cluster, week, version)


async def _write_week(cluster: Cluster, week: int, version: int) -> None:
    """Write a week: of a person of one shard by the shard, of others by us."""
    days = {"first": week, "last": week + _WEEK_DAYS - 1}
    seen: dict[Person, int] = {}
    for row in await cluster.whole("persons", **days):
        person = (row["tenant"], row["person"])
        seen[person] = seen.get(person, 0) + 1
    shared = sorted(person for person, shards in seen.items() if shards > 1)
    runs = statement("runs", {"failed": FAILED, "length": LENGTH}, **days)
    mine = f"(tenant, person) NOT IN {literal(shared)}" if shared else "1"
    by_shard: dict[int, list[Row]] = {}
    if shared:
        words = {"runs": runs, "persons": f"(tenant, person) IN {literal(shared)}"}
        for row in _weeks_of(await cluster.whole("runs_of", words)):
            home = shard_of(row["person"], len(cluster.shards))
            by_shard.setdefault(home, []).append(row)
    for place, shard in enumerate(cluster.shards):
        text = statement("person_week", {"runs": runs, "persons": mine}, **days, version=version)
        try:
            await shard.tell(text)
            if place in by_shard:
                await _insert_weeks(shard, week, version, by_shard[place])
            await shard.tell(statement("mark_week", week=week, version=version))
        except Silent:
            raise cluster.away() from None
        except Refused as refused:
            raise shard.failure(refused) from None


def _weeks_of(found: Sequence[Row]) -> list[Row]:
    cells: dict[tuple[str, ...], list[Row]] = {}
    for row in found:
        key = tuple(row[name] for name in ("tenant", "person", "team", "r_repo", "r_template"))
        cells.setdefault(key, []).append(row)
    out: list[Row] = []
    for key, runs in cells.items():
        lengths = sorted(row["length_ns"] for row in runs)
        out.append(
            dict(zip(("tenant", "person", "team", "repo", "template"), key, strict=True))
            | {
                "runs": len(runs),
                "failures": sum(row["lost"] for row in runs),
                "wait_ns": sums.bounded(sum(row["waited"] for row in runs)),
                "p50_ns": sums.nearest(lengths, 50),
                "p90_ns": sums.nearest(lengths, 90),
            }
        )
    return out


async def _insert_weeks(shard: Shard, week: int, version: int, found: Sequence[Row]) -> None:
    types = SKETCHES["person_week"].columns
    ones = [1] * len(found)
    same: Mapping[str, int] = {"week": week, "version": version}
    columns: list[tuple[str, str, Column]] = []
    for name, kind in types.items():
        column: Column
        if name in same:
            column = whole([same[name]] * len(found))
        elif kind == "String":
            column = repeated([row[name].encode() for row in found], ones)
        else:
            column = whole([row[name] for row in found])
        columns.append((name, kind, column))
    await shard.insert("person_week", tuple(types), block(columns, len(found)))
