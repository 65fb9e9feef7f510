"""The service's journal: what was acknowledged stands here first, on stable storage, in groups.

A file is `NNNNNNNNNNNN.journal`, begun by an empty frame whose number is random; the frames of the
entries count on from it. A body that holds frames of its own can therefore never be taken for the
journal's, not even where the frame around it was torn. No number of a file comes twice, and a
file is written by one process only: `read` can go on from a position whatever was removed.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ingest import entries
from ingest.entries import Entry
from ptywrap import wire

FILE_BYTES = 64 << 20
BODY_LIMIT = 1 << 20
FRAME_LIMIT = BODY_LIMIT + (64 << 10)
GROUP_BYTES = 8 << 20
GROUP_ENTRIES = 64
_CHUNK_BYTES = 8 << 20
_MOST_FRAMES = 1 << 32
_SUFFIX = ".journal"
_COUNTER = "number"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_APPEND
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
_log = logging.getLogger(__name__)


class Position(NamedTuple):
    """Where an entry ends: the number of a file and an offset in it."""

    number: int = 0
    offset: int = 0


START = Position()


class Unwritten(Exception):
    """The entry is not on stable storage, and may be tried again later."""


class _Waiting(NamedTuple):
    entry: Entry
    done: asyncio.Future[None]


class Journal:
    """The one writer of a folder of journal files; to be made inside a running loop."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.syncs = 0
        self.written_bytes = 0
        self.failures = 0
        self._file_bytes = file_bytes
        self._waiting: list[_Waiting] = []
        self._file: _File | None = None
        self._wake = asyncio.Event()
        self._closing = False
        # Its own thread: a sync never stands in line behind what is being inflated.
        self._thread = ThreadPoolExecutor(1, "journal")
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def waiting(self) -> int:
        """How many entries are not on stable storage yet."""
        return len(self._waiting)

    async def append(self, entry: Entry) -> None:
        """Return when the entry is on stable storage, or raise Unwritten.

        Who stops waiting does not take it back: it is written all the same.
        """
        if self._closing:
            raise Unwritten("the journal is closed")
        if len(entry.body) > BODY_LIMIT:
            raise ValueError(f"a body has at most {BODY_LIMIT} bytes")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entry, done))
        self._wake.set()
        await done

    async def close(self) -> None:
        """Write what waits, then let go."""
        self._closing = True
        self._wake.set()
        await self._task
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = _group(self._waiting)
            kept = await loop.run_in_executor(self._thread, self._keep, [w.entry for w in group])
            del self._waiting[: len(group)]
            for one in group:
                if one.done.done():
                    continue
                if kept:
                    one.done.set_result(None)
                else:
                    one.done.set_exception(Unwritten("the journal cannot be written"))
        if self._file is not None:
            self._file.close()

    def _keep(self, group: list[Entry]) -> bool:
        """Write a group and sync it; once more into a new file where that failed."""
        payloads = [entries.packed(entry) for entry in group]
        for _ in range(2):
            try:
                if self._file is None or self._file.size >= self._file_bytes:
                    self._renew()
                if self._file is not None:
                    self._file.write(payloads)
                    self.syncs += 1
                    self.written_bytes += sum(map(len, payloads))
                    return True
            except OSError as error:
                # What a failed sync leaves in the page cache is anyone's guess (fsync(2)): that
                # file is never trusted again.
                self.failures += 1
                _log.warning("journal not written: %s", error.strerror)
                if self._file is not None:
                    self._file.give_up()
                    self._file = None
        return False

    def _renew(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._file = _begun(self.folder)


class _File:
    """One file being written: its size behind the last group that was synced."""

    def __init__(self, path: Path, descriptor: int, seq: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.seq = seq
        self.size = 0

    def write(self, payloads: list[bytes]) -> None:
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
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def read(folder: Path, position: Position = START) -> Iterator[tuple[Position, Entry]]:
    """Yield the entries behind a position, each with the position behind it; never raises.

    The end of the newest file may be a frame being written: reading again from the last position
    gives it whole. What is damaged costs itself alone and is logged.
    """
    for number, path in files(folder):
        if number >= position.number:
            offset = position.offset if number == position.number else 0
            with contextlib.suppress(OSError):
                yield from _entries(path, number, offset)


def files(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of a journal, oldest first, by number."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return []
    return sorted((int(path.stem), path) for path in found if path.stem.isdigit())


def bytes_behind(folder: Path, position: Position = START) -> int:
    """Return how many bytes of a journal's entries lie behind a position."""
    found = 0
    for number, path in files(folder):
        if number >= position.number:
            passed = position.offset if number == position.number else 0
            with contextlib.suppress(OSError):
                found += max(path.stat().st_size - max(passed, wire.HEADER_BYTES), 0)
    return found


def _entries(path: Path, number: int, offset: int) -> Iterator[tuple[Position, Entry]]:
    for start, end, payload in _payloads(path, number, max(offset, wire.HEADER_BYTES)):
        try:
            entry = entries.entry(payload)
        except wire.Unreadable:
            _log.warning("journal %d: no entry at %d", number, start)
            continue
        yield Position(number, end), entry


def _payloads(path: Path, number: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the start, end and payload of each frame that is the journal's own."""
    with path.open("rb", buffering=0) as file:
        head = file.read(wire.HEADER_BYTES)
        if len(head) < wire.HEADER_BYTES:
            return
        first = next(wire.scan(head), None)
        file.seek(offset)
        at = expected = offset
        carry = b""
        while chunk := file.read(_CHUNK_BYTES):
            data = carry + chunk
            for found in wire.scan(data, FRAME_LIMIT):
                # Where the first frame is damaged there is nothing to compare with.
                if first is not None and not 0 < found.seq - first.seq < _MOST_FRAMES:
                    continue
                start = at + found.offset
                if start > expected:
                    _log.warning("journal %d: damage from %d to %d", number, expected, start)
                expected = start + wire.HEADER_BYTES + len(found.payload)
                yield start, expected, found.payload
            # A frame that began before this would have been found whole.
            keep = max(expected - at, len(data) - FRAME_LIMIT - wire.HEADER_BYTES)
            carry = data[keep:]
            at += keep


def _group(waiting: list[_Waiting]) -> list[_Waiting]:
    size = 0
    for place, one in enumerate(waiting[:GROUP_ENTRIES]):
        size += len(one.entry.body)
        if place and size > GROUP_BYTES:
            return waiting[:place]
    return waiting[:GROUP_ENTRIES]


def _begun(folder: Path) -> _File:
    number = _next_number(folder)
    path = folder / f"{number:012d}{_SUFFIX}"
    file = _File(path, os.open(path, _FLAGS, 0o600), secrets.randbits(62))
    try:
        file.write([b""])
        _sync_folder(folder)
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
