"""What ClickHouse takes through us of what it takes directly, of the same batches of 1,000 events.

Directly it is given Native blocks made beforehand, a batch an insert; and 40 batches an insert, as
if somebody else grouped them. Through us the same
batches are unpacked, checked, cut by month, sent and marked, as the store process does, with the
position of a journal behind each group. The server has one core, whoever feeds it the other; three
pairs, the median. Both end when the server counts every row.

usage: python -m scripts.bench.through [--batches 1000] [--repeats 3] [--folder FOLDER]
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from ingest import store
from ingest.store.base import Batch, Progress
from ingest.unpacking import unpacked
from ptywrap import wire
from scripts.bench import ingest_peers, report
from scripts.bench.ingest_batches import EVENTS, Made, batches
from scripts.bench.ingest_peers import CLICKHOUSE, Cost, Fed, cpu_s, entry, on_core
from tests.ingest.cluster import Server

GROUPED = 40
_DIRECTLY, _GROUPED = "directly", f"directly, {GROUPED} batches an insert"
_NAMES = {
    "events taken in a second": "1/s",
    "events a core-second of the server": "1/s",
}


def main() -> int:
    """Feed both ways in turn, write the JSON and say whether the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core", type=int, default=0, help="the core of the server (0)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER)
    args = parser.parse_args()
    made = list(batches(args.batches, time.time_ns()))
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in _NAMES}
    for _ in range(args.repeats):
        fed = {
            _DIRECTLY: ingest_peers.clickhouse(made, args.core, 1),
            _GROUPED: ingest_peers.clickhouse(made, args.core, GROUPED),
            "through us": through(made, args.core, GROUPED),
        }
        for who, cost in fed.items():
            events = len(made) * EVENTS
            rates = (events / cost.server.wall_s, events / cost.server.cpu_s)
            for name, rate in zip(_NAMES, rates, strict=True):
                taken[name].setdefault(who, []).append(rate)
    rows = []
    for name, unit in _NAMES.items():
        middle = {who: statistics.median(values) for who, values in taken[name].items()}
        demands = [
            report.at_most(
                f"0.8 x {who} / through us", 1.0, 0.8 * middle[who] / middle["through us"]
            )
            for who in (_DIRECTLY, _GROUPED)
        ]
        rows.append(report.row(name, unit, taken[name], demands))
    return report.told(report.write("through", rows, {CLICKHOUSE: "18.16.1"}, args.folder), rows)


def through(made: Sequence[Made], core: int, grouped: int) -> Fed:
    """Feed ClickHouse through the engine, group after group."""
    server = Server()
    try:
        with on_core(core):
            server.start()
        return asyncio.run(_filled(server, made, grouped))
    finally:
        server.close()


async def _filled(server: Server, made: Sequence[Made], grouped: int) -> Fed:
    opened = store.open(f"clickhouse://{server.address}/fleet")
    await opened.position()
    pid = ingest_peers.pid_of(server)
    own = psutil.Process().pid
    before, ours, begun = cpu_s(pid), cpu_s(own), time.monotonic()
    reading = asyncio.create_task(asyncio.to_thread(_unpacked, made[:grouped]))
    for start in range(0, len(made), grouped):
        group = await reading
        # As in the store process, the next group is read while this one is stored.
        rest = made[start + grouped : start + 2 * grouped]
        reading = asyncio.create_task(asyncio.to_thread(_unpacked, rest))
        await opened.add(group, Progress(1, start + 1))
    await reading
    await opened.settle()
    cost = Cost(cpu_s(pid) - before, time.monotonic() - begun)
    stored = (await opened.totals()).batches_stored
    await opened.close()
    if stored != len(made):
        raise RuntimeError(f"{stored} batches where {len(made)} were to be")
    return Fed(cost, Cost(cost.cpu_s + cpu_s(own) - ours, cost.wall_s))


def _unpacked(made: Sequence[Made]) -> list[Batch]:
    now = time.time_ns()
    return [unpacked(wire.unpack(one.plain), entry(one, now)).batch for one in made]


if __name__ == "__main__":
    sys.exit(main())
