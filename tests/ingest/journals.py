"""Journals of a test's own: entries written here or by a process that may be killed, and read."""

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from ingest import entries, journal
from ingest.entries import Entry
from ingest.journal import FILE_BYTES, START, Journal, Position

ROOT = Path(__file__).resolve().parents[2]


def an_entry(name: str, body: bytes = b"a body") -> Entry:
    """Return the entry of a batch called `name`; what is in its body matters to nobody here."""
    return Entry(
        kind=entries.BATCH,
        tenant="tenant",
        device="d" * 32,
        person="person",
        team="core",
        id=name,
        digest=sha256(body).digest(),
        received_at=1_764_000_000_000_000_000,
        sent_at=0,
        encoding="",
        body=body,
    )


def write(folder: Path, told: Iterable[Entry], file_bytes: int = FILE_BYTES) -> int:
    """Append all entries at once; return how many syncs that took."""

    async def written() -> int:
        writer = Journal(folder, file_bytes)
        try:
            await asyncio.gather(*map(writer.append, told))
        finally:
            await writer.close()
        return writer.syncs

    return asyncio.run(written())


def ids(folder: Path, position: Position = START) -> list[str]:
    """Return the ids of the entries behind a position."""
    return [entry.id for _, entry in journal.read(folder, position)]


def writing(folder: Path, number: int, *under: str) -> "subprocess.Popen[str]":
    """Start a process that appends so many entries one by one, and prints each it may believe."""
    argv = [*under, sys.executable, "-m", "tests.ingest.journals", str(folder), str(number)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def _one_by_one(folder: Path, number: int) -> None:
    writer = Journal(folder)
    for place in range(number):
        try:
            await writer.append(an_entry(f"b{place}"))
            sys.stdout.write(f"b{place}\n")
        except journal.Unwritten:
            sys.stdout.write("unwritten\n")
        sys.stdout.flush()
    await writer.close()


if __name__ == "__main__":
    asyncio.run(_one_by_one(Path(sys.argv[1]), int(sys.argv[2])))
