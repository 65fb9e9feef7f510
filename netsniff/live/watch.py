"""Reads the sources that work here, and names where asked to, into connections."""

import os
import select
import time
from collections.abc import Container

from netsniff.amounts import count
from netsniff.connections import Connections
from netsniff.live.naming import Naming
from netsniff.live.processes import Processes
from netsniff.model import Connection, Event, Missed, Reading
from netsniff.sources import choose
from netsniff.sources.base import Probe, Promise, Source, SourceError, Sparing

_LOOK_NS = 250_000_000
_NEVER_NS = 1 << 62
_SPARE_NS = 3_000_000_000
_LACKING = (
    (Promise.BYTES, "bytes"),
    (Promise.EVERY_CONNECTION, "connections shorter than a look"),
    (Promise.SHORT_HOLDER, "who holds some short connections"),
    (Promise.UDP_BYTES, "bytes of UDP"),
)


class Unusable(Exception):
    """No source can be used here; the message says what each of them said."""


class _Open:
    """A source that is read, with what it is polled by and when it is due all the same."""

    def __init__(self, source: Source, descriptor: int | None) -> None:
        self.source, self.descriptor = source, descriptor
        self.due_ns = 0
        self.spared = False
        """Whether another one tells who holds each socket, so that this one need not look."""

    def due(self, ready: Container[int], now_ns: int) -> bool:
        """Say whether to read it now; 0 as its period: only when it calls."""
        if self.descriptor is not None and self.descriptor in ready:
            return True
        return self.source.period_ns > 0 and now_ns >= self.due_ns


