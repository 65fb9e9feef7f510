"""Linux: inotify(7) on one folder; Python has no call for it, so libc's is used."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

assert sys.platform == "linux"

# linux/inotify.h
_MODIFY, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x80, 0x100, 0x200
_NONBLOCK, _CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC


class Inotify:
    """A descriptor that is readable once something in the folder has changed. Raises OSError."""

    period_ns = 0

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor: int = libc.inotify_init1(_NONBLOCK | _CLOEXEC)
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = _MODIFY | _MOVED_TO | _CREATE | _DELETE
        if libc.inotify_add_watch(descriptor, os.fsencode(folder), mask) < 0:
            number = ctypes.get_errno()
            os.close(descriptor)
            raise OSError(number, "inotify_add_watch")
        self.descriptor: int | None = descriptor

    def take(self) -> None:
        """Drain the queue; what it names does not matter, an overrun neither."""
        with contextlib.suppress(BlockingIOError):
            while self.descriptor is not None and os.read(self.descriptor, 65536):
                pass

    def close(self) -> None:
        """Let go of the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
