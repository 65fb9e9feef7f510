"""Names of hosts: what the resolver's files say, and what the capture helper hears.

A helper that dies is a hole, and started again after a while; who is not allowed one does without.
"""

from netsniff.capture import Capture
from netsniff.model import Connection, Missed
from netsniff.names.book import Answer
from netsniff.naming import Naming
from netsniff.sources.base import Probe, SourceError
from ptywrap import clock

_FIRST_NS, _LONGEST_NS = 5_000_000_000, 600_000_000_000
"""How soon, and in the long run how often, a helper that died is started again."""


class Names:
    """Who is called what; `said` is what the helper answered when it was asked for."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Probe]] = []
        self._naming = Naming()
        self._descriptor: int | None = None
        self._pause_ns = _FIRST_NS
        self._again_ns: int | None = None

    @property
    def names(self) -> list[str]:
        """The helper's name while it hears."""
        return [] if self._descriptor is None else ["capture"]

    @property
    def descriptors(self) -> list[int]:
        """What to poll."""
        return [] if self._descriptor is None else [self._descriptor]

    def capture(self) -> None:
        """Start the helper."""
        self._again_ns = None
        capture = self._naming.capture = self._naming.capture or Capture()
        probe = capture.probe()
        if probe.usable:
            try:
                self._descriptor = capture.open()
            except OSError as error:
                probe = Probe(usable=False, reason=f"could not be started: {error.strerror}")
        self.said = [("capture", probe)]

    def read(self) -> list[Missed]:
        """Take the names that were heard by now; return what was not."""
        now_ns = clock.monotonic_ns()
        if self._again_ns is not None and now_ns >= self._again_ns:
            self.capture()
        if self._naming.capture is None or self._descriptor is None:
            return []
        try:
            return self._naming.read()
        except SourceError as error:
            self._naming.capture.close()
            self._descriptor = None
            self.said = [("capture", Probe(usable=False, reason=str(error)))]
            self._again_ns = now_ns + self._pause_ns
            self._pause_ns = min(4 * self._pause_ns, _LONGEST_NS)
            return []

    def host(self, connection: Connection) -> Answer:
        """Return what the other end of a connection is called, and who says so."""
        return self._naming.host(connection)

    def close(self) -> None:
        """End the helper."""
        if self._naming.capture is not None:
            self._naming.capture.close()
        self._naming.capture, self._descriptor = None, None