class Watch:
    """What is open, what ended, what was missed; fed by `step`."""

    def __init__(self, processes: Processes, *, names: bool) -> None:
        self.connections, self.naming, self.processes = Connections(), Naming(), processes
        self._notes: list[str] = []
        self._broken: list[str] = []
        self._open: list[_Open] = []
        self._missed: list[Missed] = []
        self._heard: int | None = None
        self._unfound = 0
        self._lost: list[Connection] = []
        """Those whose sources broke: nobody will say when they end."""
        self._poll = select.poll()
        self._looked_ns = self._spare_ns = 0
        self._choose()
        if names:
            self._heard = self.naming.listen()
            if self._heard is not None:
                self._poll.register(self._heard, select.POLLIN)

    @property
    def notes(self) -> list[str]:
        """What cannot be seen here and why, a sentence each."""
        notes = [*self._notes, *self.naming.notes]
        if self._unfound and self.processes.limited:
            notes.append(f"not in here: {count(self._unfound, 'connection')} of nobody found")
        return notes

    def step(self, until_ns: int, keys: int | None = None) -> bool:
        """Wait for sources until then at most, and read them; say whether a key was pressed."""
        if keys is not None:
            self._poll.register(keys, select.POLLIN)
        now_ns = time.monotonic_ns()
        dues = [each.due_ns for each in self._open if each.source.period_ns]
        wait_ns = min([until_ns, *dues, now_ns + _LOOK_NS]) - now_ns
        ready = dict(self._poll.poll(max(0, wait_ns // 1_000_000)))
        now_ns = time.monotonic_ns()
        for each in list(self._open):
            if each.due(ready, now_ns):
                each.due_ns = now_ns + each.source.period_ns
                self._read(each)
        if self._heard is not None and self._heard in ready:
            self._hear(self._heard)
        now_ns = time.monotonic_ns()
        if self._spare_ns and now_ns > self._spare_ns:
            self._spare_ns = 0
            self._spare()
        if now_ns - self._looked_ns > _LOOK_NS:
            self._looked_ns = now_ns
            fresh = self.processes.look()
            for each in self._open:
                if not each.spared:
                    for pid in fresh:
                        each.source.hurry(pid)
        return keys is not None and keys in ready

    def ended(self, *, last: bool = False) -> list[Connection]:
        """Return connections that are over, each once, with the name of their host.

        `last`: those too of which more was hoped for.
        """
        now_ns = _NEVER_NS if last else time.monotonic_ns()
        over = [*self._lost, *self.connections.closed(), *self.connections.settle(now_ns)]
        self._lost.clear()
        self._unfound += sum(one.pid is None for one in over)
        return [self.naming.named(one) for one in over if self._wanted(one)]

    def living(self) -> list[Connection]:
        """Return connections that are open, or hoped to be known better, with their hosts."""
        strays = [one for one in self.connections.living() if one.pid is None]
        living = [*self.connections.unfinished(), *strays]
        return [self.naming.named(one) for one in living if self._wanted(one)]

    def missed(self) -> list[Missed]:
        """Return the holes that were told since."""
        missed, self._missed = [*self._missed, *self.connections.missed()], []
        return missed

    def _wanted(self, connection: Connection) -> bool:
        """Say whether it is to be shown: a source tests itself by a connection of ours."""
        return connection.pid != os.getpid() and self.processes.wanted(connection)

    def close(self) -> None:
        """Let go of everything."""
        for each in self._open:
            each.source.close()
        self._open.clear()
        self.naming.close()

    def _choose(self) -> None:
        """Open the best source that works, and those that tell what it does not."""
        choice = choose(without=tuple(self._broken))
        if choice.source is None:
            raise Unusable("; ".join(f"{name}: {probe.reason}" for name, probe in choice.said))
        for event in choice.events:
            self._take(event)
        for source, descriptor in choice.opened:
            self._open.append(_Open(source, descriptor))
            if descriptor is not None:
                self._poll.register(descriptor, select.POLLIN)
        self._spare_ns = time.monotonic_ns() + _SPARE_NS
        self._notes = unseen(tuple(each.source for each in self._open), choice.said)

    def _read(self, each: _Open) -> None:
        try:
            for event in each.source.read():
                self._take(event)
        except SourceError as error:
            self._lose(each, str(error))

    def _take(self, event: Event) -> None:
        if isinstance(event, Missed) and self._seen_by_another(event.source):
            return
        if isinstance(event, Reading) and event.holder is not None:
            self.processes.meet(event.holder)
        self.connections.take(event)

    def _seen_by_another(self, name: str) -> bool:
        """Say whether somebody else saw what one source missed."""
        every = Promise.EVERY_CONNECTION
        return any(every in one.source.promises for one in self._open if one.source.name != name)

    def _spare(self) -> None:
        """Look at no process any more where the kernel tells whose each socket is.

        Those that were there before have been looked at by then.
        """
        told = [one for one in self._open if Promise.SHORT_HOLDER in one.source.promises]
        for one in self._open:
            if told and one not in told and isinstance(one.source, Sparing):
                one.source.spare(processes=True)
                one.spared = True

    def _lose(self, each: _Open, why: str) -> None:
        """Go on with the next one where a source broke; say so."""
        now_ns = time.monotonic_ns()
        self._missed.append(Missed(now_ns, now_ns, None, why, each.source.name))
        self._broken.append(each.source.name)
        for other in self._open:
            if other.descriptor is not None:
                self._poll.unregister(other.descriptor)
            other.source.close()
        self._lost += self.connections.abandon([other.source.name for other in self._open])
        self._open.clear()
        self._choose()

    def _hear(self, descriptor: int) -> None:
        try:
            self._missed += self.naming.read()
        except SourceError:
            self._poll.unregister(descriptor)
            self._heard = None


def unseen(sources: tuple[Source, ...], said: tuple[tuple[str, Probe], ...]) -> list[str]:
    """Return what sources cannot tell, and what would help."""
    kept: set[Promise] = set().union(*(source.promises for source in sources))
    lacking = [words for promise, words in _LACKING if promise not in kept]
    if os.geteuid():
        lacking.append("other users' processes")
    notes = [f"not told: {', '.join(lacking)}"] if lacking else []
    return notes + [
        f"{name}: {probe.remedy} ({probe.reason})" if probe.remedy else f"{name}: {probe.reason}"
        for name, probe in said
        if not probe.usable
    ]
