"""Joins readings into connections: by the socket's cookie, one owner each, totals of one source.

A socket without a cookie is known by protocol, both ends and the process that holds it. Nothing is
joined by a port. Times in and out are CLOCK_MONOTONIC ns.
"""

from collections.abc import Hashable, Iterable, Iterator

from netsniff.known import TRACERS, Known
from netsniff.model import Connection, Event, Missed, Reading

OWNERLESS_NS = 1_000_000_000
"""How long one that is over waits for somebody to find out who held it."""
PARTNER_NS = 300_000_000
"""How long one whose end the tracer alone has told waits for the totals of who counts payload."""
_MOST_DONE = 4096


class Connections:
    """The connections of this machine, fed with what sources tell."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Known] = {}
        self._ended: dict[Hashable, None] = {}
        """Those that are over and not given yet."""
        self._done: dict[Hashable, None] = {}
        """Those that were given lately: who tells of them late tells nothing new."""
        self._missed: list[Missed] = []
        self._partnered = False
        """Whether another source than the tracer tells of connections, too."""

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._open)

    def take(self, event: Event) -> None:
        """Take one event of a source."""
        if isinstance(event, Missed):
            self._missed.append(event)
            return
        key = _key(event)
        one = self._open.get(key)
        if one is None:
            if key in self._done and (event.cookie is not None or event.final):
                return
            one = self._open[key] = Known(event)
        one.take(event)
        alone = event.source in TRACERS or event.cookie is None
        self._partnered = self._partnered or not alone
        if one.ended_ns is not None:
            self._ended.setdefault(key)

    def knows(self, reading: Reading) -> bool:
        """Say whether something is kept of a reading's socket."""
        return _key(reading) in self._open

    def missed(self) -> list[Missed]:
        """Return the holes that were told since."""
        missed, self._missed = self._missed, []
        return missed

    def closed(self) -> list[Connection]:
        """Return those that are over, each once, and of which all is known that can be."""
        found = [key for key in self._ended if self._waits_ns(self._open[key]) == 0]
        return [self._give(key) for key in found]

    def settle(self, now_ns: int) -> list[Connection]:
        """Return those that are over and of which more was hoped for until now."""
        found = []
        for key in self._ended:
            one = self._open[key]
            if (one.ended_ns or 0) + self._waits_ns(one) <= now_ns:
                found.append(key)
        return [self._give(key) for key in found]

    def due_ns(self) -> int | None:
        """Return when `settle` may have something to give."""
        ended = (self._open[key] for key in self._ended)
        return min(((one.ended_ns or 0) + self._waits_ns(one) for one in ended), default=None)

    def _waits_ns(self, one: Known) -> int:
        if not one.trust:
            return OWNERLESS_NS
        return PARTNER_NS if self._partnered and one.halfway else 0

    def living(self) -> Iterator[Connection]:
        """Yield what is known of those that are not over."""
        for one in self._open.values():
            if one.ended_ns is None:
                yield one.snapshot()

    def ending(self) -> Iterator[Connection]:
        """Yield those that are over and not given yet."""
        for key in self._ended:
            yield self._open[key].snapshot()

    def unfinished(self) -> Iterator[Connection]:
        """Yield what is known of those that were not given, and whose holder is known."""
        for one in self._open.values():
            if one.trust:
                yield one.snapshot()

    def abandon(self, sources: Iterable[str]) -> list[Connection]:
        """Return those of which only these sources told, which tell no more; they are forgotten.

        They may go on: nobody says when they end.
        """
        lost = set(sources)
        gone = [key for key, one in self._open.items() if one.source in lost]
        return [self._give(key) for key in gone]

    def _give(self, key: Hashable) -> Connection:
        self._ended.pop(key, None)
        self._done[key] = None
        while len(self._done) > _MOST_DONE:
            del self._done[next(iter(self._done))]
        return self._open.pop(key).snapshot()


def _key(reading: Reading) -> Hashable:
    if reading.cookie is not None:
        return (reading.namespace, reading.cookie)
    pid = reading.holder.pid if reading.holder else None
    return (reading.protocol, reading.local, reading.remote, pid)
