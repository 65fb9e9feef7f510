"""Reads the sources that work here, and names where asked to, into connections."""

import os
import select
import time
from typing import NamedTuple

from netsniff.capture import Capture
from netsniff.connections import Connections
from netsniff.live.processes import Processes
from netsniff.model import Connection, Event, Missed, Name, Reading
from netsniff.names.book import Book
from netsniff.sources import choose
from netsniff.sources.base import Probe, Promise, Source, SourceError

_LOOK_NS = 250_000_000
_LACKING = (
    (Promise.BYTES, "bytes"),
    (Promise.EVERY_CONNECTION, "connections shorter than a look"),
    (Promise.SHORT_HOLDER, "whose some connections of a few milliseconds are"),
    (Promise.UDP_BYTES, "bytes of UDP"),
)


class Unusable(Exception):
    """No source can be used here; the message says what each of them said."""


class _Open(NamedTuple):
    """A source that is read, with what it is polled by."""

    source: Source
    descriptor: int | None


class Watch:
    """What is open, what ended, what was missed; fed by `step`."""

    def __init__(self, processes: Processes, root: int | None = None, *, names: bool) -> None:
        self.connections, self.book, self.processes = Connections(), Book(), processes
        self.notes: list[str] = []
        """What cannot be seen here and why, a sentence each."""
        self._root = root
        self._broken: list[str] = []
        self._open: list[_Open] = []
        self._missed: list[Missed] = []
        self._capture: Capture | None = None
        self._poll = select.poll()
        self._looked_ns = 0
        self._choose()
        if names:
            self._listen()

    def step(self, until_ns: int, keys: int | None = None) -> bool:
        """Wait for sources until then at most, and read them; say whether a key was pressed."""
        if keys is not None:
            self._poll.register(keys, select.POLLIN)
        now_ns = time.monotonic_ns()
        periods = [each.source.period_ns for each in self._open if each.descriptor is None]
        wait_ns = min([until_ns - now_ns, *periods, _LOOK_NS])
        ready = dict(self._poll.poll(max(0, wait_ns // 1_000_000)))
        for each in list(self._open):
            if each.descriptor is None or each.descriptor in ready:
                self._read(each)
        if self._capture is not None:
            self._hear(self._capture)
        now_ns = time.monotonic_ns()
        if now_ns - self._looked_ns > _LOOK_NS:
            self._looked_ns = now_ns
            self.processes.look()
        return keys is not None and keys in ready

    def ended(self) -> list[Connection]:
        """Return connections that are over, each once, with the name of their host."""
        over = [*self.connections.closed(), *self.connections.settle(time.monotonic_ns())]
        return [self.named(one) for one in over if self._wanted(one)]

    def living(self) -> list[Connection]:
        """Return connections that are open, with the name of their host."""
        living = [*self.connections.living(), *self.connections.ending()]
        return [self.named(one) for one in living if self._wanted(one)]

    def missed(self) -> list[Missed]:
        """Return the holes that were told since."""
        missed, self._missed = [*self._missed, *self.connections.missed()], []
        return missed

    def named(self, connection: Connection) -> Connection:
        """Return a connection with what its host is called, as far as that is known."""
        if connection.remote_host is not None or connection.remote_address is None:
            return connection
        answer = self.book.host(connection, connection.opened_ns or connection.seen_ns)
        return connection._replace(remote_host=answer.host, host_source=answer.host_source)

    def _wanted(self, connection: Connection) -> bool:
        """Say whether it is to be shown: a source tests itself by a connection of ours."""
        return connection.pid != os.getpid() and self.processes.wanted(connection)

    def close(self) -> None:
        """Let go of everything."""
        for each in self._open:
            each.source.close()
        self._open.clear()
        if self._capture is not None:
            self._capture.close()

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
            if self._root is not None:
                source.hurry(self._root)
        self.notes = unseen(tuple(each.source for each in self._open), choice.said)

    def _listen(self) -> None:
        capture = Capture()
        probe = capture.probe()
        if not probe.usable:
            self.notes.append(f"names: {probe.reason}; {probe.remedy}")
            return
        try:
            self._poll.register(capture.open(), select.POLLIN)
        except OSError as error:
            self.notes.append(f"names: {error.strerror}")
            return
        self._capture = capture

    def _read(self, each: _Open) -> None:
        try:
            for event in each.source.read():
                self._take(event)
        except SourceError as error:
            self._lose(each, str(error))

    def _take(self, event: Event) -> None:
        if isinstance(event, Reading) and event.holder is not None:
            self.processes.meet(event.holder)
        self.connections.take(event)

    def _lose(self, each: _Open, why: str) -> None:
        """Go on with the next one where a source broke; say so."""
        now_ns = time.monotonic_ns()
        self._missed.append(Missed(now_ns, now_ns, None, why, each.source.name))
        self._broken.append(each.source.name)
        for other in self._open:
            if other.descriptor is not None:
                self._poll.unregister(other.descriptor)
            other.source.close()
        self._open.clear()
        self._choose()

    def _hear(self, capture: Capture) -> None:
        try:
            for event in capture.read():
                if isinstance(event, Name):
                    self.book.take(event)
                else:
                    self._missed.append(event)
        except SourceError as error:
            self.notes.append(f"names: {error}")
            self._capture = None
            capture.close()


def unseen(sources: tuple[Source, ...], said: tuple[tuple[str, Probe], ...]) -> list[str]:
    """Return what sources cannot tell, and what would help."""
    kept: set[Promise] = set().union(*(source.promises for source in sources))
    lacking = [words for promise, words in _LACKING if promise not in kept]
    notes = [f"not told: {', '.join(lacking)}"] if lacking else []
    return notes + [
        f"{name}: {probe.reason}" + (f" ({probe.remedy})" if probe.remedy else "")
        for name, probe in said
        if not probe.usable
    ]
