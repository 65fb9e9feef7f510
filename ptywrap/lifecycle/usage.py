"""Reads what processes used from /proc: a zombie, a living one, or what a shell has reaped."""

import sys

from ptywrap import clock
from ptywrap.lifecycle import proctree
from ptywrap.lifecycle.base import RACED, SAMPLED, Totals, Usage

assert sys.platform == "linux"


def totals(pid: int) -> Totals | None:
    """Return what a living shell has reaped so far (lifecycle 3.5, no. 4); None when it is gone."""
    seen = proctree.stat(pid)
    if seen is None:
        return None
    tick = proctree.TICK_NS
    spent = (seen.child_user_ticks * tick, seen.child_sys_ticks * tick)
    return Totals(clock.monotonic_ns(), *spent, *io(pid))


def zombie(seen: proctree.Stat, *, childless: bool) -> Usage | None:
    """Return what a process used whose last record nobody has reaped yet; None if it lives.

    Its memory is gone, so there is no peak. /proc/PID/io counts reaped children in: it is taken
    only from a process that had none.
    """
    if not seen.ended:
        return None
    read_bytes, write_bytes = io(seen.pid) if childless else (None, None)
    return _usage(seen, None, (read_bytes, write_bytes), zombie=True)


def look(pid: int) -> Usage | None:
    """Return what a living process used so far: a lower bound of what it will have used."""
    seen = proctree.stat(pid)
    if seen is None or proctree.exiting(seen):
        return None
    return _usage(seen, peak_rss_bytes(pid), io(pid), zombie=False)


def io(pid: int) -> tuple[int | None, int | None]:
    """Return the bytes a process and its reaped children read from and wrote to storage."""
    data = proctree.contents(f"/proc/{pid}/io")
    return _field(data, b"\nread_bytes:"), _field(data, b"\nwrite_bytes:")


def peak_rss_bytes(pid: int) -> int | None:
    """Return VmHWM of a living process."""
    kibibytes = _field(proctree.contents(f"/proc/{pid}/status"), b"\nVmHWM:")
    return None if kibibytes is None else kibibytes * 1024


def _field(data: bytes | None, label: bytes) -> int | None:
    if data is None:
        return None
    words = data.partition(label)[2].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else None


def _usage(
    seen: proctree.Stat, peak: int | None, moved: tuple[int | None, int | None], *, zombie: bool
) -> Usage:
    return Usage(
        seen.pid,
        clock.monotonic_ns(),
        seen.user_ticks * proctree.TICK_NS,
        seen.sys_ticks * proctree.TICK_NS,
        peak,
        *moved,
        seen.start_ticks,
        source="zombie" if zombie else "look",
        completeness=RACED if zombie else SAMPLED,
    )
