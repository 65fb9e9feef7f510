"""What pages ask, against a scan of the same table, on a month of a service made up for it.

With processes (20 a command) the commands are read as rows, above two million the rollups answer;
so `--commands 1000000` and `--commands 10000000 --no-processes` are the two sizes storage.md has.
Then the same questions while batches arrive at `--arriving` rows a second, as they do at the store
process: unpacked, and in a group each second. The default is a smoke size. Sizes on disk are those
of a checkpointed file.

usage: python -m scripts.bench.queries [--commands N] [--no-processes] [--repeats N] [--folder F]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ingest import store
from ingest.store.base import LogQuestion, Store
from ingest.store.questions import Owner, Window
from ptywrap import clock
from scripts.bench import history, report
from scripts.bench.arriving import Arriving
from scripts.bench.paired import Ratio, percentile

Ask = Callable[[], Awaitable[Any]]
_TREES = 40
# Groups arrive once a second: answers of one question must not all fall into the same part of it.
_PAUSE_S = 0.137


class Taken(NamedTuple):
    """What answers took, each in ms: on the wall, and of all processors together."""

    wall_ms: list[float]
    processor_ms: list[float]


def main() -> int:
    """Fill, measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    today = clock.wall_ns() // history.DAY_NS
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.place) as folder:
        path = args.file or Path(folder) / "fleet.duckdb"
        if not path.exists():
            size = history.Size(args.commands, args.processes, args.people, args.templates)
            print(f"filling {size}", file=sys.stderr, flush=True)
            print(f"in {history.fill(path, size, today):.0f} s", file=sys.stderr, flush=True)
        sizes = history.sizes(path)
        rows = [_sizes(sizes, path.stat().st_size), *asyncio.run(_measured(path, today, args))]
    versions = {name: version(name) for name in ("duckdb", "numpy")}
    name = f"queries-{args.commands}{'' if args.processes else '-commands'}"
    return report.told(report.write(name, rows, versions, args.folder), rows)


def _sizes(sizes: dict[str, tuple[int, int]], total: int) -> dict[str, Any]:
    per_row = {f"{name}, {rows} rows": [held / rows] for name, (rows, held) in sizes.items()}
    demands = []
    if "processes" in sizes:
        rows, held = sizes["processes"]
        demands.append(report.at_most("a process: at most 40 B", 40.0, held / rows))
    row = report.row("bytes a row, checkpointed", "B", per_row, demands)
    row["values"]["whole file, bytes"] = {"n": 1, "median": total, "min": total, "max": total}
    return row


