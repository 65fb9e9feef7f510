"""What a made-up fleet costs the service: core time, bytes on the wire and in the file, memory.

The service runs with its embedded engine; the fleet's facts are made and packed beforehand, so that
what is measured is the service alone. Each round is a service and a fleet of its own.

usage: python -m scripts.bench.fleet [--laptops 40] [--repeats 3] [--folder FOLDER]
"""

import argparse
import asyncio
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from scripts.bench import report
from scripts.fleet.check import check
from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import UNTIL, Window
from scripts.fleet.play import Pace, play
from scripts.fleet.readers import reader
from scripts.proofs.service import LIFTED, Service, resident_bytes

_NAMES = {
    "core time of an event": "us",
    "bytes on the wire, an event": "B",
    "bytes in the file, an event": "B",
    "memory of the front": "MB",
    "memory of the store process": "MB",
    "events a second, sent as fast as one client can": "1/s",
    "events of a round": "",
}


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    taken: dict[str, list[float]] = {name: [] for name in _NAMES}
    faults = 0
    for number in range(args.repeats):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found, wrong = asyncio.run(_round(Path(folder), args.laptops, number))
        faults += wrong
        for name, value in found.items():
            taken[name].append(value)
    rows: list[dict[str, Any]] = [
        report.row(name, unit, {"service": taken[name]}, []) for name, unit in _NAMES.items()
    ]
    demand = report.at_most("nothing lost, nothing twice", 0.0, float(faults))
    rows.append(
        report.row("faults an independent reader finds", "", {"service": [faults]}, [demand])
    )
    versions = {name: version(name) for name in ("aiohttp", "duckdb", "numpy", "zstandard")}
    return report.told(report.write("fleet", rows, versions, args.folder), rows)


async def _round(folder: Path, laptops: int, number: int) -> tuple[dict[str, float], int]:
    service = Service(folder / "data", settings=LIFTED)
    ledger = Ledger(folder / "fleet")
    try:
        await asyncio.to_thread(service.start)
        secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", str(laptops))
        fleet = ledger.begin(Fleet(service.url, laptops, number + 1, Window(UNTIL, 5), 1000))
        both = [psutil.Process(service.front), psutil.Process(service.store() or 0)]
        before = sum(map(_core_s, both))
        played = await play(fleet, ledger, secret, Pace(workers=2))
        rows = sum(fate.rows for fate in played.fates)
        await asyncio.to_thread(service.drained, len(played.fates))
        spent = sum(map(_core_s, both)) - before
        memory = [resident_bytes(one.pid, "VmHWM") / 1e6 for one in both]
        await asyncio.to_thread(service.stop)
    finally:
        await asyncio.to_thread(service.close)
    held = reader(str(service.file))
    try:
        wrong = check(fleet, ledger, held).faults
    finally:
        held.close()
    values = (
        spent / rows * 1e6,
        played.sent_bytes / rows,
        service.file.stat().st_size / rows,
        *memory,
        rows / played.sent_s,
        float(rows),
    )
    return dict(zip(_NAMES, values, strict=True)), wrong


def _core_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laptops", type=int, default=40, help="how many (40)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
