"""What it costs to take events in: ours against VictoriaMetrics and ClickHouse fed directly.

storage.md rows 11 and 12: the same distinct batches of 1,000 events in one run, every server on one
core and whoever posts on the other, three repeats, the median. Ours is a real service: the front
authenticates, validates, journals, syncs and answers; the store process commits, rollups included,
and everything is counted by a question before its CPU time is read. VictoriaMetrics is Debian's
1.79.5, whose series stay cached in this load, which favours it; it keeps numbers alone.

usage: python -m scripts.bench.ingest [--batches 1000] [--repeats 3] [--folder FOLDER]
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp

from scripts.bench import ingest_peers, report
from scripts.bench.ingest_batches import EVENTS, Made, batches
from scripts.bench.ingest_peers import CLICKHOUSE, VICTORIA, Cost, Post, cpu_s, on_core, poured
from scripts.fleet.post import Client, Patience
from scripts.proofs.service import LIFTED, Service, wait

_PATIENCE_S = 300.0
_GROUPED = 50


def main() -> int:
    """Make batches, feed everyone in turn, write the JSON and say which demands are not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core", type=int, default=0, help="the core of every server (0)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER)
    args = parser.parse_args()
    made = list(batches(args.batches, time.time_ns()))
    taken: dict[str, list[float]] = {}
    for number in range(args.repeats):
        for name, feed in _feeds().items():
            print(f"{number + 1}: {name}", file=sys.stderr, flush=True)
            for who, cost in feed(made, args.core).items():
                taken.setdefault(who, []).append(args.batches * EVENTS / cost.cpu_s)
            print({who: round(values[-1]) for who, values in taken.items()}, file=sys.stderr)
    rows = [_row(taken)]
    versions = {name: version(name) for name in ("duckdb", "numpy", "aiohttp", "msgpack")}
    return report.told(report.write("ingest", rows, versions, args.folder), rows)


def _feeds() -> dict[str, Callable[[Sequence[Made], int], dict[str, Cost]]]:
    feeds: dict[str, Callable[[Sequence[Made], int], dict[str, Cost]]] = {"ours": ours}
    if shutil.which(VICTORIA):
        feeds[VICTORIA] = lambda made, core: {VICTORIA: ingest_peers.victoria(made, core)}
    if shutil.which(CLICKHOUSE):
        feeds[CLICKHOUSE] = clickhouse
    return feeds


def ours(made: Sequence[Made], core: int) -> dict[str, Cost]:
    """Feed a service as laptops do, until its store has counted every batch."""
    folder = Path(tempfile.mkdtemp(prefix="bench-ingest-"))
    service = Service(folder / "data", settings=LIFTED)
    try:
        with on_core(core):
            service.start()
        posts = asyncio.run(_posts(service, made))
        store = service.store()
        if store is None:
            raise RuntimeError("no store process runs")
        before = cpu_s(service.front), cpu_s(store)
        begun = time.monotonic()
        asyncio.run(poured(posts))
        posted = Cost(cpu_s(service.front) - before[0], time.monotonic() - begun)
        name = "ptywrap_batches_stored_total"
        wait(lambda: _slowly(service, name) >= len(made), "not all is stored", _PATIENCE_S)
        whole = cpu_s(service.front) - before[0] + cpu_s(store) - before[1]
        return {
            "front": posted,
            "end to end": Cost(whole, time.monotonic() - begun),
        }
    finally:
        service.close()
        shutil.rmtree(folder, ignore_errors=True)


def clickhouse(made: Sequence[Made], core: int) -> dict[str, Cost]:
    """Feed ClickHouse the batches as they are, and grouped by somebody else."""
    grouped = ingest_peers.clickhouse(made, core, _GROUPED)
    return {
        CLICKHOUSE: ingest_peers.clickhouse(made, core, 1).server,
        f"{CLICKHOUSE}, {_GROUPED} batches an insert": grouped.server,
        f"{CLICKHOUSE}, {_GROUPED} batches an insert, with the making of its blocks": grouped.all,
    }


async def _posts(service: Service, made: Sequence[Made]) -> list[Post]:
    """Enrol every device of the batches and return what is to be posted."""
    devices = sorted({one.device for one in made})
    secret = service.secret("--enrol", "--uses", str(len(devices)))
    client = Client(service.url, Patience())
    tokens = {device: (await client.enrol(secret, device)).token for device in devices}
    await client.close()
    return [_post(service.url, one, tokens[one.device]) for one in made]


def _post(url: str, made: Made, token: str) -> Post:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/msgpack",
        "Content-Encoding": "zstd",
        "Idempotency-Key": made.id,
        "X-Ptywrap-Sent-At": str(time.time_ns()),
    }

    async def post(session: aiohttp.ClientSession) -> None:
        async with session.post(f"{url}/v1/batches", data=made.body, headers=headers) as response:
            answer = await response.json()
            if response.status != 200 or answer["rejected"]:
                raise RuntimeError(f"{response.status}: {answer}")

    return post


def _slowly(service: Service, name: str) -> float:
    """Return a counter, but not so often that asking is what is measured."""
    time.sleep(0.25)
    return service.metrics().get(name, 0.0)


def _row(taken: dict[str, list[float]]) -> dict[str, Any]:
    middle = {who: statistics.median(values) for who, values in taken.items()}
    demands = [report.at_most("250,000 events / end to end", 1.0, 250_000 / middle["end to end"])]
    if VICTORIA in middle:
        demands += [
            report.at_most(f"8 x {VICTORIA} / front", 1.0, 8 * middle[VICTORIA] / middle["front"]),
            report.at_most(
                f"1.9 x {VICTORIA} / end to end", 1.0, 1.9 * middle[VICTORIA] / middle["end to end"]
            ),
        ]
    if CLICKHOUSE in middle:
        ratio = 1.8 * middle[CLICKHOUSE] / middle["end to end"]
        demands.append(report.at_most(f"1.8 x {CLICKHOUSE} direct / end to end", 1.0, ratio))
    return report.row("events taken in", "events per core-second", taken, demands)


if __name__ == "__main__":
    sys.exit(main())
