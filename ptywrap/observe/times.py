"""Puts moments of one clock on another, by the pairs of both that were seen together."""

from bisect import bisect_right, insort
from operator import itemgetter

_STEP_NS = 1_000_000
_LOOSE_NS = 50_000_000
_KEPT = 512
_FIRST = itemgetter(0)


class Times:
    """Wall, monotonic and boot clock of one boot; a step of the wall clock changes no length.

    `note` is told what was read together. Between two pairs the nearest one decides, so a record
    written before the machine slept is not moved by the sleep.
    """

    def __init__(self) -> None:
        self._walls: list[tuple[int, int]] = []
        self._slept: list[tuple[int, int]] = []

    def note(self, at_ns: int, wall_ns: int, boot_ns: int | None = None) -> None:
        """Take clocks read by us; kept only where they say something new (more than 1 ms off)."""
        self._note(at_ns, wall_ns - at_ns, _STEP_NS)
        if boot_ns is not None:
            slept = boot_ns - at_ns
            if not self._slept or slept - self._slept[-1][1] >= _STEP_NS:
                self._slept.append((at_ns, slept))
                del self._slept[:-_KEPT]

    def hear(self, at_ns: int, wall_ns: int) -> None:
        """Take a pair of somebody who may have been interrupted between the two clocks."""
        self._note(at_ns, wall_ns - at_ns, _LOOSE_NS)

    def wall(self, at_ns: int) -> int:
        """Return ns since the epoch of a monotonic moment."""
        return at_ns + _nearest(self._walls, at_ns)

    def monotonic(self, wall_ns: int) -> int:
        """Return the monotonic moment of a wall time: by the pair that is nearest on the wall."""
        if not self._walls:
            return wall_ns
        offset = min(self._walls, key=lambda pair: abs(sum(pair) - wall_ns))[1]
        return wall_ns - offset

    def asleep(self, since_ns: int, until_ns: int) -> int:
        """Return how long the machine slept between two monotonic moments (it stops meanwhile)."""
        if not self._slept:
            return 0
        return max(_before(self._slept, until_ns) - _before(self._slept, since_ns), 0)

    def _note(self, at_ns: int, offset: int, step_ns: int) -> None:
        if not self._walls or abs(_nearest(self._walls, at_ns) - offset) >= step_ns:
            insort(self._walls, (at_ns, offset))
            del self._walls[:-_KEPT]


def _nearest(pairs: list[tuple[int, int]], at_ns: int) -> int:
    if not pairs:
        return 0
    place = bisect_right(pairs, at_ns, key=_FIRST)
    near = pairs[max(place - 1, 0) : place + 1]
    return min(near, key=lambda pair: abs(pair[0] - at_ns))[1]


def _before(pairs: list[tuple[int, int]], at_ns: int) -> int:
    place = bisect_right(pairs, at_ns, key=_FIRST)
    return pairs[max(place - 1, 0)][1]
