"""Names of hosts for the table: what the resolver's files say, and what is heard if asked for."""

import time

from netsniff.capture import Capture
from netsniff.model import Connection, Missed, Name
from netsniff.names.book import Book
from netsniff.names.resolver import Resolver
from netsniff.sources.base import SourceError

_LOOK_NS = 1_000_000_000


class Naming:
    """Who is called what; `notes` says why nothing is heard."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._book, self._resolver = Book(), Resolver()
        self._looked_ns = 0
        self._capture: Capture | None = None

    def listen(self) -> int | None:
        """Start to hear names; return what to poll, or None and say why not."""
        capture = Capture()
        probe = capture.probe()
        if not probe.usable:
            remedy = f" ({probe.remedy})" if probe.remedy else ""
            self.notes.append(f"names are not heard: {probe.reason}{remedy}")
            return None
        try:
            descriptor = capture.open()
        except OSError as error:
            self.notes.append(f"names are not heard: {error.strerror}")
            return None
        self._capture = capture
        return descriptor

    def read(self) -> list[Missed]:
        """Take the names that were heard by now; return what was not. Raises SourceError."""
        missed: list[Missed] = []
        if self._capture is None:
            return missed
        try:
            for event in self._capture.read():
                if isinstance(event, Name):
                    self._book.take(event)
                else:
                    missed.append(event)
        except SourceError as error:
            self.notes.append(f"names are not heard any more: {error}")
            self.close()
            raise
        return missed

    def named(self, connection: Connection) -> Connection:
        """Return a connection with what its host is called, as far as that is known."""
        if connection.remote_host is not None or connection.remote_address is None:
            return connection
        now_ns = time.monotonic_ns()
        if now_ns - self._looked_ns >= _LOOK_NS:
            self._looked_ns = now_ns
            if self._resolver.changed():
                self._book.hosts(self._resolver.names())
        answer = self._book.host(connection, connection.opened_ns or connection.seen_ns)
        return connection._replace(remote_host=answer.host, host_source=answer.host_source)

    def close(self) -> None:
        """Hear no more."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
