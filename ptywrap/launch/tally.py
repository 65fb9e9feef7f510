"""What only a pty knows -> `SESSION.pty`: binary records, one write each, no byte typed or shown.

A record is `<HBB` (body length, kind, zero) and a body of fixed little-endian numbers; only BEGIN
carries text. Times are CLOCK_MONOTONIC nanoseconds. A failed write is counted, and told later.
"""

import posix
import time
from mmap import mmap
from struct import pack

from ptywrap.launch.errand import Errand

SHELL, RUN, BARE = 1, 2, 3  # the modes of BEGIN
LOGIN, INSIDE, NO_TEXT = 1, 2, 4  # its flags
DIED, NOT_HELD, NOT_WRITTEN = 1, 2, 3  # the reasons of LOST
_VERSION = 1
_ARGV_LIMIT_BYTES = 4096
_SLOW_NS = 50_000_000
_HELD_RECORDS = 64


def record(kind: int, body: bytes) -> bytes:
    """Return one record."""
    return pack("<HBB", len(body), kind, 0) + body


def begin(
    mode_flags: tuple[int, int], pids: tuple[int, int, int], at: tuple[int, int], text: list[bytes]
) -> bytes:
    """Return BEGIN: pids are child, keeper, pump; times wall, monotonic; text tty to argv."""
    head = pack("<BBHIIIQQ", *mode_flags, _VERSION, *pids, *at)
    return record(1, head + b"\0".join(text))


def opening(
    order: Errand,
    pids: tuple[int, int, int],
    environ: dict[bytes, bytes],
    text: bool,  # noqa: FBT001
) -> bytes:
    """Return BEGIN for a launch; without text the words of the command stay out of it."""
    kind = SHELL if order.is_shell else RUN if order.relayed else BARE
    flags = LOGIN * order.login | INSIDE * order.inside | NO_TEXT * (not text)
    try:
        tty = posix.ttyname(order.slave if order.relayed else 0).encode()
    except OSError:
        tty = b""
    try:
        cwd = posix.getcwdb()
    except OSError:
        cwd = b""
    parent = environ.get(b"PTYWRAP_SESSION", b"")
    if parent:
        # Whoever reads this may come when launcher and wrapper are gone.
        parent = b"%s %d %d" % (parent, order.launcher, order.above)
    words = order.command or [order.shell]
    fields = [tty, parent, order.shell, cwd, *(cut(words) if text else [])]
    at = (time.time_ns(), time.monotonic_ns())
    return begin((kind, flags), pids, at, fields)


def cut(argv: list[bytes]) -> list[bytes]:
    """Return as much of an argument vector as 4 KiB hold, the last word shortened."""
    kept, left = [], _ARGV_LIMIT_BYTES
    for word in argv:
        kept.append(word[:left])
        left -= len(word) + 1
        if left <= 0:
            break
    return kept


def keys(first_ns: int, last_ns: int, number: int) -> bytes:
    """Return KEYS: a burst of reads from the terminal."""
    return record(2, pack("<QQI", first_ns, last_ns, min(number, 0xFFFFFFFF)))


def output(first_ns: int, last_ns: int, size_bytes: int) -> bytes:
    """Return OUTPUT: a burst of bytes from the shell."""
    return record(3, pack("<QQQ", first_ns, last_ns, size_bytes))


def foreground(at_ns: int, group: int) -> bytes:
    """Return FOREGROUND: the inner terminal's process group."""
    return record(4, pack("<QI", at_ns, group))


def screen(at_ns: int, alternate: bool) -> bytes:  # noqa: FBT001 - a record's field
    """Return SCREEN: the alternate screen went on or off."""
    return record(5, pack("<QB", at_ns, alternate))


def mode(at_ns: int, canonical: bool, echo: bool) -> bytes:  # noqa: FBT001 - a record's fields
    """Return MODE: how the inner terminal takes input."""
    return record(6, pack("<QBB", at_ns, canonical, echo))


def size(at_ns: int, rows_columns: bytes) -> bytes:
    """Return SIZE; the argument starts as a struct winsize does (ioctl_tty(2))."""
    rows = int.from_bytes(rows_columns[0:2], "little")
    columns = int.from_bytes(rows_columns[2:4], "little")
    return record(7, pack("<QHH", at_ns, rows, columns))


