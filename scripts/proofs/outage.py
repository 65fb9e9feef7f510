"""A shard of ClickHouse away under load, and killed between insert and answer: nothing lost.

storage.md rows 17 and 18. Made-up devices add batches as a store process does; one of two servers
is killed for some seconds, or by a relay that lets an insert through and kills the server before
its answer. Half of each batch lies in November, half in December. What is counted is counted by
plain SQL over HTTP.

usage: python -m scripts.proofs.outage [--away 8] [--rounds 50] [--rate 10]
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ingest import store
from ingest.store import partial
from ingest.store.arrays import Ints, Values, Words
from ingest.store.base import Batch, LogQuestion, Store, StoreError, Table
from tests.ingest.cluster import Server
from tests.ingest.relay import Relay

DEVICES = 16
PROCESSES = 250
MONTH_END = 1_764_547_200_000_000_000
"""The first moment of December 2025, UTC."""

_SECOND_NS = 1_000_000_000
_GROUP = 16
DRAIN_S = 10.0


class Found(NamedTuple):
    """What an independent reader finds: rows and keys of what was told, and marks."""

    processes: int
    process_keys: int
    commands: int
    command_keys: int
    batches: int
    months: int


class Outage(NamedTuple):
    """How adding and asking went while a shard was away."""

    added: int
    slowest_s: float
    drained_s: float
    partial: int
    whole: int


def expected(batches: int) -> Found:
    """Return what is to be found of so many batches."""
    processes = batches * PROCESSES
    return Found(processes, processes, batches, batches, batches, 2)


def a_batch(number: int, received_at: int = 0) -> Batch:
    """Return batch `number`: a command and its processes, half of them before the month's end."""
    device = f"{number % DEVICES:032x}"
    session = number.to_bytes(16, "big")
    rows = numpy.arange(PROCESSES, dtype=numpy.int64)
    boottime_ns = 10_000 * _SECOND_NS
    ticks = 1_000_000 + (rows - PROCESSES // 2)
    processes: dict[str, Values] = {
        "session": Words([session], numpy.zeros(PROCESSES, numpy.int64)),
        "pid": Ints(rows + 1),
        "start_ticks": Ints(ticks),
        "command": Ints(numpy.full(PROCESSES, number + 1, numpy.int64)),
        "name": Words(["cc", "ld", None], rows % 3),
        "wall_us": Ints(rows * 1000, rows % 5 > 0),
        "exit_status": Ints(numpy.zeros(PROCESSES, numpy.int64)),
    }
    commands: dict[str, Values] = {
        "session": [session],
        "id": [number + 1],
        "template": ["make"],
        "started_at": [MONTH_END - _SECOND_NS * (number % 2)],
        "wall_ns": [_SECOND_NS],
        "exit_status": [0],
    }
    return Batch(
        id=f"{number:012d}-000000000000-{device}",
        device=device,
        boot="b0070000-0000-4000-8000-000000000000",
        number=number,
        wall_ns=MONTH_END,
        boottime_ns=boottime_ns,
        tables={"processes": Table(PROCESSES, processes), "commands": Table(1, commands)},
        received_at=received_at or MONTH_END,
        tenant="tenant-a",
        person=f"person-{number % DEVICES}",
        team="core",
    )


def found(servers: Sequence[Server], database: str = "fleet") -> Found:
    """Count by plain SQL, after FINAL, over all servers."""
    totals = [0] * len(Found._fields)
    months: set[str] = set()
    for server in servers:
        texts = (
            "SELECT count(), uniqExact(device, session, pid, start_ticks) FROM processes FINAL",
            "SELECT count(), uniqExact(device, session, id) FROM commands FINAL",
            "SELECT count() FROM batches FINAL",
        )
        counts = [int(one) for text in texts for one in server.ask(text, database).split()]
        for place, count in enumerate(counts):
            totals[place] += count
        months |= set(server.ask("SELECT DISTINCT toYYYYMM(day) FROM processes", database).split())
    return Found._make((*totals[:5], len(months)))


class Load:
    """Adds groups of batches at a rate, as a store process does, and asks beside it."""

    def __init__(self, target: Store, rate: float) -> None:
        self.store = target
        self.told = 0
        self.slowest_s = 0.0
        self.answers: list[partial.Partial | None] = []
        self._pause_s = 1 / rate

    async def run(self, leaving: asyncio.Event) -> None:
        """Add and ask until told to leave; whatever either raises is raised."""
        while not leaving.is_set():
            begun = time.monotonic()
            group = [a_batch(self.told + place) for place in range(_GROUP)]
            assert await self.store.add(group) == _GROUP
            self.told += _GROUP
            took_s = time.monotonic() - begun
            self.slowest_s = max(self.slowest_s, took_s)
            with partial.hearing() as heard:
                await self.store.log(LogQuestion(limit=1))
            self.answers.append(partial.worst(heard))
            await asyncio.sleep(max(0.0, self._pause_s - took_s))


async def outage(
    servers: Sequence[Server], away_s: float, rate: float, *, frozen: bool = False
) -> Outage:
    """Kill or freeze the last server for so long under load; return how it went."""
    url = ",".join(server.address for server in servers)
    target = store.open(f"clickhouse://{url}/fleet")
    load, leaving = Load(target, rate), asyncio.Event()
    running = asyncio.create_task(load.run(leaving))
    await asyncio.sleep(1.0)
    leave, come = servers[-1].kill, servers[-1].start
    if frozen:
        leave, come = servers[-1].freeze, servers[-1].thaw
    leave()
    during = len(load.answers)
    await asyncio.sleep(away_s)
    labels = load.answers[during + 1 :]
    await asyncio.to_thread(come)
    back = time.monotonic()
    await asyncio.sleep(1.0)
    leaving.set()
    await running
    await _settled(target)
    drained_s = time.monotonic() - back
    await target.close()
    whole = sum(label is None for label in labels)
    return Outage(load.told, load.slowest_s, drained_s, len(labels) - whole, whole)


async def kills(servers: Sequence[Server], rounds: int) -> int:
    """Kill the last server between inserts and their answers; return how many batches were told."""
    relay = Relay(servers[-1])
    await relay.start()
    url = ",".join([*(server.address for server in servers[:-1]), relay.address])
    target = store.open(f"clickhouse://{url}/fleet")
    chance = random.Random(20)  # noqa: S311 - moments, not secrets
    told = 0
    for number in range(rounds):
        # Every other time it is killed while it may still be inserting.
        after_s = chance.uniform(0, 0.01) if number % 2 else None
        relay.arm(chance.randrange(6), after_s)
        while relay.cuts <= number:
            group = [a_batch(told + place) for place in range(_GROUP)]
            assert await target.add(group) == _GROUP
            told += _GROUP
        await asyncio.to_thread(servers[-1].start)
    await _settled(target)
    await target.close()
    await relay.close()
    return told


async def _settled(target: Store) -> None:
    while True:
        try:
            return await target.settle()
        except StoreError:
            await asyncio.sleep(0.1)


def main() -> int:
    """Run both proofs and say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=8.0, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--rate", type=float, default=10.0, metavar="GROUPS-A-SECOND")
    args = parser.parse_args()
    wrong = 0
    with contextlib.ExitStack() as undo:
        servers = [undo.enter_context(contextlib.closing(Server())) for _ in range(2)]
        for server in servers:
            server.start()
        for frozen in (False, True):
            seen = asyncio.run(outage(servers, args.away, args.rate, frozen=frozen))
            print(f"{'frozen' if frozen else 'killed'}: {seen}")
            wrong += found(servers) != expected(seen.added) or seen.drained_s > DRAIN_S
            wrong += seen.whole > 0 or seen.partial == 0
            for server in servers:
                server.ask("DROP DATABASE fleet")
        told = asyncio.run(kills(servers, args.rounds))
        print(f"{told} batches, {args.rounds} kills: {found(servers)}")
        wrong += found(servers) != expected(told)
    print("as it must be" if not wrong else "WRONG")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
