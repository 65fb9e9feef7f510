"""Linux: hears at once that one of a few processes has ended: pidfd_open(2), epoll(7)."""

import os
import select
import sys
from collections.abc import Container

from ptywrap.lifecycle import pidfds

assert sys.platform == "linux"

_MOST = 128


class Pidfds:
    """The processes held; `descriptor` is readable when one of them has ended."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._pids: dict[int, int] = {}
        self._held: dict[int, int] = {}
        self.descriptor: int | None = self._epoll.fileno()

    def hold(self, pid: int) -> None:
        """Take one, while there are not too many."""
        if pid in self._held or len(self._held) >= _MOST:
            return
        descriptor = pidfds.hold(pid)
        if descriptor is not None:
            self._held[pid] = descriptor
            self._pids[descriptor] = pid
            self._epoll.register(descriptor, select.EPOLLIN)

    def release(self, pid: int) -> None:
        """Forget one."""
        descriptor = self._held.pop(pid, None)
        if descriptor is not None:
            # Closing does not unregister what a child of ours may have inherited.
            self._epoll.unregister(descriptor)
            del self._pids[descriptor]
            os.close(descriptor)

    def retain(self, living: Container[int]) -> None:
        """Forget all others."""
        for pid in [pid for pid in self._held if pid not in living]:
            self.release(pid)

    def take(self) -> list[int]:
        """Return those that have ended, once."""
        if not self._held:
            return []
        ended = [self._pids[descriptor] for descriptor, _ in self._epoll.poll(0)]
        for pid in ended:
            self.release(pid)
        return ended

    def close(self) -> None:
        """Let go of all."""
        for pid in list(self._held):
            self.release(pid)
        self._epoll.close()
