"""The sources of sockets in force: tested, and told as a hole and replaced when they break.

The best of them is opened before a held command goes on (`readiness`), so that nothing of its
beginning is missed: little is imported here. It is tested, and what it lacks is opened, later.
"""

import contextlib
import os
import select
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from netsniff import sources
from netsniff.model import Event, Missed
from netsniff.sources.base import Flushing, Hearing, Probe, Promise, Source, SourceError, Sparing
from ptywrap import clock
from ptywrap.observe.network_trial import Trial

KERNEL = frozenset({"socktrace", "tracefs"})
"""Those that put something into the kernel, as root."""
_TRIES = 3
"""How often one that broke is opened again."""
_UNASKED = Probe(usable=True)
_UNTESTED = Probe(usable=True, reason="not tested: there is no loopback here")
_WHOLE = frozenset({Promise.BYTES, Promise.EVERY_CONNECTION})
_WHOSE = frozenset({Promise.BYTES, Promise.SHORT_HOLDER})
_FIRST_NS, _LONGEST_NS = 5_000_000_000, 600_000_000_000
"""How soon, and in the long run how often, a source that failed its test is tested again."""


class _Open(NamedTuple):
    source: Source
    descriptor: int | None


class Sources:
    """Who tells of sockets. `broken` names those that are gone; `every` gives what there is."""

    def __init__(self, every: Callable[[], Iterator[Source]] = sources.each) -> None:
        self._every = every
        self.broken: list[str] = []
        self._said: dict[str, Probe] = {}
        self._open: list[_Open] = []
        self._failures: dict[str, int] = {}
        self._unwanted: frozenset[str] = frozenset()
        self._resting = True
        self._read_ns = 0
        self._awaited: int | None = None
        self._waiting: list[Event] = []
        self._trials: dict[str, Trial] = {}
        self._pause_ns = _FIRST_NS
        self._again_ns: int | None = None
        self._hints: tuple[int, int] | None = None

    @property
    def hints(self) -> int:
        """Where to write who calls exec, and what; -1: nobody listens."""
        return -1 if self._hints is None else self._hints[1]

    @property
    def names(self) -> list[str]:
        """The sources in force."""
        return [one.source.name for one in self._open]

    @property
    def said(self) -> list[tuple[str, Probe]]:
        """What each said that was asked, the better ones first."""
        return list(self._said.items())

    @property
    def descriptors(self) -> list[int]:
        """What to poll."""
        return [one.descriptor for one in self._open if one.descriptor is not None]

    @property
    def whole(self) -> bool:
        """Whether somebody sees every connection, and its bytes."""
        return any(one.source.promises >= _WHOLE for one in self._open)

    @property
    def certain(self) -> bool:
        """Whether somebody knows the process of each connection that one has opened."""
        return Promise.SHORT_HOLDER in _kept(self._open)

    def due_ns(self) -> int | None:
        """Return when those without a descriptor are to be read; None: there is none, or rest."""
        dues = [trial.until_ns for trial in self._trials.values()]
        periods = [one.source.period_ns for one in self._open if one.descriptor is None]
        if periods and not (self._resting and not dues):
            dues.append(self._read_ns + min(periods))
        return min(dues, default=None)

    def begin(self) -> None:
        """Open the best one, if it says that it can be used; it is tested later."""
        for source in islice(self._every(), 1):
            probe = source.probe()
            if not probe.usable:
                self._said[source.name] = probe
                return
            with contextlib.suppress(OSError):
                self._take(source, source.open())
                self.flush()

    def trace(self) -> None:
        """Open the kernel's tracer, for a first command's short connections have no other."""
        for source in [one for one in islice(self._every(), 1, 2) if one.name in KERNEL]:
            with contextlib.suppress(OSError):
                self._take(source, source.open())

    def wait(self, ms: int) -> None:
        """Wait until what was asked for last is told, and who tells it is at work; or some time."""
        until_ns = clock.monotonic_ns() + ms * 1_000_000
        while not self.flushed and (left_ns := until_ns - clock.monotonic_ns()) > 0:
            select.select(self.descriptors, [], [], left_ns / 1e9)
            self._waiting = self.read()

    def prove(self, without: Iterable[str] = ()) -> None:
        """Let go of what is not wanted, and put the first one on trial."""
        self._unwanted = self._unwanted.union(without)
        for one in list(self._open):
            if one.source.name in self._unwanted:
                self._close(one)
            elif one.source.name not in self._said:
                self._try(one.source)

    def extend(self) -> None:
        """Open what tells what nobody else does; as root that takes some 0.2 s."""
        for source in self._every():
            said = self._said.get(source.name, _UNASKED)
            if source.name in self._unwanted or source.name in self.names or not said.usable:
                continue
            if self._open and not source.promises - _kept(self._open) & sources.WORTH_ADDING:
                continue
            self._opened(source)

    def hurry(self, pid: int) -> None:
        """Have a process looked at closely."""
        if self._resting:
            self._resting = False
            self._read_ns = clock.monotonic_ns()
        for one in self._open:
            one.source.hurry(pid)

    def rest(self) -> None:
        """Have nobody looked at until the next `hurry`."""
        if not self._resting:
            self._resting = True
            for one in self._open:
                one.source.rest()

    def flush(self) -> None:
        """Ask for all that has happened by now."""
        for one in self._open:
            if isinstance(one.source, Flushing):
                self._awaited = one.source.flush()

    @property
    def flushed(self) -> bool:
        """Whether what was asked for last has been told."""
        if self._awaited is None:
            return True
        asked = [one.source for one in self._open if isinstance(one.source, Flushing)]
        return all(source.flushed >= self._awaited for source in asked)

    def read(self, *, fresh: bool = False) -> list[Event]:
        """Return what is known by now; of one that broke, a hole until its successor looks.

        `fresh`: those without a descriptor are read, too, though they are not due.
        """
        if self._again_ns is not None and self._resting and clock.monotonic_ns() > self._again_ns:
            self._improve()
        events, self._waiting = self._waiting, []
        due_ns = self.due_ns()
        now_ns = clock.monotonic_ns()
        due = fresh or (due_ns is not None and due_ns <= now_ns)
        self._read_ns = now_ns if due else self._read_ns
        for one in list(self._open):
            if one.descriptor is None and not due:
                continue
            try:
                told = one.source.read()
            except SourceError as error:
                self._replace(one)
                until_ns = clock.monotonic_ns()
                events.append(Missed(now_ns, until_ns, None, str(error), one.source.name))
                continue
            trial = self._trials.get(one.source.name)
            events.extend(told if trial is None else self._judged(one, trial, told))
        return events

    def close(self) -> None:
        """Stop all."""
        for one in list(self._open):
            self._close(one)
        for end in self._hints or ():
            os.close(end)
        self._hints = None

    def _opened(self, source: Source) -> bool:
        """Probe and open one, and put it on trial."""
        probe = source.probe()
        if probe.usable:
            try:
                self._take(source, source.open())
            except OSError as error:
                source.close()
                probe = Probe(usable=False, reason=f"could not be opened: {error.strerror}")
        self._said[source.name] = probe
        if probe.usable:
            self._try(source)
        return probe.usable

    def _take(self, source: Source, descriptor: int | None) -> None:
        self._open.append(_Open(source, descriptor))
        if isinstance(source, Hearing):
            if self._hints is None:
                self._hints = os.pipe()
                for end in self._hints:
                    os.set_blocking(end, False)
            source.hear(self._hints[0])

    def _try(self, source: Source) -> None:
        """Put one on trial; without a loopback it is believed."""
        self._said[source.name] = Probe(usable=True)
        try:
            self._trials[source.name] = Trial(source)
        except OSError:
            self._said[source.name] = _UNTESTED
        self._spare()

    def _judged(self, one: _Open, trial: Trial, told: Iterable[Event]) -> list[Event]:
        """Return what a source on trial told of others, once it may be believed."""
        rest = trial.take(told)
        verdict = trial.verdict()
        if verdict is None:
            return rest
        name = one.source.name
        self._said[name] = verdict
        self._trials.pop(name).close()
        self._spare()
        if verdict.usable:
            if trial.withholds:
                self._retire(one)
            return trial.withheld if trial.withholds else rest
        self._close(one)
        self.broken.append(name)
        self._again_ns = clock.monotonic_ns() + self._pause_ns
        self._pause_ns = min(4 * self._pause_ns, _LONGEST_NS)
        self.extend()
        return rest

    def _improve(self) -> None:
        """Try the best one again: it may have failed because all was busy."""
        self._again_ns = None
        for source in islice(self._every(), 1):
            if source.name not in self._unwanted and source.name not in self.names:
                alone = not self._open
                if self._opened(source) and not alone and source.name in self._trials:
                    self._trials[source.name].withhold()

    def _retire(self, best: _Open) -> None:
        """Close those that tell nothing which this one does not."""
        for one in list(self._open):
            more = one.source.promises & sources.WORTH_ADDING - best.source.promises
            if one is not best and not more:
                self._close(one)
                self.broken.append(one.source.name)

    def _replace(self, one: _Open) -> None:
        """Open one that broke again, and in the end those that tell what it told."""
        self._close(one)
        name = one.source.name
        tried = self._failures[name] = self._failures.get(name, 0) + 1
        again = next((source for source in self._every() if source.name == name), None)
        if tried <= _TRIES and again and self._opened(again):
            return
        self.broken.append(name)
        self._unwanted |= {name}
        self.extend()

    def _close(self, one: _Open) -> None:
        self._open.remove(one)
        if (trial := self._trials.pop(one.source.name, None)) is not None:
            trial.close()
        with contextlib.suppress(OSError):
            one.source.close()
        self._spare()

    def _spare(self) -> None:
        """Have no process looked at where somebody tells whose each socket is, and was believed."""
        believed = [one.source for one in self._open if one.source.name not in self._trials]
        told = any(source.promises >= _WHOSE for source in believed)
        for one in self._open:
            if isinstance(one.source, Sparing):
                one.source.spare(processes=told)


def _kept(running: list[_Open]) -> frozenset[Promise]:
    return frozenset[Promise]().union(*(one.source.promises for one in running))
