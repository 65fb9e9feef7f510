"""The distributed engine: ClickHouse over plain HTTP, sharded by us (storage.md 3.11).

``clickhouse://[user:password@]host:port[,host:port…]/database[?writer=NAME]``. Each device has its
shard, each shard a queue: one that is away holds up nobody else, and what waits for it is sent when
it is back. There are no transactions: a batch is added when its mark is, and rows that are sent
twice replace themselves. Several services may fill one database: each needs a writer's name.
"""

import asyncio
import os
from collections.abc import Sequence

from ingest.store import clickhouse_erase as erase
from ingest.store import clickhouse_pages as pages
from ingest.store import clickhouse_roll as roll
from ingest.store import clickhouse_runs as runs
from ingest.store.base import (
    Batch,
    Counts,
    Forgotten,
    Keep,
    Log,
    LogQuestion,
    Progress,
    Row,
    Run,
    Scope,
    Totals,
)
from ingest.store.clickhouse_cluster import Cluster, Place, place, shard_of, together
from ingest.store.clickhouse_columns import columns
from ingest.store.clickhouse_export import export
from ingest.store.clickhouse_lane import FLIGHT_ROWS, Lane
from ingest.store.clickhouse_load import Item
from ingest.store.clickhouse_progress import Ledger
from ingest.store.clickhouse_schema import statement
from ingest.store.clickhouse_shard import Refused, Silent
from ingest.store.questions import (
    Median,
    Owner,
    Periods,
    Program,
    Remotes,
    Templates,
    Window,
)
from ptywrap import wire

WAITING_ROWS = 500_000
"""So many rows wait in memory for a shard that is away; then nothing more is taken."""

_ROOM_SECONDS = 0.2
_DAY_NS = 86_400_000_000_000
_HELD = ("commands", "processes", "flows", "losses", "missed", "batches")
_STORED = ("commands", "processes", "batches")


def open_store(path: str, memory_bytes: int = 0) -> "ClickHouse":
    """Return the store of a URL; its servers are met when they are first needed."""
    assert memory_bytes >= 0
    return ClickHouse(place(path, dict(os.environ)))


