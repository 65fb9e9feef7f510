"""Says what the observer asks of the system: what changed in a folder, what one process is.

To add a system: write one file in this folder with the functions of `Kernel`, or a class that has
the methods of `Watch`; open it with `assert sys.platform == "..."`, and choose it in `__init__.py`.
"""

from collections.abc import Container
from typing import NamedTuple, Protocol

from ptywrap.lifecycle.base import Reaped, Usage


class Reading(NamedTuple):
    """What a shell and the children it has reaped used up to a moment; differences count."""

    at_ns: int
    user_ns: int
    sys_ns: int
    read_bytes: int | None
    write_bytes: int | None


class Forebear(NamedTuple):
    """A process above another, and what it may be called."""

    pid: int
    names: tuple[str, ...]


class Upkeep(NamedTuple):
    """What one of our own processes has cost since it started, and occupies now."""

    cpu_ns: int
    rss_bytes: int


class Watch(Protocol):
    """Tells that something in a folder has changed; `descriptor` is to be polled, or None."""

    descriptor: int | None
    period_ns: int

    def take(self) -> None:
        """Forgets what has been told by now: the caller looks at everything itself."""
        ...

    def close(self) -> None:
        """Stops."""
        ...


class Kernel(Protocol):
    """What the system tells of one process."""

    def reading(self, pid: int) -> Reading | None:
        """Gives what a shell and the children it has reaped used so far."""
        ...

    def upkeep(self, pid: int) -> Upkeep | None:
        """Gives what one of our own processes costs."""
        ...

    def children(self, pid: int) -> list[int]:
        """Gives the pids of those it has started."""
        ...

    def look(self, pid: int) -> Usage | None:
        """Gives what a living process used so far."""
        ...

    def buried(self, pid: int, start_ticks: int) -> Usage | None:
        """Gives what an ended process used that nobody has reaped yet."""
        ...

    def reaped(self, pid: int) -> Reaped | None:
        """Gives what the children used that a process has waited for."""
        ...

    def alive(self, pid: int) -> bool:
        """Says whether it exists and has not ended."""
        ...

    def forebears(self, pid: int) -> list[Forebear]:
        """Gives it and its ancestors, nearest first."""
        ...

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Gives those of the named variables it was started with."""
        ...


class Ends(Protocol):
    """Tells at once that one of a few living processes has ended; `descriptor` as in `Watch`."""

    descriptor: int | None

    def hold(self, pid: int) -> None:
        """Takes one, while there are not too many."""
        ...

    def release(self, pid: int) -> None:
        """Forgets one, if it was taken."""
        ...

    def retain(self, living: Container[int]) -> None:
        """Forgets all others."""
        ...

    def take(self) -> list[int]:
        """Gives those that have ended, once."""
        ...

    def close(self) -> None:
        """Lets go of all."""
        ...
