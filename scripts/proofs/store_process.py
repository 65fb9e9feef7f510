"""The service's store process killed at random, its WAL damaged: nothing lost, nothing twice.

storage.md rows 15 and 16. A journal is written as the front writes it, and the store process is
started over it, killed with SIGKILL at a random moment, and started again; then its WAL is flipped,
zeroed, cut, lengthened and removed. What is counted is counted by plain DuckDB on a copy.

usage: python -m scripts.proofs.store_process [--kills 50] [--damages 40]
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import zstandard

from ingest import entries
from ingest.entries import Entry
from ingest.journal import Journal
from ingest.store.base import Counts, StoreError
from ingest.store.remote import Remote
from ptywrap import wire

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "d" * 32
BOOT = "b0070000-0000-4000-8000-000000000000"
SESSION = bytes(range(16))
AT = 1_764_000_000_000_000_000
PROCESSES = 200
REOPEN_S = 2.0
_START_S = 30.0
_SECOND_NS = 1_000_000_000


class Counted(NamedTuple):
    """What an independent reader finds: batches, rows, rows that are there twice, torn batches."""

    batches: int
    commands: int
    processes: int
    twice: int
    partial: int


def expected(batches: int) -> Counted:
    """Return what is to be found of so many batches; each tells of the next one's command too."""
    return Counted(batches, batches + 1, batches * PROCESSES, 0, 0)


