"""Linux: what /proc tells of one process: its forebears, its environment, what it has reaped."""

import os
import sys

from ptywrap import lifecycle
from ptywrap.lifecycle import proctree
from ptywrap.lifecycle.base import Reaped, Usage
from ptywrap.observe.base import Forebear, Reading, Upkeep

assert sys.platform == "linux"

_DEEPEST = 64
_ENVIRON_BYTES = 1 << 20


def reading(pid: int) -> Reading | None:
    """Return the totals of a living shell and its reaped children (lifecycle.md 3.5, no. 4)."""
    found = lifecycle.totals(pid)
    if found is None:
        return None
    spent = (found.child_user_ns, found.child_sys_ns, found.read_bytes, found.write_bytes)
    return Reading(found.at, *spent)


def look(pid: int) -> Usage | None:
    """Return what a living process used so far."""
    return lifecycle.look(pid)


def buried(pid: int, start_ticks: int) -> Usage | None:
    """Return what an ended process used that nobody has reaped yet."""
    return lifecycle.buried(pid, start_ticks)


def reaped(pid: int) -> Reaped | None:
    """Return what the children used that a process has waited for."""
    return lifecycle.reaped(pid)


def alive(pid: int) -> bool:
    """Say whether a process exists and has not ended."""
    seen = proctree.stat(pid)
    return seen is not None and not seen.ended


def upkeep(pid: int) -> Upkeep | None:
    """Return what one of our own processes has cost so far and occupies now."""
    seen = proctree.stat(pid)
    pages = (proctree.contents(f"/proc/{pid}/statm") or b"").split()
    if seen is None or len(pages) < 2:
        return None
    spent_ns = (seen.user_ticks + seen.sys_ticks) * proctree.TICK_NS
    return Upkeep(spent_ns, int(pages[1]) * os.sysconf("SC_PAGESIZE"))


def children(pid: int) -> list[int]:
    """Return the pids of a process's children."""
    return list(proctree.children(pid) or ())


def forebears(pid: int) -> list[Forebear]:
    """Return a process and its ancestors, nearest first.

    A program that is run by an interpreter is called by its script too.
    """
    found: list[Forebear] = []
    while pid > 0 and len(found) < _DEEPEST:
        seen = proctree.stat(pid)
        if seen is None:
            break
        argv, _ = proctree.argv(pid)
        words = [word.rpartition("/")[2] for word in (argv or ())[:4]]
        found.append(Forebear(pid, (seen.name, *words)))
        pid = seen.ppid
    return found


def environ(pid: int, names: tuple[str, ...]) -> dict[str, str]:
    """Return those of the named variables that a process was started with; nothing else is kept."""
    data = proctree.contents(f"/proc/{pid}/environ", _ENVIRON_BYTES) or b""
    found = {}
    for pair in data.split(b"\0"):
        name, equals, value = pair.partition(b"=")
        text = name.decode("utf-8", "replace")
        if equals and text in names:
            found[text] = value.decode("utf-8", "replace")
    return found
