"""Locks between processes of one user: flock(2) on a file that stays where it is."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_LOOK_S = 0.02
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def locked(path: Path, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file while it lasts; False where somebody else has it for `wait_s`.

    Raises OSError where the file cannot be made.
    """
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        yield _taken(descriptor, time.monotonic() + wait_s)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_S)
        else:
            return True
