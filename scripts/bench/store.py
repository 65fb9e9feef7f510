"""What `ptywrap log` costs on a long history, against a bare script that only opens and asks.

The bare script imports DuckDB, opens the same file and asks the same question: what nobody who
keeps a history in DuckDB can avoid. Ours is cold where no store process runs, and warm where one
does and the command that ended just before is still to be loaded. The default is a smoke size.

usage: python -m scripts.bench.store [--commands N] [--repeats N] [--folder FOLDER]
"""

import argparse
import asyncio
import atexit
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from ingest import store
from ingest.store.base import Batch, Table
from ptywrap import clock, device, paths, service, spool, wire
from scripts.bench import report
from scripts.bench.paired import interleaved, ratio

_BARE = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as held:
    print(held.execute("SELECT id, started_at, line FROM commands WHERE started_at >= ? "
        "ORDER BY started_at DESC LIMIT 20", [int(sys.argv[2])]).fetchall())
"""
Measure = Callable[[], float]
_CHUNK = 50_000
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it is made private
_WEEK_NS = 7 * 86_400_000_000_000
_YEAR_NS = 365 * 86_400_000_000_000
_SESSION_COMMANDS = 60
_WORDS = ("make", "git status", "pytest", "cargo build", "npm test", "ls", "vim", "docker compose")


def main() -> int:
    """Fill a history, measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as folder:
        _live_in(Path(folder))
        print(f"filling {args.commands} commands", file=sys.stderr, flush=True)
        asyncio.run(_fill(args.commands))
        rows = _rows(args.repeats)
    versions = {name: version(name) for name in ("duckdb", "numpy", "msgspec")}
    path = report.write("store", rows, versions, args.folder)
    missed = [
        f"{row['measure']}: {demand['text']}: {demand['value']:.3f}"
        for row in rows
        for demand in row["demands"]
        if not demand["met"]
    ]
    print(f"{path}: {len(rows)} rows, {len(missed)} demands not met")
    print("\n".join(missed))
    return 0


def _live_in(folder: Path) -> None:
    """Lead every path of ours into a folder that goes when this ends."""
    os.environ["HOME"] = str(folder)
    # Sockets lie in memory: elsewhere every bench of this user would share one folder for them.
    runtime = tempfile.mkdtemp(prefix="bench-", dir=_MEMORY if _MEMORY.is_dir() else folder)
    atexit.register(shutil.rmtree, runtime, ignore_errors=True)
    os.environ["XDG_RUNTIME_DIR"] = runtime
    for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME"):
        inner = folder / name.lower()
        inner.mkdir(mode=0o700)
        os.environ[f"XDG_{name}"] = str(inner)


async def _fill(commands: int) -> None:
    paths.private(paths.history_file().parent)
    filled = store.open(f"duckdb://{paths.history_file()}")
    for number, start in enumerate(range(0, commands, _CHUNK)):
        await filled.add([_batch(number, range(start, min(start + _CHUNK, commands)), commands)])
        await filled.settle()
    await filled.close()


