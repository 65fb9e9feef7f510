"""Names of hosts for the table, and why nothing is heard where that is so."""

from netsniff.capture import Capture
from netsniff.model import Connection, Missed
from netsniff.naming import Naming as Names
from netsniff.sources.base import SourceError


class Naming:
    """Who is called what; `notes` says why nothing is heard."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._names = Names()

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
        self._names.capture = capture
        return descriptor

    def read(self) -> list[Missed]:
        """Take the names that were heard by now; return what was not. Raises SourceError."""
        try:
            return self._names.read()
        except SourceError as error:
            self.notes.append(f"names are not heard any more: {error}")
            self.close()
            raise

    def named(self, connection: Connection) -> Connection:
        """Return a connection with what its host is called, as far as that is known."""
        if connection.remote_host is not None or connection.remote_address is None:
            return connection
        answer = self._names.host(connection)
        return connection._replace(remote_host=answer.host, host_source=answer.host_source)

    def close(self) -> None:
        """Hear no more."""
        if self._names.capture is not None:
            self._names.capture.close()
            self._names.capture = None