class ClickHouse:
    """The shards, what waits for each, and how far a journal has been read."""

    def __init__(self, told: Place) -> None:
        self.repaired: tuple[str, ...] = ()
        self._cluster = Cluster(told)
        self._lanes = [Lane(shard) for shard in self._cluster.shards]
        self._ledger = Ledger(self._cluster, told.writer)
        self._adding = asyncio.Lock()

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Add what is new of the batches; what is of a shard that is away waits for it."""
        items = await asyncio.to_thread(_checked, batches)
        async with self._adding:
            fresh: list[Item] = []
            for lane, mine in self._by_lane(items):
                await self._room(lane, sum(item.rows for item in mine))
                fresh += await _put(lane, mine)
            if progress is not None:
                repeated = len(batches) - len(fresh)
                await self._ledger.begin(progress, repeated, (item.key for item in fresh))
            # What a journal holds may arrive while the next is read; who has none wants it there.
            room = 0 if progress is None else FLIGHT_ROWS
            await together(lane.push(room=room) for lane in self._lanes)
            await self._ledger.advance(self._lanes)
            return len(fresh)

    async def position(self) -> tuple[int, int]:
        """Return the number and offset of the newest progress, zeros where there was none."""
        newest = await self._arrived()
        return newest.number, newest.offset

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        if not batches:
            return frozenset()
        found = await self._cluster.whole("known", ids=list(batches))
        return frozenset(row["id"] for row in found)

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        return await runs.log(self._cluster, question)

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        return await self.log(LogQuestion(limit=limit, since_at=since_at, owner=owner))

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        return await runs.show(self._cluster, command, owner)

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        return await runs.tree(self._cluster, session, command, owner)

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        return await runs.unique(self._cluster, commands, None)

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of ended runs of templates that ran at least three times."""
        return await runs.usual(self._cluster, templates, since_at)

    async def counts(self) -> Counts:
        """Return what is there."""
        found = await self._cluster.rows("counts")
        size = await self._cluster.rows("size")
        firsts = [row["first_at"] for row in found if row["first_at"] is not None]
        lasts = [row["last_at"] for row in found if row["last_at"] is not None]
        numbers = [erase.counted(found, name) for name in _HELD]
        times = (min(firsts, default=None), max(lasts, default=None))
        return Counts._make((*numbers, *times, erase.counted(size, "bytes")))

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        newest = await self._arrived()
        clean = {"clean": statement("clean", kind="batches")}
        days = {"days": statement("unrolled", clean)}
        found = await self._cluster.rows("totals", clean | days)
        commands, processes, batches = (erase.counted(found, f"s_{name}") for name in _STORED)
        return Totals(commands, processes, batches, newest.repeated, newest.rejected)

    async def templates(self, window: Window) -> Templates:
        """Return what each template cost."""
        return await pages.templates(self._cluster, window)

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Return what one template cost on each day."""
        return await pages.daily(self._cluster, window, template)

    async def weekly(self, window: Window) -> Periods:
        """Return what each ISO week cost."""
        return await pages.weekly(self._cluster, window)

    async def programs(self, window: Window) -> list[Program]:
        """Return the programs that took most CPU."""
        return await pages.programs(self._cluster, window)

    async def remotes(self, window: Window) -> Remotes:
        """Return the hosts that were spoken to."""
        return await pages.remotes(self._cluster, window)

    async def medians(self, window: Window) -> list[Median]:
        """Return the closed weeks within the window."""
        return await pages.medians(self._cluster, window)

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table. StoreError: a shard is away."""
        return await export(self._cluster, owner)

    async def fold(self, now_at: int) -> None:
        """Roll the days and weeks that are over and were touched."""
        await roll.fold(self._cluster, now_at // _DAY_NS)

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope from every part. StoreError: a shard is away."""
        async with self._adding:
            await self._settled()
            return await erase.forget(self._cluster, scope)

    async def retire(self, keep: Keep) -> int:
        """Remove what is older than it is to be kept."""
        async with self._adding:
            return await erase.retire(self._cluster, keep)

    async def settle(self) -> None:
        """Have all that was added arrive. StoreError: a shard is away."""
        async with self._adding:
            await self._settled()

    async def close(self) -> None:
        """Let go; what has not arrived waits in a journal."""
        for lane in self._lanes:
            await lane.close()

    async def _arrived(self) -> Progress:
        """Return the newest position, after what is on its way to shards that are there."""
        async with self._adding:
            await together(lane.push() for lane in self._lanes)
            await self._ledger.advance(self._lanes)
            return await self._ledger.newest()

    async def _settled(self) -> None:
        await together(lane.push(wait=True) for lane in self._lanes)
        await self._ledger.advance(self._lanes)
        if not all(lane.empty for lane in self._lanes):
            raise self._cluster.away()

    async def _room(self, lane: Lane, rows: int) -> None:
        """Wait until a shard that is away is back, where too much waits for it already."""
        while lane.rows and lane.rows + rows > WAITING_ROWS:
            await lane.push(wait=True)
            if lane.away:
                await asyncio.sleep(_ROOM_SECONDS)

    def _by_lane(self, items: Sequence[Item]) -> list[tuple[Lane, list[Item]]]:
        mine: dict[int, list[Item]] = {}
        for item in items:
            mine.setdefault(shard_of(item.batch.device, len(self._lanes)), []).append(item)
        return [(self._lanes[place], found) for place, found in mine.items()]


def _checked(batches: Sequence[Batch]) -> list[Item]:
    """Return batches as they will be sent, each once. Unstorable: one cannot be."""
    told = {(batch.tenant, batch.device, batch.id): batch for batch in batches}
    return [Item(batch._replace(tables={}), columns(batch)) for batch in told.values()]


async def _put(lane: Lane, items: Sequence[Item]) -> list[Item]:
    """Have what is new wait for its shard, and return it; of one that is away all may be new."""
    waiting = [item for item in items if not lane.holds(item.key)]
    new, known = waiting, False
    lane.away = lane.away or not await lane.shard.there()
    if not lane.away:
        try:
            new, known = await lane.unknown(waiting), True
        except Silent:
            lane.away = True
        except Refused as refused:
            raise lane.shard.failure(refused) from None
    lane.put(new, new=known)
    return new
