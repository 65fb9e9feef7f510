"""The disk filled while a fleet posts: 503, no false yes, and all of it there once there is room.

The data folder is a small tmpfs of its own (mounting it takes root). Twice under load it is filled
to the last byte and emptied again: once with the guard that refuses before the disk is full, once
without, so that writes of the journal and of the engine fail.

usage: python -m scripts.proofs.disk_full [--mebibytes 160] [--rounds 4]
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import UNTIL, Window
from scripts.fleet.play import Pace, play
from scripts.fleet.post import Patience
from scripts.proofs.kills import counted
from scripts.proofs.service import LIFTED, Service, told

_CHUNK = 64 << 10


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """Give a folder that is a file system of so many MiB; PermissionError without the right."""
    folder.mkdir(mode=0o700)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


class Disk(NamedTuple):
    """How large the disk is, how often it fills, and for how long each time."""

    mebibytes: int = 160
    rounds: int = 4
    full_s: float = 1.5


async def prove(folder: Path, disk: Disk, *, guarded: bool) -> dict[str, Any]:
    """Fill and empty the disk under load so many times; return the numbers."""
    least = 16 << 20 if guarded else 0
    settings = f"{LIFTED}keep_free_bytes = {least}\nkeep_free_permille = 0\n"
    with small_disk(folder / f"disk-{guarded}", disk.mebibytes) as place:
        service = Service(place / "data", settings=settings)
        ledger = Ledger(folder / f"fleet-{guarded}")
        try:
            await asyncio.to_thread(service.start)
            secret = await asyncio.to_thread(service.secret, "--enrol", "--uses", "1000")
            refused = await _load(service, ledger, secret, disk)
            await asyncio.to_thread(service.drained, len(ledger.fates()))
            status = await asyncio.to_thread(service.stop)
            found = counted([ledger], str(service.file))
        finally:
            await asyncio.to_thread(service.close)
    return {
        "guarded": guarded,
        "rounds": disk.rounds,
        "refused_or_unanswered": refused,
        "status_at_the_end": status,
        **found._asdict(),
        "holds": found.faults == 0 and refused > 0 and found.acknowledged == found.batches,
    }


async def _load(service: Service, ledger: Ledger, secret: str, disk: Disk) -> int:
    """Play a fleet while the disk fills; return how many attempts came to nothing."""
    fleet = ledger.begin(Fleet(service.url, 6, 9, Window(UNTIL, 3, 60), 200))
    patience = Patience(first_s=0.05, total_s=5.0, attempts=2000)
    pace = Pace(over_s=disk.rounds * disk.full_s * 2, patience=patience)
    playing = asyncio.create_task(play(fleet, ledger, secret, pace))
    for _ in range(disk.rounds):
        await asyncio.sleep(disk.full_s)
        ballast = await asyncio.to_thread(_fill, service.data)
        await asyncio.sleep(disk.full_s)
        ballast.unlink()
    played = await playing
    return sum(fate.attempts - 1 for fate in played.fates)


def _fill(folder: Path) -> Path:
    """Write until nothing more fits; return the file that is in the way."""
    path = folder / "ballast"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (_CHUNK, 1024):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, bytes(size))
    finally:
        os.close(descriptor)
    return path


def main() -> int:
    """Prove both and print the numbers; 0 where the demands are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=160, help="the disk's size (160)")
    parser.add_argument("--rounds", type=int, default=4, help="how often it fills (4)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as name:
        folder = Path(name)
        results = [
            asyncio.run(prove(folder, Disk(args.mebibytes, args.rounds), guarded=guarded))
            for guarded in (True, False)
        ]
    return max(told(result) for result in results)


if __name__ == "__main__":
    sys.exit(main())
