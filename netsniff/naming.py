"""Names of hosts: what the resolver's files say, and what the capture helper hears."""

import time

from netsniff.capture import Capture
from netsniff.model import Connection, Missed, Name
from netsniff.names.book import Answer, Book
from netsniff.names.resolver import Resolver

_LOOK_NS = 1_000_000_000


class Naming:
    """Who is called what. `capture` None: nothing is heard."""

    def __init__(self) -> None:
        self.capture: Capture | None = None
        self._book, self._resolver = Book(), Resolver()
        self._looked_ns = 0

    def read(self) -> list[Missed]:
        """Take the names that were heard by now; return what was not. Raises SourceError."""
        missed: list[Missed] = []
        for event in () if self.capture is None else self.capture.read():
            if isinstance(event, Name):
                self._book.take(event)
            else:
                missed.append(event)
        return missed

    def host(self, connection: Connection) -> Answer:
        """Return what the other end of a connection is called, and who says so."""
        now_ns = time.monotonic_ns()
        if now_ns - self._looked_ns >= _LOOK_NS or not self._looked_ns:
            self._looked_ns = now_ns
            if self._resolver.changed():
                self._book.hosts(self._resolver.names())
        return self._book.host(connection, connection.opened_ns or connection.seen_ns)
