"""Whether a source that is in force already tells of a connection of ours, found out meanwhile.

It is what netsniff.sources.selftest asks, but nobody waits for the answer: a command that is held
must not.
"""

import os
from collections.abc import Iterable

from netsniff.model import EXACT, Event, Missed
from netsniff.sources.base import Probe, Promise, Source
from netsniff.sources.loopback import pair
from ptywrap import clock

_LIMIT_NS = 3_000_000_000
_REMEDY = "run it in the machine's own network and process namespaces"


class Trial:
    """A connection of ours, and what a source tells of it. Raises OSError: no loopback here."""

    def __init__(self, source: Source) -> None:
        self._pair = pair()
        self.until_ns = clock.monotonic_ns() + _LIMIT_NS
        """When it is over at the latest."""
        self.withheld: list[Event] = []
        self.withholds = False
        self._needs_holder = Promise.HOLDER in source.promises
        self._seen = self._ours = self._foreign = False
        ends = (self._pair.client, self._pair.server)
        self._ends = {(end.local, end.remote) for end in ends}
        source.hurry(os.getpid())

    def withhold(self) -> None:
        """Keep back what is told of others: another source tells it, too."""
        self.withholds = True

    def take(self, events: Iterable[Event]) -> list[Event]:
        """Note what concerns the pair, return the rest. Its ports are its own while we look."""
        rest = []
        for event in events:
            if isinstance(event, Missed) or (event.local, event.remote) not in self._ends:
                rest.append(event)
                continue
            self._seen = True
            if event.holder is not None:
                ours = event.holder.pid == os.getpid()
                self._ours = self._ours or ours
                certain = event.holder.confidence == EXACT
                self._foreign = self._foreign or (certain and not ours)
        if self.withholds:
            self.withheld += rest
            return []
        return rest

    def verdict(self) -> Probe | None:
        """Say whether it can be trusted; None: that is not known yet."""
        if self._foreign:
            return Probe(usable=False, reason="a connection of ours was called another's")
        if self._seen and (self._ours or not self._needs_holder):
            return Probe(usable=True)
        if clock.monotonic_ns() < self.until_ns:
            return None
        told = "as nobody's" if self._seen else "by nobody"
        reason = f"a connection of ours was told {told}"
        return Probe(usable=False, reason=reason, remedy=_REMEDY)

    def close(self) -> None:
        """End the connection."""
        self._pair.close()
