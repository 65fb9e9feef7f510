"""One file of the journal being written, and which files there are."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from ingest.stable import sync
from ptywrap import wire

BODY_LIMIT = 1 << 20
FRAME_LIMIT = BODY_LIMIT + (64 << 10)
_SUFFIX = ".journal"
_COUNTER = "number"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_APPEND
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class File:
    """One file being written: its size behind the last group that was synced."""

    def __init__(self, path: Path, descriptor: int, seq: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.seq = seq
        self.size = 0
        self.born = time.monotonic()

    def write(self, payloads: list[bytes]) -> None:
        """Write a group by one call and sync it. Raises OSError."""
        frames = [
            wire.frame(self.seq + place, payload, FRAME_LIMIT)
            for place, payload in enumerate(payloads)
        ]
        size = sum(map(len, frames))
        written = os.writev(self.descriptor, frames)
        if written != size:
            rest = memoryview(b"".join(frames))[written:]
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        _sync_data(self.descriptor)
        self.seq += len(frames)
        self.size += size

    def give_up(self) -> None:
        """Cut what was not acknowledged, so that a full disk has its room back."""
        with contextlib.suppress(OSError):
            if self.size > wire.HEADER_BYTES:
                os.ftruncate(self.descriptor, self.size)
            else:
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def files(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of a journal, oldest first, by number."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return []
    return sorted((int(path.stem), path) for path in found if path.stem.isdigit())


def begun(folder: Path) -> File:
    """Begin the next file of a folder. Raises OSError."""
    number = _next_number(folder)
    path = folder / f"{number:012d}{_SUFFIX}"
    file = File(path, os.open(path, _FLAGS, 0o600), secrets.randbits(62))
    try:
        file.write([b""])
        sync(folder)
    except OSError:
        file.give_up()
        raise
    return file


def _next_number(folder: Path) -> int:
    """Return a number that no file of this folder ever had; the counter outlives the files."""
    descriptor = os.open(folder / _COUNTER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        text = os.pread(descriptor, 12, 0)
        newest = max((number for number, _ in files(folder)), default=0)
        number = max(newest, int(text) if text.isdigit() else 0) + 1
        # Twelve digits in place: a full disk has room for them.
        os.pwrite(descriptor, b"%012d" % number, 0)
        _sync_data(descriptor)
    finally:
        os.close(descriptor)
    return number
