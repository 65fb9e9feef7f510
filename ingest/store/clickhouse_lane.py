"""The queue of one shard: batches wait in it for as long as the server is away.

They are sent in the order in which they came, by one task that ends when nothing waits. What an
attempt left uncertain is asked for before it is sent once more.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence

from ingest.store.base import StoreError
from ingest.store.clickhouse_load import Block, Boot, Item, Mark, blocks, group
from ingest.store.clickhouse_marks import boots, marks
from ingest.store.clickhouse_schema import statement
from ingest.store.clickhouse_shard import (
    ANSWER_SECONDS,
    GONE,
    INSERT_SECONDS,
    Refused,
    Shard,
    Silent,
)

FLIGHT_ROWS = 200_000
_REST_SECONDS = 0.25
_LOOK_SECONDS = 0.05
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
        self._task: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[BaseException | None] | None = None
        self._wake = asyncio.Event()

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

    async def unknown(self, items: Sequence[Item], seconds: float = ANSWER_SECONDS) -> list[Item]:
        """Return the batches whose mark the shard does not hold. Silent, Refused."""
        if not items:
            return []
        keys = [item.key for item in items]
        found = await self.shard.rows(statement("marked", keys=keys), seconds)
        there = {(row["tenant"], row["device"], row["id"]) for row in found}
        return [item for item in items if item.key not in there]

    async def push(self, *, wait: bool = False, room: int = 0) -> None:
        """Have what waits sent; return when no more rows than `room` wait.

        A shard that is away is waited for only when told to, for one attempt. StoreError: the shard
        refuses what it is sent.
        """
        self._begin()
        if wait:
            self._wake.set()
        until = asyncio.get_running_loop().time() + ANSWER_SECONDS
        while not self.empty and self.rows > room and (wait or not self.away):
            if self._ended is None:
                self._ended = asyncio.get_running_loop().create_future()
            done, _ = await asyncio.wait({self._ended}, timeout=_LOOK_SECONDS)
            for failure in (ended.result() for ended in done):
                if failure is not None:
                    raise failure
            if done:
                break
            if not wait and asyncio.get_running_loop().time() > until:
                self.away = True
                self.shard.missed()

    def _begin(self) -> None:
        if not self.empty and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._left)

    async def close(self) -> None:
        """Give up what is under way; it waits in a journal."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self.shard.close()

    async def _run(self) -> None:
        """Send what waits, attempt after attempt, until nothing does or the shard refuses it."""
        failure: StoreError | None = None
        while failure is None and not self.empty:
            self._wake.clear()
            failure = await self._attempt()
            if failure is not None:
                _log.warning("a shard refuses what waits for it: %s", failure)
            self._tell(failure)
            if self.away and failure is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _REST_SECONDS)

    def _left(self, task: "asyncio.Task[None]") -> None:
        """Tell whoever waits that the task ended, whatever ended it."""
        failed = None if task.cancelled() else task.exception()
        if task is self._task:
            self._tell(failed)

    def _tell(self, failure: BaseException | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None and not ended.done():
            ended.set_result(failure)

    async def _attempt(self) -> StoreError | None:
        try:
            while not self.empty:
                await self._send()
        except Silent as silent:
            if not self.away:
                _log.warning("a shard is away: %s", silent)
            self.away = True
        except StoreError as error:
            return error
        except Refused as refused:
            if refused.code in GONE:
                # An empty server stands where ours was: all of the flight is sent again.
                self._flight = None
            return self.shard.failure(refused)
        else:
            if self.away:
                _log.info("a shard is back: %s", self.shard.address)
            self.away = False
        return None

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
        unknown = {item.key for item in await self.unknown(unchecked, INSERT_SECONDS)}
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
