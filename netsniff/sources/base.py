"""Says what a source of sockets is and what it may promise.

To add one: write one file in this folder, named for its mechanism, with a class that has the
methods of `Source`; if it works on one system only, open it with `assert sys.platform == "..."`.
Add one line to `SOURCES` in `__init__.py`, best first. Claim only the promises that
tests/conformance/test_sources.py can hold you to; the suite runs against every entry by itself.

A source is used from one thread: `probe`, `open`, then `read` whenever its descriptor is readable
or, without one, every `period_ns`. `read` never blocks. A process or a socket that vanished is an
answer; a source that breaks raises `SourceError` from `read`, and is closed by whoever reads it.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from netsniff.model import Event


class Promise(Enum):
    """What a source claims; each claim has a test, what is not claimed is skipped by that name."""

    BYTES = "payload bytes of TCP connections, exact to one byte"
    EVERY_CONNECTION = "every TCP connection, however short; what it missed is told by its number"
    HOLDER = "the process that holds a connection of 100 ms or longer"
    SHORT_HOLDER = "the process of a connection of any length"
    UDP = "UDP sockets and who holds them"
    UDP_BYTES = "bytes of UDP"
    UNPRIVILEGED = "works for an ordinary user"
    TELLS_LOSS = "says when it lost something"


class Probe(NamedTuple):
    """Whether a source can be used here, and if not, why and what would help."""

    usable: bool
    reason: str = ""
    remedy: str = ""


class SourceError(Exception):
    """A source broke while it was open; the next lower one takes over."""


class Source(Protocol):
    """Reads sockets in one way."""

    name: str
    promises: frozenset[Promise]
    period_ns: int
    """How often to read a source that has no descriptor."""
    verified: bool
    """Whether it has run on its system; False: it was tested on recorded input alone."""

    def probe(self) -> Probe:
        """Say whether it can be used, without leaving anything open."""
        ...

    def open(self) -> int | None:
        """Begin; return the descriptor to poll, or None. Raises OSError."""
        ...

    def hurry(self, pid: int) -> None:
        """Look closely at a process for a moment: it may be about to open sockets."""
        ...

    def rest(self) -> None:
        """Look no more until the next `hurry`: nobody of interest runs."""
        ...

    def read(self) -> Iterable[Event]:
        """Tell what is known by now. Raises SourceError."""
        ...

    def close(self) -> None:
        """Let go of everything; what was not read is gone."""
        ...


@runtime_checkable
class Hearing(Protocol):
    """A source that is told of each exec by a pipe."""

    def hear(self, hints: int) -> None:
        """Take the pipe's reading end, the caller's own; -1: there is none."""
        ...


@runtime_checkable
class Flushing(Protocol):
    """A source that says when it has told of all that was destroyed by a moment."""

    flushed: int

    def flush(self) -> int:
        """Ask for all of it; it has been told once `flushed` is the number returned."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A source that looks at processes, which is dear where another one knows whose a socket is."""

    def spare(self, *, processes: bool) -> None:
        """Look at none any more, or look again."""
        ...
