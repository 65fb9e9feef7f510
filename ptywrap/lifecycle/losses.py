"""Counts what the process connector dropped: one gap from overrun to resync."""

from collections.abc import Iterable

from ptywrap.lifecycle.base import Gap
from ptywrap.lifecycle.records import EXEC, EXIT, FORK, Record

OVERRUN = "more events than the socket could hold; counted by the kernel's sequence numbers"
RESTART = "the reader ended and was started again; counted by the kernel's sequence numbers"
_EVENTS = frozenset({FORK, EXEC, EXIT})
_HALF = 0x80000000
_BOUND = "; an upper bound: events of threads, which are filtered, are counted in"
_PARTLY = "; CPUs that have been silent since are not counted"


class _Count:
    """What is known of one CPU's events: the first and last number, and how many came."""

    __slots__ = ("came", "first", "last")

    def __init__(self, number: int) -> None:
        self.first = self.last = number
        self.came = 0


class Losses:
    """Counts the events of each CPU, and keeps the gap that is open.

    The kernel numbers the events of each CPU, whether or not anybody could take them. Numbers that
    are missing while all is well are those of events nobody asked for; what they grow by from the
    last good moment to the end of a gap is what was lost, at most.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.times = 0
        """How often the open gap began anew after a walk."""
        self._counts: dict[int, _Count] = {}
        self._well = 0
        self._well_at = 0
        self._since: int | None = None
        self._until: int | None = None
        self._silent: set[int] = set()
        self._reason = ""

    @property
    def open(self) -> bool:
        """Whether events were lost and the gap is not told yet."""
        return self._since is not None

    def see(self, batch: Iterable[Record]) -> None:
        """Count events; execs and the others come in two rows."""
        counts = self._counts
        for record in batch:
            if record.kind not in _EVENTS:
                continue
            count = counts.get(record.cpu)
            if count is None:
                count = counts[record.cpu] = _Count(record.sequence)
            count.came += 1
            if (record.sequence - count.last) & _HALF == 0:
                count.last = record.sequence
            elif (count.first - record.sequence) & _HALF == 0:
                count.first = record.sequence
            if self._until is not None and record.at > self._until:
                self._silent.discard(record.cpu)

    def all_well(self, at: int) -> None:
        """Note that all that happened up to a time has been taken."""
        if self._since is None:
            self._well_at = at
            self._well = self._missing()

    def begin(self, reason: str, now: int) -> None:
        """Open a gap, or note that the open one goes on."""
        if self._since is None:
            self._reason = reason
            self._since = self._well_at or now
        elif self._until is not None:
            self.times += 1
        self._until = None

    def walked(self, now: int) -> set[int]:
        """Note that the members are as /proc said at a time: there the gap ends, if it does.

        Return the CPUs that are to be heard once more, for what was lost on them to be known.
        """
        if self._since is not None:
            self._until = now
            self._silent = set(self._counts)
        return self._silent

    def tell(self, *, settled: bool) -> Gap | None:
        """Return the gap once every CPU was heard after it, or half a second has passed."""
        if self._since is None or self._until is None or (self._silent and not settled):
            return None
        reason = self._reason + _BOUND + (_PARTLY if self._silent else "")
        missed = max(0, self._missing() - self._well)
        gap = Gap(self._since, self._until, missed, reason, self.source)
        self._since = None
        self.times = 0
        self.all_well(self._until)
        self._until = None
        return gap

    def pause(self) -> None:
        """Forget the numbers: nobody listens, so they stand still or move for others."""
        self._counts.clear()
        self._well = self._well_at = self.times = 0
        self._since = self._until = None

    def _missing(self) -> int:
        return sum(
            ((count.last - count.first) & 0xFFFFFFFF) + 1 - count.came
            for count in self._counts.values()
        )