class Owner:
    """A data folder, a store process over it, and the journal it reads."""

    def __init__(self) -> None:
        # A socket's path has room for about 100 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="owner-"))
        self.file = self.folder / "fleet.duckdb"
        self.wal = self.folder / "fleet.duckdb.wal"
        self.socket = self.folder / "store.sock"
        self.told = 0
        self._process: subprocess.Popen[bytes] | None = None

    def journal(self, number: int = 1) -> None:
        """Write so many batches, each acknowledged before the next."""

        async def written() -> None:
            journal = Journal(self.folder / "journal")
            for _ in range(number):
                await journal.append(_entry(self.told + 1))
                self.told += 1
            await journal.close()

        asyncio.run(written())

    def start(self) -> None:
        """Start the store process."""
        argv = [
            *(sys.executable, "-m", "ingest", "store", "--data", str(self.folder)),
            *("--store", f"duckdb://{self.file}", "--socket", str(self.socket)),
            *("--wait", "0.1"),
        ]
        self._process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL)

    def counts(self) -> Counts:
        """Return what the store says it holds, waiting for it to open."""
        until = time.monotonic() + _START_S
        while True:
            try:
                return asyncio.run(Remote(self.socket).counts())
            except StoreError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def filled(self) -> None:
        """Wait until all that was journalled is in the store."""
        until = time.monotonic() + _START_S
        while self.counts().commands <= self.told:
            if time.monotonic() > until:
                raise TimeoutError("the store is not filled")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to leave; return its status."""
        return self._end(signal.SIGTERM)

    def counted(self) -> Counted:
        """Count with plain DuckDB what a copy of the file holds; the process must not run."""
        with tempfile.TemporaryDirectory() as copies:
            for path in (self.file, self.wal):
                if path.exists():
                    shutil.copy(path, copies)
            with duckdb.connect(f"{copies}/{self.file.name}") as copy:
                return Counted(*(_one(copy, text) for text in _COUNTS))

    def losses(self) -> int:
        """Count the losses of the store itself; the process must not run."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return _one(connection, "SELECT count(*) FROM losses WHERE sensor = 'store'")

    def close(self) -> None:
        """End what runs and remove the folder."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(_START_S)


_COUNTS = (
    "SELECT count(DISTINCT id) FROM batches WHERE starts_with(id, '0')",
    "SELECT count(*) FROM commands",
    "SELECT count(*) FROM processes",
    "SELECT (SELECT count(*) FROM processes) + (SELECT count(*) FROM commands)"
    " - (SELECT count(*) FROM (SELECT DISTINCT device, session, pid, start_ticks FROM processes))"
    " - (SELECT count(*) FROM (SELECT DISTINCT device, session, id FROM commands))",
    "SELECT count(*) FROM (FROM processes SELECT batch GROUP BY batch HAVING count(*) <> 200)",
)


def killed(owner: Owner, rounds: int, seed: int) -> float:
    """Kill the store process so many times while batches arrive; return the slowest reopening."""
    chance = random.Random(seed)  # noqa: S311 - the same moments in every run
    slowest = 0.0
    leaving = threading.Event()

    def write() -> None:
        while not leaving.is_set():
            owner.journal(3)
            leaving.wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(rounds):
            owner.start()
            if number % 3 == 0:
                began = time.monotonic()
                owner.counts()
                slowest = max(slowest, time.monotonic() - began)
            time.sleep(chance.uniform(0.2, 1.8))
            owner.kill()
    finally:
        leaving.set()
        writer.join()
    owner.start()
    owner.filled()
    owner.stop()
    return slowest


DAMAGES = ("flip", "zero tail", "truncate", "garbage", "delete")


def _damage(kind: str, data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    match kind:
        case "flip":
            data[start] ^= 1 << chance.randrange(8)
        case "zero tail":
            data[start:] = bytes(len(data) - start)
        case "truncate":
            del data[start:]
        case _:
            data += chance.randbytes(chance.randrange(1, 5000))


def damaged(owner: Owner, kind: str, rounds: int) -> list[Counted]:
    """Damage the WAL so many times after a kill; return what was found each time."""
    chance = random.Random(kind)  # noqa: S311 - the same damage in every run
    found = []
    for _ in range(rounds):
        owner.journal(2)
        owner.start()
        owner.filled()
        owner.kill()
        if kind == "delete":
            owner.wal.unlink()
        else:
            data = bytearray(owner.wal.read_bytes())
            _damage(kind, data, chance)
            owner.wal.write_bytes(data)
        owner.start()
        owner.filled()
        owner.stop()
        found.append(owner.counted())
    return found


def _one(connection: duckdb.DuckDBPyConnection, text: str) -> int:
    row = connection.execute(text).fetchone()
    return int(row[0]) if row else 0


def _entry(number: int) -> Entry:
    command = wire.Command(
        session=SESSION,
        id=wire.command_id(SESSION, 100, number),
        template="make",
        started_at=AT + number * _SECOND_NS,
        wall_ns=_SECOND_NS,
        exit_status=0,
    )
    # Told at its start in the batch before: one row all the same.
    later = wire.command_id(SESSION, 100, number + 1)
    begun = wire.Command(session=SESSION, id=later, started_at=AT + (number + 1) * _SECOND_NS)
    processes = [
        wire.Process(
            session=SESSION, pid=pid, start_ticks=number * 1000 + pid, command=command.id, name="cc"
        )
        for pid in range(1, PROCESSES + 1)
    ]
    header = wire.Segment(
        version=wire.VERSION,
        device=DEVICE,
        boot_id=BOOT,
        wall_ns=AT + number * _SECOND_NS,
        monotonic_ns=number * _SECOND_NS,
        boottime_ns=number * _SECOND_NS,
    )
    name = wire.batch_id(f"{number:012d}-0123456789ab", DEVICE)
    body = zstandard.compress(wire.pack(name, header, [command, *processes, begun]))
    at = AT + (number + 1) * _SECOND_NS
    return Entry(
        entries.BATCH, "t", DEVICE, "p", "core", name, sha256(body).digest(), at, at, "zstd", body
    )


def main() -> int:
    """Run both proofs and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--damages", type=int, default=40, help="of each kind")
    args = parser.parse_args()
    said: dict[str, Any] = {}
    owner = Owner()
    slowest = killed(owner, args.kills, 1)
    said["kill"] = owner.counted()._asdict() | {"told": owner.told, "reopened_s": round(slowest, 2)}
    good = owner.counted() == expected(owner.told) and slowest <= REOPEN_S
    owner.close()
    for kind in DAMAGES:
        owner = Owner()
        found = damaged(owner, kind, args.damages)
        right = [one == expected(2 * number) for number, one in enumerate(found, 1)]
        said[kind] = {"rounds": len(right), "right": sum(right), "losses": owner.losses()}
        good = good and all(right)
        owner.close()
    print(json.dumps(said, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
