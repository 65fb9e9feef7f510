"""One mark file: reads what was appended, and blanks what has become facts."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ptywrap.observe.fold import Record

LIMIT_BYTES = 256 << 10
"""A shell's file above this is renamed; the shell opens by name each time, so it gets a new one."""
_CHUNK = 1 << 20


class MarkFile:
    """An append-only file of records, read from `offset` on. Raises OSError on opening.

    Only whole records are taken; `offset` is behind the last one. Nothing before it is needed
    again once `blank` was called, and nothing behind it is ever touched.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], tuple[Sequence[Record], int]],
        offset: int = 0,
    ) -> None:
        self.path = path
        self.offset = offset
        self.last_ns = 0
        """When its last record was made, as its reader dates it."""
        self._parse = parse
        self._blanked = 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(self._descriptor)
        self.inode = found.st_ino
        if offset > found.st_size or found.st_uid != os.getuid():
            os.close(self._descriptor)
            raise OSError("another file of that name")

    def read(self) -> list[Record]:
        """Return the records appended since."""
        found: list[Record] = []
        while True:
            try:
                data = os.pread(self._descriptor, _CHUNK, self.offset)
            except OSError:
                return found
            records, used = self._parse(data)
            found.extend(records)
            self.offset += used
            if used == 0 or len(data) < _CHUNK:
                return found

    def changed_ns(self) -> int:
        """Return the wall time of the last write, cut to the kernel's tick: never late."""
        return os.fstat(self._descriptor).st_mtime_ns

    def blank(self) -> None:
        """Overwrite what was taken with zeros, in place: the writer appends at the same time."""
        with contextlib.suppress(OSError):
            while self._blanked < self.offset:
                size = min(self.offset - self._blanked, _CHUNK)
                self._blanked += os.pwrite(self._descriptor, bytes(size), self._blanked)

    def replaced(self) -> bool:
        """Say whether the name now leads to another file, or to none."""
        try:
            return os.stat(self.path, follow_symlinks=False).st_ino != self.inode
        except OSError:
            return True

    def rotate(self) -> bool:
        """Rename a file that has grown large; False while it is small."""
        if self.offset < LIMIT_BYTES:
            return False
        with contextlib.suppress(OSError):
            self.path.rename(self.path.with_name(self.path.name + ".old"))
            return True
        return False

    def close(self) -> None:
        """Let go of it; the file stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
