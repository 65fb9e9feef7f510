"""Holds the tracer to what it tells of a connection of ours whose every number is known."""

import os
import sys
from pathlib import Path
from typing import TypeAlias

from netsniff.model import Reading
from netsniff.sources import loopback

assert sys.platform == "linux"

_OWN_STATUS = Path("/proc/self/stat")
_OWN_NETWORK = Path("/proc/self/ns/net")
_START_FIELD = 19  # starttime, counted behind the name: proc_pid_stat(5)


def ours() -> tuple[int, int]:
    """This process's id and when it started, in ticks, as /proc has them."""
    fields = _OWN_STATUS.read_bytes().rpartition(b")")[2].split()
    return os.getpid(), int(fields[_START_FIELD])


Moved: TypeAlias = tuple[int | None, int | None]


def differs(told: dict[int, Reading], end: loopback.End, moved: Moved) -> str:
    """Return what was told wrong of an end that has received and sent so much; empty: nothing."""
    seen = told.get(end.cookie or 0)
    if seen is None:
        return "a connection of ours was not told"
    holder = (seen.holder.pid, seen.holder.start_ticks) if seen.holder else None
    same = (
        (holder == ours(), "process: are process ids of a container other than the kernel's?"),
        ((seen.local, seen.remote) == (end.local, end.remote), "addresses"),
        (seen.namespace == _OWN_NETWORK.stat().st_ino, "network namespace"),
        ((seen.received_bytes, seen.sent_bytes) == moved, "bytes"),
    )
    wrong = [what for right, what in same if not right]
    return f"a connection of ours was told with a wrong {wrong[0]}" if wrong else ""
