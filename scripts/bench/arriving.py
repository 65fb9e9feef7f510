"""Rows that arrive at a service's store at a steady rate, unpacked as they come out of its journal.

They are batches of made-up laptops, packed beforehand; each time one comes it has sessions and a
name of its own, so all of its rows are new, and templates that are there. A group is what arrives
in the second that the store process waits for more, and the next is unpacked while one is stored.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import count, cycle
from typing import Any, NamedTuple
from zlib import crc32

from ingest.entries import BATCH, Entry
from ingest.groups import GROUP_SECONDS
from ingest.store import turns
from ingest.store.base import Batch, Store
from ingest.unpacking import unpacked
from ptywrap import clock, wire
from scripts.bench import history
from scripts.bench.ingest_batches import Made, batches

_BODIES = 200
_PEOPLE = 200


class Group(NamedTuple):
    """What was stored at once: when that was done, and how many rows it was."""

    at_s: float
    rows: int


class Arriving:
    """Adds groups to a store until told to stop."""

    def __init__(self, opened: Store, tenant: str, rows_a_second: int) -> None:
        self.stored: list[Group] = []
        self._opened = opened
        self._rows = int(rows_a_second * GROUP_SECONDS)
        self._coming = _coming(list(batches(_BODIES, clock.wall_ns())), tenant)
        self._thread = turns.behind("reader")
        self._done = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first group takes a moment to be there."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> float:
        """End after the group that is being stored; return the rows a second that were."""
        self._done.set()
        if self._task is not None:
            await self._task
        first, *others = self.stored
        return sum(one.rows for one in others) / (self.stored[-1].at_s - first.at_s)

    async def _run(self) -> None:
        due = time.monotonic()
        read = partial(asyncio.get_running_loop().run_in_executor, self._thread, self._group)
        reading = read()
        while not self._done.is_set():
            group = await reading
            reading = read()
            await self._opened.add(group)
            self.stored.append(Group(time.monotonic(), sum(map(_rows, group))))
            due += GROUP_SECONDS
            await asyncio.sleep(max(due - time.monotonic(), 0))
        await reading

    def _group(self) -> Sequence[Batch]:
        out: list[Batch] = []
        rows = 0
        while rows < self._rows:
            out.append(next(self._coming))
            rows += _rows(out[-1])
        return out


def _coming(made: Sequence[Made], tenant: str) -> Iterator[Batch]:
    for number, one in zip(count(10**9), cycle(made), strict=False):
        name = wire.batch_id(f"{number:012d}-0123456789ab", one.device)
        entry = Entry(
            *(BATCH, tenant, one.device, f"p{number % _PEOPLE}", "core", name, bytes(32)),
            *(clock.wall_ns(), 0, "", b""),
        )
        told = wire.unpack(one.plain)
        tables = {table: _anew(rows, number) for table, rows in told.tables.items()}
        tables["commands"] = _named(tables["commands"])
        yield unpacked(told._replace(id=name, tables=tables), entry).batch


def _anew(table: wire.Table, number: int) -> wire.Table:
    """Return the same rows of other sessions."""
    renamed: Mapping[str, wire.Packed] = {
        name: _other(packed, number)
        for name, packed in table.columns.items()
        if name == "session" or (name == "id" and bytes in map(type, _values(packed)))
    }
    return table._replace(columns={**table.columns, **renamed})


def _named(table: wire.Table) -> wire.Table:
    """Return the same commands under templates that the history has: answers do not grow."""
    packed = table.columns["template"]
    values = [history.template(crc32(f"{value}".encode())) for value in _values(packed)]
    named = packed._replace(values=values, first=values[0])
    return table._replace(columns={**table.columns, "template": named})


def _other(packed: wire.Packed, number: int) -> wire.Packed:
    values = [
        blake2b(value, digest_size=16, key=number.to_bytes(8, "little")).digest()
        for value in _values(packed)
    ]
    if packed.kind == "c":
        return packed._replace(first=values[0])
    return packed._replace(values=values)


def _values(packed: wire.Packed) -> Sequence[Any]:
    return [packed.first] if packed.kind == "c" else packed.values


def _rows(batch: Batch) -> int:
    return sum(table.rows for table in batch.tables.values())
