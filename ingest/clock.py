"""The only file that reads the wall clock for the store and the service."""

import time


def wall_ns() -> int:
    """Return ns since the Unix epoch."""
    return time.time_ns()


def today() -> int:
    """Return the day, UTC, counted from the Unix epoch."""
    return wall_ns() // 86_400_000_000_000
