"""Chooses how to read sockets: the best source that proves to work, and what adds to it."""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from netsniff.model import Event
from netsniff.sources.base import Probe, Promise, Source
from netsniff.sources.selftest import check

SOURCES: tuple[tuple[str, str, str], ...] = (
    ("linux", "netsniff.sources.sock_diag", "SockDiag"),
    ("linux", "netsniff.sources.socktrace", "SockTrace"),
    ("linux", "netsniff.sources.tracefs", "TraceFs"),
    ("darwin", "netsniff.sources.nettop", "Nettop"),
    ("any", "netsniff.sources.psutil_table", "PsutilTable"),
)
"""System, module and class; best first; imported on demand."""

WORTH_ADDING = frozenset(Promise) - {Promise.UNPRIVILEGED, Promise.UDP}
"""What a second source is opened for: UDP sockets alone are not worth a table read each second."""

Opened = tuple[Source, int | None]


class Choice(NamedTuple):
    """What `choose` found.

    `source` is open and has passed its self-test (None if nothing works), `descriptor` is what its
    open gave; `extras` are open sources that keep promises which those before them lack; `said` is
    what each one tried said, the better ones first; `events` is what was told on the way.
    """

    source: Source | None
    descriptor: int | None
    extras: tuple[Opened, ...]
    said: tuple[tuple[str, Probe], ...]
    events: tuple[Event, ...]

    @property
    def opened(self) -> tuple[Opened, ...]:
        """All that are open."""
        first = ((self.source, self.descriptor),) if self.source is not None else ()
        return (*first, *self.extras)


def here() -> tuple[Source, ...]:
    """Return one of each source of this system, none of them open, best first."""
    return tuple(each())


def each() -> Iterator[Source]:
    """Yield them one by one: those that are not reached need not be imported, nor psutil."""
    for system, module, name in SOURCES:
        if system in {"any", sys.platform}:
            yield getattr(import_module(module), name)()


def start(source: Source) -> tuple[Probe, int | None, tuple[Event, ...]]:
    """Probe, open and self-test one; closed again unless the answer is usable."""
    probe = source.probe()
    if not probe.usable:
        return probe, None, ()
    try:
        descriptor = source.open()
    except OSError as failure:
        source.close()
        return Probe(usable=False, reason=f"could not be opened: {failure.strerror}"), None, ()
    verdict = check(source, descriptor)
    if not verdict.probe.usable:
        source.close()
    return verdict.probe, descriptor, verdict.events


def choose(*, without: tuple[str, ...] = (), before: str | None = None) -> Choice:
    """Open the first source that passes its self-test, and those that add to it.

    `without` names those that broke or are not wanted, `before` the one that better ones are wanted
    than.
    """
    said: list[tuple[str, Probe]] = []
    opened: list[Opened] = []
    events: list[Event] = []
    kept: frozenset[Promise] = frozenset()
    for source in each():
        if source.name == before:
            break
        if source.name in without or (opened and not (source.promises - kept) & WORTH_ADDING):
            continue
        probe, descriptor, told = start(source)
        said.append((source.name, probe))
        if probe.usable:
            opened.append((source, descriptor))
            events.extend(told)
            kept |= source.promises
    if not opened:
        return Choice(None, None, (), tuple(said), tuple(events))
    return Choice(*opened[0], tuple(opened[1:]), tuple(said), tuple(events))
