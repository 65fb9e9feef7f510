"""Processes that have ended, kept until it is known which command they were part of.

They lie in memory-backed storage beside the marks, so that an observer that is killed loses none,
and nothing of a line that is to be recorded nowhere reaches a disk. Without such a place they are
held in memory alone.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct

from ptywrap.observe.account import Entry

_HEAD = Struct("<IIIQQQQQqBBI")
_NONE = -1
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Held:
    """The ended processes of one session."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._kept: list[bytes] | None = None
        self._descriptor = -1
        if path is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(path, _FLAGS, 0o600)

    def add(self, entry: Entry) -> None:
        """Keep one; it reaches the file with the next `flush`."""
        self._waiting.append(_packed(entry))

    def flush(self) -> None:
        """Write what was added, with one write."""
        if not self._waiting or self._descriptor < 0:
            return
        data = b"".join(self._waiting)
        with contextlib.suppress(OSError):
            if os.write(self._descriptor, data) == len(data):
                self._waiting.clear()

    def row(self, entry: Entry) -> bytes:
        """Return the row of one that was taken and not committed; empty where it was told."""
        if entry.size == 0 or self._descriptor < 0:
            return entry.row
        try:
            return os.pread(self._descriptor, entry.size, entry.at)
        except OSError:
            return b""

    def take(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Return those that are wanted, in the order they ended; they go with `commit`."""
        self.flush()
        found: list[Entry] = []
        kept: list[bytes] = []
        data = memoryview(self._content())
        for entry, start, stop in _unpacked(data):
            if wanted(entry):
                in_file = self._descriptor >= 0
                found.append(entry if in_file else entry._replace(row=self._cut(data, entry)))
            else:
                kept.append(bytes(data[start:stop]))
        self._kept = kept if found else None
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

    def _content(self) -> bytes:
        """Return all that is held, as it lies in the file."""
        data = b"".join(self._waiting)
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                size = os.fstat(self._descriptor).st_size
                data = os.pread(self._descriptor, size, 0) + data
        return data

    def _cut(self, data: memoryview, entry: Entry) -> bytes:
        return bytes(data[entry.at : entry.at + entry.size])

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


def _packed(entry: Entry) -> bytes:
    head = (
        entry.shell,
        entry.pid,
        entry.ppid,
        entry.start_ticks,
        entry.parent_ticks,
        entry.top_ns,
        entry.born_ns,
        entry.ended_ns,
        _NONE if entry.cpu_ns is None else entry.cpu_ns,
        entry.whole,
        entry.loose,
        len(entry.row),
    )
    return _HEAD.pack(*head) + entry.row


def _unpacked(data: memoryview) -> Iterator[tuple[Entry, int, int]]:
    """Yield what is held, with where it starts and stops."""
    at = 0
    while at + _HEAD.size <= len(data):
        *fields, cpu, whole, loose, size = _HEAD.unpack_from(data, at)
        row_at = at + _HEAD.size
        if row_at + size > len(data):
            return
        known = None if cpu == _NONE else cpu
        entry = Entry._make([*fields, known, bool(whole), bool(loose), b"", row_at, size])
        yield entry, at, row_at + size
        at = row_at + size
