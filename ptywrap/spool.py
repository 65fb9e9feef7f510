"""The one writer of a spool folder: appends facts, seals, keeps to its quota, counts what it drops.

What a segment is stands in `ptywrap.segments`. The writer holds flock on its `.open` file: whoever
gets that lock has found a dead writer, and seals for it.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from ptywrap import kept, paths, quota, wire
from ptywrap.quota import Limits

SEAL_BYTES = 256 << 10
SEAL_FACTS = 4096
SEAL_AGE_NS = 30_000_000_000
SYNC_NS = 1_000_000_000
_PAUSE_NS = 1_000_000_000
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Spool:
    """The one writer of a spool folder. `append` never raises: what it cannot keep it counts."""

    def __init__(
        self,
        folder: Path,
        header: Callable[[], wire.Segment],
        now_ns: Callable[[], int],
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self.folder = folder
        self.accepted = 0
        self.dropped: dict[str, int] = {}
        self._header = header
        self._now_ns = now_ns
        self._limits = limits
        self._open: _Writer | None = None
        self._paused_until = 0

    def append(self, fact: wire.Fact) -> bool:
        """Append one fact; False when it was counted as dropped instead."""
        row = wire.encode(fact)
        now = self._now_ns()
        if len(row) > wire.LIMIT:
            return self._drop("too large")
        if now < self._paused_until:
            return self._drop("no room")
        if not self._ready(now) or not self._write(row):
            self._paused_until = now + _PAUSE_NS
            return self._drop("no room")
        self.accepted += 1
        return True

    def tick(self) -> int | None:
        """Sync and seal what is due; return ns until the next is, or None when nothing waits."""
        writer = self._open
        if writer is None:
            return None
        now = self._now_ns()
        if writer.facts and now - writer.born_ns >= SEAL_AGE_NS:
            self.seal()
            return None
        if writer.dirty and now - writer.synced_ns >= SYNC_NS:
            writer.sync(now)
        due = writer.born_ns + SEAL_AGE_NS
        if writer.dirty:
            due = min(due, writer.synced_ns + SYNC_NS)
        return max(due - now, 0)

    def seal(self) -> Path | None:
        """Seal the open segment; None when it holds no fact."""
        writer, self._open = self._open, None
        return writer.seal() if writer is not None else None

    def close(self) -> None:
        """Seal and let go."""
        self.seal()

    def _ready(self, now: int) -> bool:
        writer = self._open
        if writer is not None and (writer.size >= SEAL_BYTES or writer.facts >= SEAL_FACTS):
            self.seal()
        if self._open is None:
            self._evict()
            self._open = _begin(self.folder, self._header(), now)
        return self._open is not None

    def _write(self, row: bytes) -> bool:
        for _ in range(2):
            if self._open is not None and self._open.append(row):
                return True
            if self._evict(at_least_one=True) == 0:
                return False
        return False

    def _drop(self, reason: str) -> bool:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        return False

    def _evict(self, *, at_least_one: bool = False) -> int:
        """Have what is over the quota removed; return how many files went."""
        gone, lost = quota.evict(self.folder, self._limits, at_least_one=at_least_one)
        for reason, number in lost.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + number
        return gone


class _Writer:
    """The open segment: its descriptor, and the offset behind its last whole frame."""

    def __init__(self, path: Path, descriptor: int, now_ns: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.born_ns = self.synced_ns = now_ns
        self.size = self.seq = self.facts = 0
        self.dirty = False

    def append(self, row: bytes, *, header: bool = False) -> bool:
        data = wire.frame(self.seq, row)
        try:
            written = os.write(self.descriptor, data)
        except OSError:
            written = 0
        if written != len(data):
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
            return False
        self.size += len(data)
        self.seq += 1
        self.facts += not header
        self.dirty = True
        return True

    def sync(self, now_ns: int) -> None:
        with contextlib.suppress(OSError):
            _sync_data(self.descriptor)
        self.dirty = False
        self.synced_ns = now_ns

    def seal(self) -> Path | None:
        try:
            return _seal(self.path, self.descriptor, self.facts)
        finally:
            os.close(self.descriptor)


def adopt(folder: Path) -> int:
    """Seal what dead writers left, torn ends cut off; return how many segments that were."""
    adopted = 0
    for path in sorted(folder.glob("*.open")):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                data = path.read_bytes()
                os.ftruncate(descriptor, wire.intact_end(data))
                number = sum(1 for _ in wire.scan(data)) - 1
                adopted += _seal(path, descriptor, number) is not None
            finally:
                os.close(descriptor)
    return adopted


def _begin(folder: Path, header: wire.Segment, now_ns: int) -> _Writer | None:
    if not paths.private(folder):
        return None
    descriptor = -1
    try:
        path = folder / f"{_next(folder):012d}-{os.urandom(6).hex()}.open"
        descriptor = os.open(path.with_suffix(".new"), _FLAGS, 0o600)
        # Locked before it is called open: else an adopter could take it for a dead writer's.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        path.with_suffix(".new").rename(path)
    except OSError:
        if descriptor >= 0:
            os.close(descriptor)
            path.with_suffix(".new").unlink(missing_ok=True)
        return None
    writer = _Writer(path, descriptor, now_ns)
    if not writer.append(wire.encode(header), header=True):
        path.unlink(missing_ok=True)
        os.close(descriptor)
        return None
    return writer


def _seal(path: Path, descriptor: int, number: int) -> Path | None:
    """Rename the segment under its count, on stable storage; one without facts goes instead."""
    try:
        if number <= 0:
            path.unlink(missing_ok=True)
            return None
        _sync_data(descriptor)
        target = path.with_name(f"{path.stem}.n{number}.seg")
        path.rename(target)
        kept.sync(path.parent)
    except OSError:
        return None
    return target


def _next(folder: Path) -> int:
    """Count one up in the folder's counter file; its block was given to it when it was made."""
    descriptor = os.open(
        folder / "counter", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        text = os.pread(descriptor, 20, 0).strip()
        number = int(text) + 1 if text.isdigit() else _highest(folder) + 1
        os.pwrite(descriptor, b"%-19d\n" % number, 0)
    finally:
        os.close(descriptor)
    return number


def _highest(folder: Path) -> int:
    starts = [path.name.partition("-")[0] for path in folder.glob("*-*.*")]
    return max((int(start) for start in starts if start.isdecimal()), default=0)
