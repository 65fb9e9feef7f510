"""Proves that an open source works here: a connection of ours must be told, and as ours."""

import os
import select
import time
from collections.abc import Iterable
from typing import NamedTuple

from netsniff.model import Event, Missed, Reading
from netsniff.sources.base import Probe, Promise, Source, SourceError
from netsniff.sources.loopback import Pair, pair

_LIMIT_NS = 1_500_000_000
_REMEDY = "run it in the machine's own network and process namespaces"


class Verdict(NamedTuple):
    """What the test says, and what was told of others meanwhile."""

    probe: Probe
    events: tuple[Event, ...]


class _Sight:
    """What was told of the pair."""

    def __init__(self, made: Pair) -> None:
        self.ends = {
            (made.client.local, made.client.remote),
            (made.server.local, made.client.local),
        }
        self.seen = self.ours = self.foreign = False
        self.others: list[Event] = []

    def take(self, events: Iterable[Event]) -> None:
        """Note what concerns the pair. Its ports are its own: it is open while we look."""
        for event in events:
            if isinstance(event, Missed) or (event.local, event.remote) not in self.ends:
                self.others.append(event)
                continue
            self.seen = True
            if event.holder is not None:
                self.ours = self.ours or event.holder.pid == os.getpid()
                self.foreign = self.foreign or _foreign(event)


def _foreign(event: Reading) -> bool:
    """Say whether somebody else is called the holder, and for certain: it must never be."""
    holder = event.holder
    return holder is not None and holder.confidence == "exact" and holder.pid != os.getpid()


def check(source: Source, descriptor: int | None) -> Verdict:
    """Open a connection over the loopback, and demand to be told; takes 1.5 s at most."""
    try:
        made = pair()
    except OSError:
        return Verdict(Probe(usable=True, reason="not tested: there is no loopback here"), ())
    sight = _Sight(made)
    needs_holder = Promise.HOLDER in source.promises
    try:
        source.hurry(os.getpid())
        broke = _watch(source, descriptor, sight, needs_holder=needs_holder)
    finally:
        made.close()
    return Verdict(_judge(sight, broke, needs_holder=needs_holder), tuple(sight.others))


def _watch(source: Source, descriptor: int | None, sight: _Sight, *, needs_holder: bool) -> str:
    """Read until all is told or the time is over; return why it broke, if it did."""
    poller = select.poll()
    if descriptor is not None:
        poller.register(descriptor, select.POLLIN)
    deadline_ns = time.monotonic_ns() + _LIMIT_NS
    while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
        try:
            sight.take(source.read())
        except SourceError as failure:
            return str(failure) or "it broke"
        if sight.seen and (sight.ours or not needs_holder):
            break
        if descriptor is None:
            time.sleep(min(source.period_ns, left_ns) / 1e9)
        else:
            poller.poll(left_ns // 1_000_000 + 1)
    return ""


def _judge(sight: _Sight, broke: str, *, needs_holder: bool) -> Probe:
    if broke:
        return Probe(usable=False, reason=broke)
    if not sight.seen:
        return Probe(usable=False, reason="a connection of ours was not told", remedy=_REMEDY)
    if sight.foreign:
        return Probe(usable=False, reason="a connection of ours was called another's")
    if needs_holder and not sight.ours:
        reason = "a connection of ours was told as nobody's"
        return Probe(usable=False, reason=reason, remedy=_REMEDY)
    return Probe(usable=True)
