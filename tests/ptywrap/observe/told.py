"""A source of sockets that tells what it is given; the observer knows it by the protocol alone."""

from collections.abc import Iterator

from netsniff.model import Event
from netsniff.sources.base import Probe, Promise, Source, SourceError


class Told:
    """One source; `broken` makes its next read fail."""

    period_ns = 1_000_000_000
    verified = True

    def __init__(
        self, name: str = "told", promises: tuple[Promise, ...] = (Promise.BYTES,)
    ) -> None:
        self.name = name
        self.promises = frozenset(promises)
        self.answer = Probe(usable=True)
        self.events: list[Event] = []
        self.hurried: list[int] = []
        self.rests = self.closes = 0
        self.broken = ""

    def probe(self) -> Probe:
        """Say what it was told to."""
        return self.answer

    def open(self) -> int | None:
        """Begin."""
        return None

    def hurry(self, pid: int) -> None:
        """Remember who it was."""
        self.hurried.append(pid)

    def rest(self) -> None:
        """Count."""
        self.rests += 1

    def read(self) -> list[Event]:
        """Give what there is, once. Raises SourceError."""
        if self.broken:
            raise SourceError(self.broken)
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        """Count."""
        self.closes += 1


class Shelf:
    """What gives sources: the same ones each time, but for those that broke."""

    def __init__(self, *sources: Told) -> None:
        self.sources = list(sources)

    def __call__(self) -> Iterator[Source]:
        """Yield them, best first."""
        return iter(self.sources)