def _batch(number: int, marks: range, commands: int) -> Batch:
    """Return made-up commands spread over a year, oldest first, 60 in each session."""
    now = clock.wall_ns()
    sessions = [(mark // _SESSION_COMMANDS).to_bytes(16, "little") for mark in marks]
    words = [_WORDS[mark % len(_WORDS)] for mark in marks]
    columns: dict[str, list[Any]] = {
        "session": sessions,
        "id": [wire.command_id(b"bench", 100, mark) for mark in marks],
        "started_at": [now - _YEAR_NS + (mark + 1) * (_YEAR_NS // commands) for mark in marks],
        "line": [f"{_WORDS[mark % 8]} --jobs {mark % 7} target-{mark % 997}" for mark in marks],
        "line_cut": [False] * len(marks),
        "template": words,
        "shape": words,
        "category": [word.partition(" ")[0] for word in words],
        "cwd": [f"/home/ada/project-{mark % 23}" for mark in marks],
        "repo": [f"example.org/ada/project-{mark % 23}" for mark in marks],
        "exit_status": [int(mark % 9 == 0) for mark in marks],
    }
    for name in ("wall_ns", "cpu_user_ns", "cpu_sys_ns", "wait_ns", "cpu_ns", "other_ns"):
        columns[name] = [mark * 7919 % 60_000_000_000 for mark in marks]
    return Batch(
        id=f"bench-{number}",
        device=device.identity(),
        boot="bench",
        number=number,
        wall_ns=now,
        boottime_ns=_YEAR_NS,
        tables={"commands": Table(len(marks), columns)},
    )


def _rows(repeats: int) -> list[dict[str, Any]]:
    since = str(clock.wall_ns() - _WEEK_NS)
    bare = _timed([sys.executable, "-I", "-c", _BARE, str(paths.history_file()), since])
    log = _timed([sys.executable, "-I", "-m", "ptywrap", "log", "--json"])
    return [_cold(bare, log, repeats), _warm(bare, log, repeats), _memory(), _two_at_once()]


def _cold(bare: Measure, log: Measure, repeats: int) -> dict[str, Any]:
    measures = {"bare": partial(_after, _leave, bare), "ptywrap log": partial(_after, _leave, log)}
    taken = interleaved(measures, repeats)
    demand = report.within("at most 2.5 x bare", 2.5, ratio(taken["ptywrap log"], taken["bare"]))
    return report.row("ptywrap log, no store process running", "ms", taken, [demand])


def _warm(bare: Measure, log: Measure, repeats: int) -> dict[str, Any]:
    fresh = _fresh()

    def warmed() -> None:
        for _ in range(2):  # the first command a process loads costs it numpy
            log()
            next(fresh)

    # A second process cannot open the file while its owner runs: it leaves for the bare script.
    measures = {
        "bare": partial(_after, _leave, bare),
        "ptywrap log": partial(_after, warmed, log),
        "the answer alone": partial(_after, warmed, _answer),
    }
    taken = interleaved(measures, repeats)
    demands = [
        report.within(f"{who}: at most 0.5 x bare", 0.5, ratio(taken[who], taken["bare"]))
        for who in ("ptywrap log", "the answer alone")
    ]
    name = "ptywrap log, store process running, one new command"
    return report.row(name, "ms", taken, demands)


def _memory() -> dict[str, Any]:
    service.ask_store("status")  # the last round before may have ended it
    resident = _owner().memory_info().rss / 1_000_000
    demand = report.at_most("at most 150 MB", 150.0, resident)
    return report.row("memory of the store process (RSS)", "MB", {"store": [resident]}, [demand])


def _timed(argv: list[str]) -> Measure:
    def measure() -> float:
        before = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - before) * 1000

    return measure


def _after(prepare: Callable[[], Any], measure: Measure) -> float:
    prepare()
    return measure()


def _answer() -> float:
    before = time.perf_counter()
    service.ask(paths.store_socket(), "log", limit=20, since_ns=clock.wall_ns() - _WEEK_NS)
    return (time.perf_counter() - before) * 1000


def _leave() -> None:
    """End the store process, if one runs, and wait until it has."""
    try:
        owner = _owner()
        service.ask(paths.store_socket(), "stop")
    except (ConnectionError, FileNotFoundError):
        return
    owner.wait(timeout=20)


def _owner() -> psutil.Process:
    return psutil.Process(service.ask(paths.store_socket(), "status")["pid"])


def _fresh() -> Iterator[None]:
    """Seal one command after the other, as a shell would between two logs."""
    machine = device.identity()
    header = wire.Segment(
        version=wire.VERSION,
        device=machine,
        boot_id="bench",
        wall_ns=clock.wall_ns(),
        monotonic_ns=clock.monotonic_ns(),
        boottime_ns=clock.boottime_ns(),
    )
    writer = spool.Spool(paths.spool_folder(machine), lambda: header, clock.monotonic_ns)
    for mark in itertools.count():
        number = wire.command_id(b"fresh", 1, mark)
        now = clock.wall_ns()
        writer.append(
            wire.Command(session=b"f" * 16, id=number, line="ls", started_at=now, wall_ns=mark)
        )
        writer.seal()
        yield


def _two_at_once() -> dict[str, Any]:
    """Ask twice at once with no store process running; count who got no commands."""
    _leave()
    argv = [sys.executable, "-I", "-m", "ptywrap", "log", "--json"]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(2)]
    empty = float(sum(not json.loads(one.communicate()[0]) for one in started))
    _leave()
    demand = report.at_most("none", 0.0, empty)
    return report.row("two logs at once", "not answered", {"ptywrap log": [empty]}, [demand])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=20_000, help="how long a history (20000)")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of each measure (3)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
