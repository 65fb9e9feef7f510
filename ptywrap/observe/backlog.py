"""Work that may wait for a quiet moment: to put a process into words costs more than to see it.

Nothing waits for long, nor for ever more: a build that never rests is told while it runs.
"""

from collections.abc import Callable

_QUIET_NS = 200_000_000
"""Longer than the pauses between what the reader of a busy machine sends."""
_OLD_NS = 1_000_000_000
_MOST = 3072


class Backlog:
    """What is to be done, in its order."""

    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []
        self._since_ns = 0
        self._busy_ns = 0

    def busy(self, now_ns: int) -> None:
        """Take that those we watch were at work."""
        self._busy_ns = now_ns

    def add(self, now_ns: int, work: Callable[[], None]) -> None:
        """Take one piece of work."""
        if not self._work:
            self._since_ns = now_ns
        self._work.append(work)

    def due_ns(self) -> int | None:
        """Return when it is to be done, if nothing else happens; None: there is nothing."""
        if not self._work:
            return None
        return min(self._busy_ns + _QUIET_NS, self._since_ns + _OLD_NS)

    def settle(self, now_ns: int, *, flush: bool = False) -> None:
        """Do all of it if it is due, if it is much, or if it is wanted."""
        due_ns = self.due_ns()
        if due_ns is None or not (flush or due_ns <= now_ns or len(self._work) > _MOST):
            return
        waiting, self._work = self._work, []
        for work in waiting:
            work()
