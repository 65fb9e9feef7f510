"""The only file that reads clocks for facts."""

import time
from typing import NamedTuple


class Clocks(NamedTuple):
    """The four clocks at one moment, ns; `utc_offset_ns` is local time minus UTC."""

    wall_ns: int
    monotonic_ns: int
    boottime_ns: int
    utc_offset_ns: int


def wall_ns() -> int:
    """Return ns since the Unix epoch."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return CLOCK_MONOTONIC: stops while the machine sleeps, as kernel process events do."""
    return time.monotonic_ns()


def boottime_ns() -> int:
    """Return CLOCK_BOOTTIME: goes on while the machine sleeps; start ticks count on it.

    Where the system has none (macOS), CLOCK_MONOTONIC stands in.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock)


def cpu_ns() -> int:
    """Return the CPU time of this thread: what something costs is the difference of two."""
    return time.thread_time_ns()


def clocks() -> Clocks:
    """Return all four, read one after the other."""
    offset = time.localtime().tm_gmtoff * 1_000_000_000
    return Clocks(wall_ns(), monotonic_ns(), boottime_ns(), offset)


def boot_id() -> str:
    """Return what tells this boot from any other: the kernel's boot id, else the boot's second."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        started = (wall_ns() - boottime_ns()) // 1_000_000_000
        return f"boot-{started}"
