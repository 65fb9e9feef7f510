"""The service's journal: what was acknowledged stands here first, on stable storage, in groups.

A file is `NNNNNNNNNNNN.journal`, begun by an empty frame whose number is random; the frames of the
entries count on from it. A body that holds frames of its own can therefore never be taken for the
journal's, not even where the frame around it was torn. No number of a file comes twice, and a
file is written by one process only: `read` can go on from a position whatever was removed.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ingest import entries
from ingest.entries import Entry
from ingest.journal_file import BODY_LIMIT, FRAME_LIMIT, File, begun, files
from ptywrap import wire

__all__ = [
    "BODY_LIMIT",
    "FRAME_LIMIT",
    "START",
    "Journal",
    "Position",
    "Unwritten",
    "bytes_behind",
    "files",
    "passed",
    "read",
]

FILE_BYTES = 64 << 20
FILE_SECONDS = 3600.0
"""After so long a file with entries is followed by another: what is erased must not rest in it."""
GROUP_BYTES = 8 << 20
GROUP_ENTRIES = 64
_CHUNK_BYTES = 8 << 20
_MOST_FRAMES = 1 << 32
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

    def __init__(
        self, folder: Path, file_bytes: int = FILE_BYTES, file_seconds: float = FILE_SECONDS
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.syncs = 0
        self.written_bytes = 0
        self.failures = 0
        self._file_bytes = file_bytes
        self._file_seconds = file_seconds
        self._waiting: list[_Waiting] = []
        self._file: File | None = None
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
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._due_seconds())
                    continue
                await loop.run_in_executor(self._thread, self._turn)
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

    def _due_seconds(self) -> float | None:
        """Return after how long the file is followed by another; None while it has no entry."""
        file = self._file
        if file is None or file.size <= wire.HEADER_BYTES:
            return None
        return max(file.born + self._file_seconds - time.monotonic(), 0.0)

    def _turn(self) -> None:
        """Begin another file though nobody waits."""
        try:
            self._renew()
        except OSError as error:
            _log.warning("no new file of the journal: %s", error.strerror)

    def _keep(self, group: list[Entry]) -> bool:
        """Write a group and sync it; once more into a new file where that failed."""
        payloads = [entries.packed(entry) for entry in group]
        for _ in range(2):
            try:
                full = self._file is None or self._file.size >= self._file_bytes
                if full or self._due_seconds() == 0:
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
        self._file = begun(self.folder)


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


def bytes_behind(folder: Path, position: Position = START) -> int:
    """Return how many bytes of a journal's entries lie behind a position."""
    found = 0
    for number, path in files(folder):
        if number >= position.number:
            before = position.offset if number == position.number else 0
            found += max(_size(path) - max(before, wire.HEADER_BYTES), 0)
    return found


def passed(folder: Path, position: Position) -> list[Path]:
    """Return the files that are wholly before a position and have no writer any more."""
    found = files(folder)
    return [
        path
        for number, path in found
        if number < position.number
        or (number == position.number < found[-1][0] and _size(path) <= position.offset)
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


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