async def _measured(path: Path, today: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    opened = store.open(f"duckdb://{path}")
    window = Window(today - history.DAYS + 1, today, history.TENANT, top=20)
    asks = await _asks(opened, window, args)
    source = (await opened.templates(window)).source
    quiet = {name: await _taken(ask, args.repeats) for name, ask in asks.items()}
    name = f"questions of {args.commands} commands, answered from {source}"
    rows = [_row(name, quiet, _demands(quiet, source))]
    if args.arriving:
        rows.append(await _while_arriving(opened, asks, args))
    await opened.close()
    return rows


async def _asks(opened: Store, window: Window, args: argparse.Namespace) -> dict[str, Ask]:
    """Return every question by name; the scan is of the table that most of them read."""
    month = window._replace(top=None)
    owner = Owner(history.TENANT, "p7")
    template = (await opened.templates(window)).rows[0].template
    repo = (await opened.log(LogQuestion(limit=1))).commands[0]["repo"]
    scan = partial(_scan, opened, "commands", "wall_ns > 900000000")
    asks: dict[str, Ask] = {
        "scan of commands": scan,
        "top chokepoints": lambda: opened.templates(window),
        "all templates": lambda: opened.templates(month),
        "top 100 templates": lambda: opened.templates(window._replace(top=100)),
        "one template by day": lambda: opened.daily(window, template),
        "weeks": lambda: opened.weekly(window),
        "own chokepoints": lambda: opened.templates(window._replace(person="p7")),
        "own commands": lambda: opened.mine(owner, 50),
        "medians of a repo's people": lambda: opened.medians(window._replace(repo=repo)),
    }
    if args.processes:
        found = await opened.log(LogQuestion(limit=args.commands // 2))
        step = max(len(found.commands) // _TREES, 1)
        keys = [(bytes.fromhex(row["session"]), row["id"]) for row in found.commands[::step]]
        trees = iter(keys * (2 * args.repeats + 2))

        def tree() -> Awaitable[Any]:
            session, number = next(trees)
            return opened.tree(session, _signed(int(number, 16)))

        asks["tree of a command"] = tree
        asks["programs"] = lambda: opened.programs(window)
        asks["scan of processes"] = partial(_scan, opened, "processes", "wall_us > 90000")
    return asks


async def _scan(opened: Store, table: str, condition: str) -> None:
    read = opened._read  # type: ignore[attr-defined]  # noqa: SLF001 - no store takes SQL
    text = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608 - words of ours
    await read(lambda cursor: cursor.execute(text).fetchall())


async def _taken(ask: Ask, repeats: int, pause_s: float = 0.0) -> Taken:
    """Return how many ms each answer took, and of a processor; one before is thrown away."""
    taken = Taken([], [])
    for _ in range(repeats + 1):
        before, used = time.perf_counter(), time.process_time()
        await ask()
        taken.wall_ms.append((time.perf_counter() - before) * 1000)
        taken.processor_ms.append((time.process_time() - used) * 1000)
        await asyncio.sleep(pause_s)
    return Taken(taken.wall_ms[1:], taken.processor_ms[1:])


def _row(name: str, taken: dict[str, Taken], demands: list[Any]) -> dict[str, Any]:
    row = report.row(name, "ms", {who: one.wall_ms for who, one in taken.items()}, demands)
    for who, one in taken.items():
        row["values"][who]["p95"] = round(percentile(one.wall_ms, 950), 3)
        # What company on the machine does not change: two idle cores take half of it.
        row["values"][who]["processor"] = round(percentile(one.processor_ms, 500), 3)
    return row


def _demands(taken: dict[str, Taken], source: str) -> list[Any]:
    p95 = {name: percentile(one.wall_ms, 950) for name, one in taken.items()}
    if source == "rollups":
        return [
            report.at_most(f"{name}: p95 at most 100 ms", 100.0, value)
            for name, value in p95.items()
            if not name.startswith("scan")
        ]
    bars = {"top chokepoints": 40.0, "tree of a command": 5.0}
    return [
        report.at_most(f"{name}: p95 at most {bar:g} ms", bar, p95[name])
        for name, bar in bars.items()
        if name in p95
    ] + [
        report.at_most(f"{name}: p95 over the scan's, reported", float("inf"), value / scanned)
        for name, value in p95.items()
        for scanned in [p95["scan of commands"]]
        if not name.startswith("scan")
    ]


async def _while_arriving(
    opened: Store, asks: dict[str, Ask], args: argparse.Namespace
) -> dict[str, Any]:
    """Ask now and then, first with nothing else to do and then while rows arrive."""
    idle = {name: await _taken(ask, args.repeats, _PAUSE_S) for name, ask in asks.items()}
    arriving = Arriving(opened, history.TENANT, args.arriving)
    arriving.start()
    await asyncio.sleep(2)
    busy = {name: await _taken(ask, args.repeats, _PAUSE_S) for name, ask in asks.items()}
    reached = await arriving.stop()
    demands = []
    for name, one in busy.items():
        if not name.startswith("scan"):
            middle = percentile(one.wall_ms, 500) / percentile(idle[name].wall_ms, 500)
            ratio = Ratio(middle, middle, middle)
            demands.append(report.within(f"{name}: at most 1.5 x idle (medians)", 1.5, ratio))
    name = f"now and then, {args.arriving} rows a second are to arrive meanwhile, {reached:.0f} do"
    return _row(name, busy | {f"{name}, idle": one for name, one in idle.items()}, demands)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=20_000, help="in a month (20000)")
    parser.add_argument("--no-processes", dest="processes", action="store_false", help="none")
    parser.add_argument("--people", type=int, default=200, help="with a device each (200)")
    parser.add_argument("--templates", type=int, default=500, help="how many there are (500)")
    parser.add_argument("--repeats", type=int, default=5, help="answers of each question (5)")
    parser.add_argument("--arriving", type=int, default=0, help="rows a second meanwhile (none)")
    parser.add_argument("--file", type=Path, help="a store filled before, or to be kept")
    parser.add_argument("--place", type=Path, help="where the store lies while it is measured")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
