"""Processor time of a watcher and of all it started, the dead included."""

import os
from collections.abc import Iterable

from scripts.bench.outer import descendants

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def spent_ns(pid: int) -> int:
    """Return what a process, its threads and its waited-for children have used; 0 once it is gone.

    Living threads by schedstat, to the nanosecond; children that were waited for by fields 16 and
    17 of proc_pid_stat(5), in ticks.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            waited = file.read().rpartition(")")[2].split()[13:15]
    except OSError:
        return 0
    total = sum(map(int, waited)) * _TICK_NS
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except OSError:
            continue
    return total


def family_ns(pids: Iterable[int]) -> int:
    """Return what processes and all below them have used."""
    every = {one for pid in pids for one in descendants(pid)}
    return sum(spent_ns(pid) for pid in every)
