"""Counts what the process connector dropped: one gap from overrun to resync."""

from collections.abc import Sequence

from ptywrap.lifecycle.base import Gap
from ptywrap.lifecycle.records import EXEC, EXIT, FORK, Record

OVERRUN = "more events than the socket could hold; counted by the kernel's sequence numbers"
RESTART = "the reader ended and was started again; counted by the kernel's sequence numbers"
_BOUND = "; an upper bound: events of threads, which are filtered, are counted in"
_PARTLY = "; CPUs that have been silent since are not counted"


class Losses:
    """The sequence numbers of each CPU, and the gap that is open.

    The kernel numbers the events of each CPU, whether or not anybody could take them.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.last_at = 0
        """The time of the last event taken."""
        self.times = 0
        """How often the open gap began anew before it could be closed."""
        self._sequences: dict[int, int] = {}
        self._since: int | None = None
        self._until: int | None = None
        self._missed = 0
        self._silent: set[int] = set()
        self._reason = ""

    @property
    def open(self) -> bool:
        """Whether events were lost and the gap is not told yet."""
        return self._since is not None

    def see(self, batch: Sequence[Record]) -> None:
        """Follow the numbers of a run of events."""
        numbers = self._sequences
        for record in batch:
            if record.kind not in {FORK, EXEC, EXIT}:
                continue
            self.last_at = record.at
            if self._since is not None:
                last = numbers.get(record.cpu, record.sequence - 1)
                self._missed += (record.sequence - last - 1) & 0xFFFFFFFF
                if self._until is not None:
                    self._silent.discard(record.cpu)
            numbers[record.cpu] = record.sequence

    def begin(self, reason: str, now: int) -> None:
        """Open a gap, or note that the open one goes on."""
        if self._since is None:
            self._missed = 0
            self._reason = reason
            self._since = self.last_at or now
        self.times += 1
        self._until = None

    def walked(self, now: int) -> None:
        """Note that the members are as /proc says now: the gap ends here, unless it goes on."""
        if self._since is not None and self._until is None:
            # What was queued before the hole came after `begin`.
            self._until = now
            self._silent = set(self._sequences)

    def tell(self, *, settled: bool) -> Gap | None:
        """Return the gap once every CPU was heard after it, or half a second has passed."""
        if self._since is None or self._until is None or (self._silent and not settled):
            return None
        reason = self._reason + _BOUND + (_PARTLY if self._silent else "")
        gap = Gap(self._since, self._until, self._missed, reason, self.source)
        self._since = self._until = None
        self.times = 0
        return gap

    def pause(self) -> None:
        """Forget the numbers: nobody listens, so they stand still or move for others."""
        self._sequences.clear()
        self._since = self._until = None
        self.times = 0
