"""The queue of one shard: batches wait in it for as long as the server is away.

Nothing here waits and tries again by itself: each `push` is one attempt, made by whoever adds or
settles. What an attempt left uncertain is asked for before it is sent once more.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from ingest.store.clickhouse_load import Block, Boot, Item, Mark, blocks, group
from ingest.store.clickhouse_marks import boots, marks
from ingest.store.clickhouse_schema import statement
from ingest.store.clickhouse_shard import GONE, INSERT_SECONDS, Refused, Shard, Silent

FLIGHT_ROWS = 200_000
_REST_SECONDS = 0.25
_BOOTS = 100_000
_MOVED_NS = 1_000_000_000
_log = logging.getLogger(__name__)


class Flight:
    """Batches on their way: the blocks that are still to be sent, the marks last."""

    def __init__(self, items: Sequence[Item], sent: Sequence[Block]) -> None:
        self.items = items
        self.waiting = deque(sent)
        self.uncertain = False


class Lane:
    """What waits for one shard, in the order in which it came."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.away = False
        self.rows = 0
        self.done: set[Mark] = set()
        self._waiting: deque[Item] = deque()
        self._ids: set[Mark] = set()
        self._unchecked: set[Mark] = set()
        self._flight: Flight | None = None
        self._boots: dict[Boot, tuple[int, int]] = {}
        self._attempt: asyncio.Task[None] | None = None
        self._failed_at = float("-inf")

    @property
    def empty(self) -> bool:
        """Say whether all that came has arrived."""
        return not self._ids

    def holds(self, batch: Mark) -> bool:
        """Say whether a batch is on its way."""
        return batch in self._ids

    def put(self, items: Sequence[Item], *, new: bool) -> None:
        """Have batches wait; `new` where it is known that the shard has none of them."""
        self._waiting.extend(items)
        if not new:
            self._unchecked.update(item.key for item in items)
        self._ids.update(item.key for item in items)
        self.rows += sum(item.rows for item in items)

    async def unknown(self, items: Sequence[Item]) -> list[Item]:
        """Return the batches whose mark the shard does not hold. Silent, Refused."""
        if not items:
            return []
        keys = [item.key for item in items]
        found = await self.shard.rows(statement("marked", keys=keys), INSERT_SECONDS)
        there = {(row["tenant"], row["device"], row["id"]) for row in found}
        return [item for item in items if item.key not in there]

    async def push(self, *, wait: bool) -> None:
        """Try to send what waits; a shard that is away is waited for only when told to.

        StoreError: the shard refuses what it is sent.
        """
        if self.empty and self._attempt is None:
            return
        if self._attempt is None:
            now = asyncio.get_running_loop().time()
            if self.away and not wait and now - self._failed_at < _REST_SECONDS:
                return
            self._attempt = asyncio.create_task(self._try())
            self._attempt.add_done_callback(_seen)
        if wait or not self.away:
            await asyncio.shield(self._attempt)

    async def close(self) -> None:
        """Give up what is under way; it waits in a journal."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait({self._attempt})
        await self.shard.close()

    async def _try(self) -> None:
        try:
            while not self.empty:
                await self._send()
            self.away = False
        except Silent:
            self.away = True
            self._failed_at = asyncio.get_running_loop().time()
        except Refused as refused:
            if refused.code in GONE:
                # An empty server stands where ours was: all of the flight is sent again.
                self._flight = None
            raise self.shard.failure(refused) from None
        finally:
            self._attempt = None

    async def _send(self) -> None:
        if self._flight is None:
            self._flight = await self._boarded()
        flight = self._flight
        while flight.waiting:
            block = flight.waiting[0]
            if flight.uncertain and await self._arrived(block):
                flight.uncertain = False
                flight.waiting.popleft()
                continue
            flight.uncertain = True
            if block.columns:
                await self.shard.insert(block.table, block.columns, block.body)
            else:
                await self.shard.tell(block.body.decode())
            flight.uncertain = False
            flight.waiting.popleft()
        self._landed(flight.items)

    async def _boarded(self) -> Flight:
        """Take batches from the queue, without those that arrived in an attempt before."""
        items: list[Item] = []
        rows = 0
        for item in self._waiting:
            if items and rows + item.rows > FLIGHT_ROWS:
                break
            items.append(item)
            rows += item.rows
        unchecked = [item for item in items if item.key in self._unchecked]
        unknown = {item.key for item in await self.unknown(unchecked)}
        self._unchecked.difference_update(item.key for item in unchecked if item.key in unknown)
        fresh = [item for item in items if item.key not in self._unchecked]
        sent = []
        if fresh:
            began = await self._began(fresh)
            if began:
                sent.append(boots(began))
            gathered = group(fresh, {item.boot: self._boots[item.boot][0] for item in fresh})
            sent += await asyncio.to_thread(lambda: [*blocks(gathered), *marks(fresh)])
        return Flight(items, sent)

    def _landed(self, items: Sequence[Item]) -> None:
        for item in items:
            self._waiting.popleft()
            self._ids.discard(item.key)
            self._unchecked.discard(item.key)
            self.done.add(item.key)
            self.rows -= item.rows
        self._flight = None

    async def _arrived(self, block: Block) -> bool:
        """Say whether a block is there: its insert made one part, whole or not at all."""
        if not block.batches:
            return False
        words = {"table": block.table, "batch": "id" if block.table == "batches" else "batch"}
        first, last = block.days
        text = statement("arrived", words, marks=block.batches, first=first, last=last)
        found = await self.shard.rows(text, INSERT_SECONDS)
        return len(found) == len(block.batches)

    async def _began(self, items: Sequence[Item]) -> dict[Boot, tuple[int, int, int]]:
        """Learn when the boots of batches began as first accepted; return what is new of them."""
        if len(self._boots) > _BOOTS:
            self._boots.clear()
        missing = {item.boot for item in items} - self._boots.keys()
        if missing:
            text = statement("boots", keys=sorted(missing))
            for row in await self.shard.rows(text, INSERT_SECONDS):
                key = (row["tenant"], row["device"], row["boot"])
                self._boots[key] = (row["first_at"], row["believed_at"])
        news: dict[Boot, tuple[int, int, int]] = {}
        for item in sorted(items, key=lambda item: item.batch.number):
            at = item.booted_at
            first, believed = self._boots.get(item.boot, (at, None))
            if believed is None or abs(at - believed) > _MOVED_NS:
                news[item.boot] = (first, at, max(item.batch.number, 0))
                self._boots[item.boot] = (first, at)
        return news


def _seen(attempt: "asyncio.Task[None]") -> None:
    """Take note of how an attempt ended that nobody waited for."""
    if not attempt.cancelled() and attempt.exception() is not None:
        _log.warning("a shard refuses what waits for it: %s", attempt.exception())
