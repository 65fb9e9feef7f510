"""Compares how many connections were told with how many the kernel counted, when all is quiet.

The kernel counts each connection that begins (ActiveOpens, PassiveOpens of RFC 4022), and takes no
notice of who was told. A difference that stays is a loss, even where no buffer ran over.

What is told of an attempt that failed and is counted as failed makes the difference smaller: it may
hide a loss, and never makes one up.
"""

from typing import NamedTuple

PERIOD_NS = 60_000_000_000
_AGAIN_NS = 10_000_000_000
_QUIET_NS = 1_000_000_000
"""So long nothing may begin: by then all that had ended has been told, and the table was read."""


class _Mark(NamedTuple):
    at_ns: int
    opened: int


class Census:
    """The running total of what was told, beside that of the kernel."""

    def __init__(self, now_ns: int) -> None:
        self.in_step_ns = now_ns
        """When the two were last known to agree."""
        self._next_ns = now_ns
        self._mark: _Mark | None = None
        self._ahead: int | None = None
        """How far the kernel's total is ahead of ours when nothing is lost; None: not known yet."""
        self._doubted = 0
        self._told = 0
        self._living: set[int] = set()

    def living(self, cookies: set[int]) -> None:
        """Count connections that are told to live, each once however often."""
        new = cookies - self._living
        self._told += len(new)
        self._living |= new

    def ended(self, cookie: int) -> None:
        """Count a connection that is told to be over, unless it was told to live."""
        if cookie in self._living:
            self._living.remove(cookie)
        else:
            self._told += 1

    def due(self, now_ns: int, whole_ns: int) -> bool:
        """Say whether to count now; `whole_ns`: when the table was last read in full."""
        if self._mark is None:
            return now_ns >= self._next_ns
        return whole_ns >= self._mark.at_ns + _QUIET_NS

    def take(self, now_ns: int, opened: int) -> int:
        """Take the kernel's total; return how many connections nobody was told of.

        A difference counts once it was met twice: the kernel may be slow to tell.
        """
        mark, self._mark = self._mark, None
        if mark is None:
            self._mark = _Mark(now_ns, opened)
            return 0
        if opened != mark.opened:
            self._next_ns = now_ns + _AGAIN_NS
            return 0
        self._next_ns = now_ns + PERIOD_NS
        ahead = opened - self._told
        if self._ahead is None or ahead <= self._ahead:
            self._ahead, self._doubted, self.in_step_ns = ahead, 0, now_ns
            return 0
        doubted = ahead - self._ahead
        lost = min(doubted, self._doubted)
        self._doubted = doubted - lost
        self._ahead += lost
        return lost

    def begin_again(self) -> None:
        """Take the next difference as right: what is missing was told of otherwise."""
        self._ahead, self._mark, self._doubted = None, None, 0
