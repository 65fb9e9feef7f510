"""Sources that behave badly, for those who choose among them. They stand in for no system call."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import NoReturn

from netsniff.model import EXACT, Event, Holder, Missed
from netsniff.sources.base import Probe, Promise, SourceError
from netsniff.sources.psutil_table import PsutilTable

OPEN: list[str] = []
"""The names of those that are open."""


class StandIn:
    """A source that reads as it is told to."""

    period_ns = 1_000_000
    verified = True

    def __init__(
        self, name: str, read: Callable[[], Iterable[Event]], promises: frozenset[Promise]
    ) -> None:
        self.name, self.read, self.promises = name, read, promises

    def probe(self) -> Probe:
        """Claim."""
        return Probe(usable=True)

    def open(self) -> int | None:
        """Count."""
        OPEN.append(self.name)
        return None

    def hurry(self, pid: int) -> None:
        """Do nothing."""

    def rest(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Count."""
        if self.name in OPEN:
            OPEN.remove(self.name)


def _table(holder: int | None) -> Iterable[Event]:
    """Read the table of sockets, and call one process the holder of each, for certain."""
    table = PsutilTable()
    table.open()
    whose = None if holder is None else Holder(holder, 1, EXACT)
    for event in table.read():
        if not isinstance(event, Missed):
            yield event._replace(holder=whose)


def _break() -> NoReturn:
    raise SourceError("the wire was cut")


def _forbid() -> NoReturn:
    raise PermissionError(1, "Operation not permitted")


_ALL = frozenset(Promise)
deaf = partial(StandIn, "deaf", list, _ALL)
broken = partial(StandIn, "broken", _break, _ALL)
ownerless = partial(StandIn, "ownerless", partial(_table, None), _ALL)
liar = partial(StandIn, "liar", partial(_table, 1), _ALL)
honest = partial(StandIn, "honest", partial(_table, os.getpid()), _ALL - {Promise.UDP_BYTES})
plain = partial(StandIn, "plain", partial(_table, None), frozenset({Promise.UDP}))
richer = partial(StandIn, "richer", partial(_table, os.getpid()), frozenset({Promise.UDP_BYTES}))


def shut() -> StandIn:
    """One that cannot be opened."""
    source = StandIn("shut", list, _ALL)
    source.open = _forbid  # type: ignore[method-assign] # one method of one object
    return source
