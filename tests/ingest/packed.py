"""Entries of the service's journal, and journals on disk that hold them."""

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from ingest import entries
from ingest.entries import Entry
from ingest.journal import FILE_BYTES, Journal
from ptywrap import wire
from tests import build

TENANT, PERSON, TEAM = "tenant-a", "person-a", "core"
RECEIVED = build.AT + 60_000_000_000


def named(number: int, device: str = build.DEVICE) -> str:
    """Return the id of the batch of segment `number`."""
    return wire.batch_id(f"{number:012d}-0123456789ab", device)


def body(number: int, *facts: wire.Fact, **header: Any) -> bytes:
    """Return a batch of facts as it is packed; `header` changes its segment's clocks."""
    segment = build.a_segment(**header)
    return wire.pack(named(number, segment.device), segment, facts)


def an_entry(number: int, *facts: wire.Fact, **changes: Any) -> Entry:
    """Return the entry of a batch, received a minute after its clocks were read."""
    header = {name: changes.pop(name) for name in ("wall_ns", "boottime_ns", "boot_id", "device")
              if name in changes}  # fmt: skip
    packed = zstandard.ZstdCompressor(level=3).compress(body(number, *facts, **header))
    device = header.get("device", build.DEVICE)
    entry = Entry(
        kind=entries.BATCH,
        tenant=TENANT,
        device=device,
        person=PERSON,
        team=TEAM,
        id=named(number, device),
        digest=sha256(packed).digest(),
        received_at=RECEIVED,
        sent_at=0,
        encoding="zstd",
        body=packed,
    )
    return entry._replace(**changes)


def an_erasure(since: int | None = None, repo: str | None = None) -> Entry:
    """Return the entry with which a person's rows are to go."""
    asked = msgspec.msgpack.encode({"since": since, "repo": repo})
    return an_entry(0, kind=entries.ERASE, id="", digest=b"", encoding="", body=asked)


def a_repetition(number: int) -> Entry:
    """Return the entry of a batch that came once more."""
    return an_entry(number, kind=entries.REPEATED, encoding="", body=b"")


def write(folder: Path, told: Iterable[Entry], file_bytes: int = FILE_BYTES) -> None:
    """Put entries on stable storage behind what a journal holds, in a file of their own."""

    async def written() -> None:
        journal = Journal(folder, file_bytes)
        for entry in told:
            await journal.append(entry)
        await journal.close()

    asyncio.run(written())
