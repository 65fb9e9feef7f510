"""Proves that a backend works here: a child of ours must be seen, by its pid, in time."""

import os
import select
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

from ptywrap import clock
from ptywrap.lifecycle.base import (
    Backend,
    Event,
    Exec,
    Exit,
    Fork,
    Gap,
    Probe,
    Promise,
    SensorError,
)

LIMIT_NS = 200_000_000
_STATUS = 3
_REMEDY = "run it outside of containers, where pids and network are those of the machine"


class Verdict(NamedTuple):
    """What the test says, and what was observed of others meanwhile."""

    probe: Probe
    events: tuple[Event, ...]


class _Sight:
    """What was seen of the child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.born = self.released = self.ran = self.ended = False
        self.status: int | None = None
        self.others: list[Event] = []

    def take(self, events: Iterable[Event]) -> None:
        """Note what concerns the child; an exec counts once it was let go."""
        for event in events:
            if isinstance(event, Gap) or event.pid != self.pid:
                self.others.append(event)
            elif isinstance(event, Fork):
                self.born = True
            elif isinstance(event, Exec):
                self.ran = self.ran or (self.released and event.completeness == "exact")
            elif isinstance(event, Exit):
                self.ended = True
                self.status = event.status


def check(backend: Backend, descriptor: int | None) -> Verdict:
    """Let a child exec and exit with 3, and demand to be told; takes at most 0.2 s.

    An open socket and arriving events prove nothing: in another pid namespace the kernel ignores
    the request, and somebody else's listening brings events whose pids are not ours.
    """
    go, child_stdin = _pipe()
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", f"read go; exec /bin/sh -c 'exit {_STATUS}'"],
        {},
        file_actions=[(os.POSIX_SPAWN_DUP2, child_stdin, 0)],
    )
    os.close(child_stdin)
    sight = _Sight(pid)
    try:
        backend.follow(pid)
        broke = _watch(backend, descriptor, sight, go)
        backend.leave(pid)
    finally:
        os.close(go)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return Verdict(_judge(backend, sight, broke), tuple(sight.others))


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    return writing, reading


def _watch(backend: Backend, descriptor: int | None, sight: _Sight, go: int) -> str:
    """Read until all is seen or the time is over; return why it broke, if it did."""
    poller = select.poll()
    if descriptor is not None:
        poller.register(descriptor, select.POLLIN)
    deadline = clock.monotonic_ns() + max(LIMIT_NS, 4 * backend.period_ns)
    while (left := deadline - clock.monotonic_ns()) > 0:
        try:
            sight.take(backend.read())
        except SensorError as error:
            return str(error)
        if sight.born and not sight.released:
            sight.released = True
            os.write(go, b"\n")
        if sight.ended:
            break
        if descriptor is None:
            time.sleep(backend.period_ns / 1e9)
        else:
            poller.poll(left // 1_000_000 + 1)
    return ""


def _judge(backend: Backend, sight: _Sight, broke: str) -> Probe:
    if broke:
        return Probe(usable=False, reason=broke, remedy="")
    if not sight.born:
        return Probe(usable=False, reason="a child of ours was not seen", remedy=_REMEDY)
    if not sight.ran and Promise.SHORT_LIVED in backend.promises:
        return Probe(usable=False, reason="the exec of a child was not seen", remedy=_REMEDY)
    if not sight.ended:
        return Probe(usable=False, reason="the end of a child was not seen", remedy=_REMEDY)
    if sight.status != _STATUS << 8 and Promise.EXIT_STATUS in backend.promises:
        return Probe(usable=False, reason="a child ended with 3, but that was not told", remedy="")
    return Probe(usable=True)
