"""How far a journal has been read into ClickHouse: told once all before it has arrived.

Counts of what was repeated and rejected go with the position and grow with it, so that a position
that is told twice counts once. Every shard that is there keeps it: the newest stands.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from ingest.store.base import Progress
from ingest.store.clickhouse_cluster import Cluster, together
from ingest.store.clickhouse_lane import Lane
from ingest.store.clickhouse_load import Mark
from ingest.store.clickhouse_schema import statement
from ingest.store.clickhouse_shard import Refused, Silent

_OFFSET_BITS = 36


class Step(NamedTuple):
    """A position with what was counted up to it, and the batches that must arrive before it."""

    position: Progress
    waiting: set[Mark]


class Ledger:
    """The positions of one writer, oldest first."""

    def __init__(self, cluster: Cluster, writer: str) -> None:
        self._cluster = cluster
        self._writer = writer
        self._steps: deque[Step] = deque()
        self._newest: Progress | None = None
        self._unwritten = False

    async def newest(self) -> Progress:
        """Return the newest position that stands. StoreError: no shard answers."""
        if self._newest is None:
            found = await self._cluster.rows("position", writer=self._writer)
            told = [Progress(*(row[name] for name in Progress._fields)) for row in found]
            self._newest = max(told, default=Progress(0, 0))
        return self._newest

    async def begin(self, progress: Progress, repeated: int, waiting: Iterable[Mark]) -> None:
        """Take in a position, to be told when these batches and all before them have arrived."""
        last = self._steps[-1].position if self._steps else await self.newest()
        position = progress._replace(
            repeated=last.repeated + progress.repeated + repeated,
            rejected=last.rejected + progress.rejected,
        )
        self._steps.append(Step(position, set(waiting)))

    async def advance(self, lanes: Iterable[Lane]) -> None:
        """Tell the newest position that has all its batches, where there is a newer one."""
        arrived: set[Mark] = set()
        for lane in lanes:
            arrived |= lane.done
            lane.done.clear()
        for step in self._steps:
            step.waiting.difference_update(arrived)
        while self._steps and not self._steps[0].waiting:
            self._newest = self._steps.popleft().position
            self._unwritten = True
        if self._unwritten and self._newest is not None:
            text = statement(
                "progress",
                writer=self._writer,
                **self._newest._asdict(),
                version=(self._newest.number << _OFFSET_BITS) + self._newest.offset,
            )
            await together(self._tell(lane, text) for lane in lanes)

    async def _tell(self, lane: Lane, text: str) -> None:
        if lane.away:
            return
        try:
            await lane.shard.tell(text)
        except (Silent, Refused):
            return
        self._unwritten = False
