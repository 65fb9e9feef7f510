"""Linux: a descriptor that is readable when the tracer is to be read: it was rung, or it is time.

A ring buffer of BPF is rung by a program and wakes whoever polls it; a timer does the rest.
"""

import ctypes
import mmap
import os
import select
import struct
import sys

from netsniff.sources import bpf_call

assert sys.platform == "linux"

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_MONOTONIC = 1
_TIMER = struct.Struct("=qqqq")  # struct itimerspec: every, then first; seconds and ns
_PLACE = struct.Struct("=Q")


class Bell:
    """Rung by what is written into `ring`, or by time. Making it raises OSError."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._pages: list[mmap.mmap] = []
        self.ring = self._timer = -1
        made = False
        try:
            self._make()
            made = True
        finally:
            if not made:
                self.close()

    def fileno(self) -> int:
        """Return what to poll."""
        return self._poll.fileno()

    def rings(self) -> bool:
        """Say whether it rings."""
        return bool(self._poll.poll(0))

    def hush(self, again_ns: int) -> None:
        """Stop ringing; ring by itself after so many ns. Raises OSError."""
        read, written = self._pages
        read[: _PLACE.size] = written[: _PLACE.size]
        # Setting a timer takes back what it had told.
        first = divmod(max(again_ns, 1), 1_000_000_000)
        wanted = ctypes.create_string_buffer(_TIMER.pack(0, 0, *first), _TIMER.size)
        if _LIBRARY.timerfd_settime(self._timer, 0, wanted, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Let go of it."""
        while self._pages:
            self._pages.pop().close()
        for descriptor in (self.ring, self._timer):
            if descriptor >= 0:
                os.close(descriptor)
        self.ring = self._timer = -1
        self._poll.close()

    def _make(self) -> None:
        page = mmap.PAGESIZE
        self.ring = bpf_call.create(bpf_call.Kind(bpf_call.RING, 0, 0, page, "netsniff_bell"))
        # What was read is ours to write, and what was written stands on the next page.
        self._pages.append(mmap.mmap(self.ring, page))
        self._pages.append(mmap.mmap(self.ring, page, prot=mmap.PROT_READ, offset=page))
        self._timer = _LIBRARY.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._poll.register(self.ring, select.EPOLLIN)
        self._poll.register(self._timer, select.EPOLLIN)
