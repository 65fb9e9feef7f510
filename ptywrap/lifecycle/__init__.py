"""Chooses how to see processes start and end: the best backend that a self-test proves to work."""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from ptywrap.lifecycle.base import Backend, Event, Hinting, Probe, Reaped, Totals, Usage
from ptywrap.lifecycle.selftest import check

BACKENDS = (
    ("linux", "ptywrap.lifecycle.proc_connector", "ProcConnector"),
    ("linux", "ptywrap.lifecycle.procfs", "ChildrenWalk"),
    ("any", "ptywrap.lifecycle.psutil_children", "PsutilChildren"),
)
"""System, module and class; best first; imported on demand."""


class Choice(NamedTuple):
    """What `choose` found.

    `backend` is open and has passed its self-test (None if nothing works), `descriptor` is what
    its open gave; `extras` are open backends that keep promises it lacks; `said` is what each one
    tried said, the better ones first; `events` are observations made on the way.
    """

    backend: Backend | None
    descriptor: int | None
    extras: tuple[tuple[Backend, int | None], ...]
    said: tuple[tuple[str, Probe], ...]
    events: tuple[Event, ...]


def here() -> tuple[Backend, ...]:
    """Return one of each backend of this system, none of them open, best first."""
    return tuple(_each())


def _each() -> Iterator[Backend]:
    """Yield them one by one: those that are not reached need not be imported, nor psutil."""
    for system, module, name in BACKENDS:
        if system in {"any", sys.platform}:
            yield getattr(import_module(module), name)()


def start(backend: Backend) -> tuple[Probe, int | None, tuple[Event, ...]]:
    """Probe, open and self-test one; closed again unless the answer is usable."""
    probe = backend.probe()
    if not probe.usable:
        return probe, None, ()
    try:
        descriptor = backend.open()
    except OSError as error:
        backend.close()
        return Probe(usable=False, reason=f"could not be opened: {error.strerror}"), None, ()
    verdict = check(backend, descriptor)
    if not verdict.probe.usable:
        backend.close()
    return verdict.probe, descriptor, verdict.events


def choose(*, without: tuple[str, ...] = (), before: str | None = None, hints: int = -1) -> Choice:
    """Open the first backend that passes its self-test.

    `without` names those that broke, `before` the one that better ones are wanted than; `hints` is
    the end of a pipe that is told of each exec at once, by who can (-1: nobody listens).
    """
    said: list[tuple[str, Probe]] = []
    for backend in _each():
        if backend.name == before:
            break
        if backend.name in without:
            continue
        if isinstance(backend, Hinting):
            backend.hints = hints
        probe, descriptor, events = start(backend)
        said.append((backend.name, probe))
        if probe.usable:
            return Choice(backend, descriptor, (), tuple(said), events)
    return Choice(None, None, (), tuple(said), ())


def look(pid: int) -> Usage | None:
    """Return what a living process used so far, a lower bound; None: gone, or not to be told."""
    if sys.platform != "linux":
        return None
    from ptywrap.lifecycle import usage

    return usage.look(pid)


def totals(pid: int) -> Totals | None:
    """Return what a living shell's reaped children used so far; None: gone, or not to be told."""
    if sys.platform != "linux":
        return None
    from ptywrap.lifecycle import usage

    return usage.totals(pid)


def buried(pid: int, start_ticks: int) -> Usage | None:
    """Return what an ended process used that nobody has reaped; None: too late, or not told."""
    if sys.platform != "linux":
        return None
    from ptywrap.lifecycle import usage

    return usage.buried(pid, start_ticks)


def reaped(pid: int) -> Reaped | None:
    """Return what a living process's reaped children used so far; None: gone, or not told."""
    if sys.platform != "linux":
        return None
    from ptywrap.lifecycle import usage

    return usage.reaped(pid)