def suspend(at_ns: int) -> bytes:
    """Return SUSPEND: the whole session stops."""
    return record(8, pack("<Q", at_ns))


def resume(at_ns: int) -> bytes:
    """Return RESUME: it goes on."""
    return record(9, pack("<Q", at_ns))


def rusage(at_ns: int, used: tuple[int, ...], before: tuple[int, ...]) -> bytes:
    """Return RUSAGE, of `leader.measured`, less the CPU used before the exec."""
    user_us, sys_us = (max(0, late - early) for late, early in zip(used, before[:2], strict=False))
    return record(11, pack("<QQQQQQ", at_ns, user_us, sys_us, *used[2:]))


def end(at_ns: int, wall_ns: int, status: int) -> bytes:
    """Return END: the raw wait status, -1 for unknown."""
    return record(12, pack("<QQi", at_ns, wall_ns, status))


def lost(at_ns: int, reason: int, number: int) -> bytes:
    """Return LOST: what was missed, and why."""
    return record(13, pack("<QBI", at_ns, reason, number))


def in_flight(page: "Page") -> bytes:
    """Return LOST for a dead pump, and count what it had read and not written as written."""
    cells = page.cells
    number = max(0, cells[Page.READ] - cells[Page.WRITTEN])
    cells[Page.WRITTEN] = cells[Page.READ]
    cells[Page.LOST] += 1
    return lost(time.monotonic_ns(), DIED, number)


class Page:
    """Numbers that keeper and pump share, so that the next pump goes on where one died."""

    INPUT, READ, WRITTEN, LOST, ALTERNATE, BEGUN, SUSPENDED = range(7)
    __slots__ = ("_memory", "cells")

    def __init__(self) -> None:
        """Make one anonymous shared page; forks see the same."""
        self._memory = mmap(-1, 4096)
        self.cells = memoryview(self._memory).cast("Q")


class Tally:
    """The file of one session's records; where there is none, everything is only counted."""

    __slots__ = ("_descriptor", "_held", "_missed", "page")

    def __init__(self, folder: bytes, session: str) -> None:
        """Make the file; a full or missing folder is no reason not to run."""
        self.page = Page()
        self._held: list[bytes] = []
        self._missed = 0
        self._descriptor = -1
        flags = posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW
        if folder:
            try:
                self._descriptor = posix.open(
                    folder + b"/" + session.encode() + b".pty", flags | posix.O_NONBLOCK, 0o600
                )
            except OSError:
                pass

    def begin(self, content: bytes) -> None:
        """Write BEGIN, the first record of a file; the others wait for it."""
        self._write(content)
        self.page.cells[Page.BEGUN] = 1

    def append(self, content: bytes) -> None:
        """Write one record; never raises."""
        if not self.page.cells[Page.BEGUN] and len(self._held) < _HELD_RECORDS:
            self._held.append(content)
            return
        if self._held:
            held, self._held = self._held, []
            for earlier in held:
                self._write(earlier)
        if self._missed:
            missed, self._missed = self._missed, 0
            self._write(lost(time.monotonic_ns(), NOT_WRITTEN, missed))
        self._write(content)

    def totals(self) -> None:
        """Write TOTALS as they are now."""
        cells = self.page.cells
        body = pack(
            "<QQQQI",
            time.monotonic_ns(),
            time.time_ns(),
            cells[Page.INPUT],
            cells[Page.WRITTEN],
            cells[Page.LOST],
        )
        self.append(record(10, body))

    def end(self, status: int) -> None:
        """Write the last two records."""
        self.totals()
        self.append(end(time.monotonic_ns(), time.time_ns(), status))

    def _write(self, content: bytes) -> None:
        """Write; a file that is slow once (a network's, FUSE) is not written again."""
        written = -1
        if self._descriptor >= 0:
            started_ns = time.monotonic_ns()
            try:
                written = posix.write(self._descriptor, content)
            except OSError:
                pass
            if time.monotonic_ns() - started_ns > _SLOW_NS:
                posix.close(self._descriptor)
                self._descriptor = -1
        if written != len(content):
            self._missed += 1
            self.page.cells[Page.LOST] += 1
