"""Processes that have ended, kept until it is known which command they were part of.

They lie in memory-backed storage beside the marks, so that an observer that is killed loses none,
and nothing of a line that is to be recorded nowhere reaches a disk. Without such a place they are
held in memory alone.
"""

import contextlib
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct

from ptywrap.observe.account import Entries, Entry

_HEAD = Struct("<IIIQQQQQqBBI")
_NUMBERS = 8
"""How many fields of an entry are plain numbers: those before its CPU time."""
_NONE = -1
_CHUNK_BYTES = 1 << 16
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Held:
    """The ended processes of one session, or their flows; `late`: the file is made when needed."""

    def __init__(self, path: Path | None, *, late: bool = False) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._kept: list[bytes] | None = None
        self._descriptor = -1
        self._open(_FLAGS & ~os.O_CREAT if late else _FLAGS)

    def add(self, entry: Entry) -> None:
        """Keep one; it reaches the file with the next `flush`."""
        self._waiting.append(_packed(entry))

    def flush(self) -> None:
        """Write what was added, with one write; what does not fit stays in memory."""
        if self._waiting and self._descriptor < 0:
            self._open(_FLAGS)
        if not self._waiting or self._descriptor < 0:
            return
        data = b"".join(self._waiting)
        with contextlib.suppress(OSError):
            written = os.write(self._descriptor, data)
            if written == len(data):
                self._waiting.clear()
            else:
                size = os.fstat(self._descriptor).st_size
                os.ftruncate(self._descriptor, size - written)

    def row(self, entry: Entry) -> bytes:
        """Return the row of one that was taken and not committed; empty where it was told."""
        if entry.row or entry.size == 0 or self._descriptor < 0:
            return entry.row
        try:
            return os.pread(self._descriptor, entry.size, entry.at)
        except OSError:
            return b""

    def take(self, wanted: Callable[[Entry], bool]) -> Entries:
        """Return those that are wanted, in the order they ended; they go with `commit`."""
        self.flush()
        read, in_file, size = self._content()
        found = Taken()
        kept: list[tuple[int, int]] = []
        for entry, start, stop in _unpacked(read, size):
            if wanted(entry):
                found.add(entry, b"" if stop <= in_file else read(entry.size, entry.at))
            elif kept and kept[-1][1] == start:
                kept[-1] = (kept[-1][0], stop)
            else:
                kept.append((start, stop))
        self._kept = [read(stop - start, start) for start, stop in kept] if found else None
        return found

    def commit(self) -> None:
        """Let go of what was taken last: it has become facts."""
        if self._kept is not None:
            self._rewrite(self._kept)
            self._kept = None

    def close(self, *, remove: bool) -> None:
        """Let go of the file, and of its name once the session is over."""
        self.flush()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if remove and self._path is not None:
            self._path.unlink(missing_ok=True)
        self._path = None

    def _open(self, flags: int) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(self._path, flags, 0o600)

    def _content(self) -> tuple[Callable[[int, int], bytes], int, int]:
        """Return what reads so many bytes at a place of all that is held, and two ends of that.

        The first is of what lies in the file, the second of what is in memory because no more fits.
        """
        in_file = 0
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                in_file = os.fstat(self._descriptor).st_size
        waiting = b"".join(self._waiting)

        def read(length: int, at: int) -> bytes:
            inside = min(length, in_file - at)
            part = os.pread(self._descriptor, inside, at) if inside > 0 else b""
            return part + waiting[max(at - in_file, 0) : max(at + length - in_file, 0)]

        return read, in_file, in_file + len(waiting)

    def _rewrite(self, rows: list[bytes]) -> None:
        """Put rows in place of all others: whoever dies here leaves the one or the other."""
        self._waiting = rows
        if self._descriptor < 0 or self._path is None:
            return
        with contextlib.suppress(OSError):
            if not rows:
                os.ftruncate(self._descriptor, 0)
                return
            fresh = self._path.with_name(self._path.name + ".new")
            descriptor = os.open(fresh, _FLAGS | os.O_TRUNC, 0o600)
            os.close(self._descriptor)
            self._descriptor = descriptor
            self.flush()
            fresh.rename(self._path)


class Taken:
    """What was taken: packed, for a line may have run tens of thousands; unpacked one by one."""

    def __init__(self) -> None:
        self._heads = bytearray()
        self._places = array("Q")
        self._rows: dict[int, bytes] = {}

    def add(self, entry: Entry, row: bytes) -> None:
        """Take one; an empty row lies in the file."""
        if row:
            self._rows[len(self._places)] = row
        self._heads += _head(entry, entry.size)
        self._places.append(entry.at)

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self._places)

    def __iter__(self) -> Iterator[Entry]:
        """Yield them in the order they ended."""
        for place, fields in enumerate(_HEAD.iter_unpack(self._heads)):
            entry = _entry(fields, self._places[place])
            row = self._rows.get(place)
            yield entry if row is None else entry._replace(row=row)


def _packed(entry: Entry) -> bytes:
    return _head(entry, len(entry.row)) + entry.row


def _head(entry: Entry, size: int) -> bytes:
    numbers, rest = entry[:_NUMBERS], (entry.whole, entry.loose, size)
    return _HEAD.pack(*numbers, _NONE if entry.cpu_ns is None else entry.cpu_ns, *rest)


def _unpacked(read: Callable[[int, int], bytes], size: int) -> Iterator[tuple[Entry, int, int]]:
    """Yield what is held, with where it starts and stops; rows are passed by unread."""
    at = since = 0
    data = b""
    while at + _HEAD.size <= size:
        if at + _HEAD.size > since + len(data):
            since, data = at, read(_CHUNK_BYTES, at)
        row_at = at + _HEAD.size
        entry = _entry(_HEAD.unpack_from(data, at - since), row_at)
        if row_at + entry.size > size:
            return
        yield entry, at, row_at + entry.size
        at = row_at + entry.size


def _entry(fields: tuple[int, ...], row_at: int) -> Entry:
    cpu_ns, whole, loose, size = fields[_NUMBERS:]
    known = None if cpu_ns == _NONE else cpu_ns
    numbers = fields[:_NUMBERS]
    return Entry._make((*numbers, known, bool(whole), bool(loose), b"", row_at, size))
