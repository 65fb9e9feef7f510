"""Reads what processes used from /proc: a zombie, a living one, or what a shell has reaped."""

import os
import sys

from ptywrap import clock
from ptywrap.lifecycle import proctree
from ptywrap.lifecycle.base import RACED, SAMPLED, Reaped, Totals, Usage

assert sys.platform == "linux"

_MOST_THREADS = 16
"""Of so many threads the bytes are added up; of more they are not told."""


def totals(pid: int) -> Totals | None:
    """Return what a living shell has reaped so far (lifecycle 3.5, no. 4); None when it is gone."""
    seen = proctree.stat(pid)
    if seen is None:
        return None
    tick = proctree.TICK_NS
    spent = (seen.child_user_ticks * tick, seen.child_sys_ticks * tick)
    return Totals(clock.monotonic_ns(), *spent, *io(pid))


def reaped(pid: int) -> Reaped | None:
    """Return what the children used that a process has waited for; None when it is gone.

    The children it has not waited for are read first: one that it waits for meanwhile counts as
    waited for next time.
    """
    unreaped = proctree.contents(f"/proc/{pid}/task/{pid}/children", 65536) or b""
    at = clock.monotonic_ns()
    seen = proctree.stat(pid)
    if seen is None:
        return None
    tick = proctree.TICK_NS
    moved = _of_children(seen)
    return Reaped(
        pid,
        seen.start_ticks,
        at,
        seen.child_user_ticks * tick,
        seen.child_sys_ticks * tick,
        *moved,
        unreaped=frozenset(map(int, unreaped.split())),
    )


def zombie(seen: proctree.Stat, *, childless: bool) -> Usage | None:
    """Return what a process used whose last record nobody has reaped yet; None if it lives.

    Its memory is gone, so there is no peak. /proc/PID/io counts reaped children in: it is taken
    only from a process that had none.
    """
    if not seen.ended:
        return None
    moved = io(seen.pid) if childless else (None, None)
    return _usage(seen, None, moved, zombie=True)


def buried(pid: int, start_ticks: int) -> Usage | None:
    """Return what a process used that has ended, while nobody has reaped it; else None."""
    seen = proctree.stat(pid)
    if seen is None or seen.start_ticks != start_ticks:
        return None
    return zombie(seen, childless=False)


def look(pid: int) -> Usage | None:
    """Return what a living process used so far: a lower bound of what it will have used."""
    seen = proctree.stat(pid)
    if seen is None or proctree.exiting(seen):
        return None
    return _usage(seen, peak_rss_bytes(pid), _own(seen), zombie=False)


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


def _of_thread(pid: int, thread: int) -> tuple[int | None, int | None]:
    """Return the bytes of one thread; its file, unlike the process's, counts no children."""
    data = proctree.contents(f"/proc/{pid}/task/{thread}/io")
    return _field(data, b"\nread_bytes:"), _field(data, b"\nwrite_bytes:")


def _own(seen: proctree.Stat) -> tuple[int | None, int | None]:
    """Return the bytes of a process without its children: those of its living threads."""
    if seen.threads == 1:
        return _of_thread(seen.pid, seen.pid)
    if seen.threads > _MOST_THREADS:
        return None, None
    try:
        threads = [int(name) for name in os.listdir(f"/proc/{seen.pid}/task")]
    except OSError:
        return None, None
    told = [_of_thread(seen.pid, thread) for thread in threads]
    known = [(read, write) for read, write in told if read is not None and write is not None]
    if not known:
        return None, None
    return sum(read for read, _ in known), sum(write for _, write in known)


def _of_children(seen: proctree.Stat) -> tuple[int | None, int | None]:
    """Return the bytes of reaped children: all of a process but its one thread's own."""
    if seen.threads != 1:
        return None, None
    whole, own = io(seen.pid), _of_thread(seen.pid, seen.pid)
    if whole[0] is None or whole[1] is None or own[0] is None or own[1] is None:
        return None, None
    return max(whole[0] - own[0], 0), max(whole[1] - own[1], 0)


def precise(user_ticks: int, sys_ticks: int, ran_ns: int | None) -> tuple[int, int]:
    """Return user and system time in ns: in ticks, or as schedstat has it where that is finer.

    Each kind is cut to whole ticks, so their sum falls short by less than two. `ran_ns` is what the
    thread-group leader ran, exactly: all of a process of one thread, and never more than all.
    """
    tick = proctree.TICK_NS
    known_ns = (user_ticks + sys_ticks) * tick
    if ran_ns is None or not known_ns <= ran_ns < known_ns + 2 * tick:
        return user_ticks * tick, sys_ticks * tick
    more_ns = ran_ns - known_ns
    share = (2 * user_ticks + 1) * more_ns // (2 * (user_ticks + sys_ticks) + 2)
    return user_ticks * tick + share, sys_ticks * tick + more_ns - share


def _ran_ns(pid: int) -> int | None:
    """Return how long the leader was on a core: field 1 of /proc/PID/schedstat (proc(5))."""
    words = (proctree.contents(f"/proc/{pid}/schedstat") or b"").split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else None


def _usage(
    seen: proctree.Stat, peak: int | None, moved: tuple[int | None, int | None], *, zombie: bool
) -> Usage:
    return Usage(
        seen.pid,
        clock.monotonic_ns(),
        *precise(seen.user_ticks, seen.sys_ticks, _ran_ns(seen.pid)),
        peak,
        *moved,
        seen.start_ticks,
        source="zombie" if zombie else "look",
        completeness=RACED if zombie else SAMPLED,
    )
