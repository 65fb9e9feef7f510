"""The lifecycle backend in force: chosen by self-test, replaced when it breaks."""

import contextlib
import select
from typing import NamedTuple

from ptywrap import clock, lifecycle
from ptywrap.lifecycle.base import Backend, Event, Gap, Probe, Promise, SensorError
from ptywrap.observe.network_sources import Sources

_FIRST_NS = 5_000_000_000
_EVERY_NS = 600_000_000_000
"""How soon, and in the long run how often, a backend that failed its test is tested again."""


class Followed(NamedTuple):
    """A pid under observation, and since when."""

    pid: int
    since_ns: int


class Sensors:
    """Who tells of births and deaths. `ready` once a self-test has passed.

    `hints` is the end of a pipe that is told of each exec at once; -1: nobody listens.
    """

    def __init__(self, hints: int = -1) -> None:
        self._hints = hints
        self.said: tuple[tuple[str, Probe], ...] = ()
        self._running: list[tuple[Backend, int | None]] = []
        self._followed: dict[int, Followed] = {}
        self._broken: tuple[str, ...] = ()
        self._waiting: list[Event] = []
        self._pause_ns = _FIRST_NS
        self._again_ns: int | None = None

    @property
    def ready(self) -> bool:
        """Whether somebody tells."""
        return bool(self._running)

    @property
    def names(self) -> list[str]:
        """The sources in force, the first one tells the tree."""
        return [backend.name for backend, _ in self._running]

    @property
    def complete(self) -> bool:
        """Whether the one that tells the tree sees every process, however short its life."""
        return any(Promise.SHORT_LIVED in one.promises for one, _ in self._running[:1])

    @property
    def descriptors(self) -> list[int]:
        """What to poll."""
        return [descriptor for _, descriptor in self._running if descriptor is not None]

    @property
    def period_ns(self) -> int:
        """How often to read those without a descriptor while somebody is followed; 0: never."""
        periods = [one.period_ns for one, descriptor in self._running if descriptor is None]
        return min(periods, default=0) if self._followed else 0

    def start(self) -> None:
        """Choose and test; takes up to 0.2 s for each one that does not work."""
        choice = lifecycle.choose(without=self._broken, hints=self._hints)
        self.said = choice.said
        if choice.backend is not None:
            self._running = [(choice.backend, choice.descriptor), *choice.extras]
        self._waiting.extend(choice.events)
        self._settle()

    def follow(self, pid: int) -> None:
        """Take a process and all below it."""
        self._followed[pid] = Followed(pid, clock.monotonic_ns())
        for backend, _ in self._running:
            backend.follow(pid)

    def leave(self, pid: int) -> None:
        """Forget a process and what lives below it."""
        if self._followed.pop(pid, None) is not None:
            for backend, _ in self._running:
                backend.leave(pid)

    @property
    def followed(self) -> list[int]:
        """Who was taken."""
        return list(self._followed)

    def follows(self, pid: int) -> bool:
        """Say whether a pid was taken."""
        return pid in self._followed

    def read(self) -> list[Event]:
        """Return what is known by now; of a backend that broke, a gap until its successor looks."""
        events, self._waiting = self._waiting, []
        if self._again_ns is not None and self._followed and clock.monotonic_ns() > self._again_ns:
            self._improve()
        for backend, descriptor in list(self._running):
            since_ns = clock.monotonic_ns()
            try:
                events.extend(backend.read())
            except SensorError as error:
                self._replace(backend, descriptor)
                until_ns = clock.monotonic_ns()
                events.append(Gap(since_ns, until_ns, None, str(error), backend.name))
        return events

    def settle(self) -> None:
        """Have the backends look at whom they are to follow now; what they tell waits."""
        self._waiting = self.read()

    def wait(self, ms: int) -> None:
        """Sleep until a backend has something to tell, at most some milliseconds."""
        select.select(self.descriptors, [], [], ms / 1000)

    def close(self) -> None:
        """Stop all."""
        for backend, _ in self._running:
            backend.close()
        self._running = []

    def _settle(self) -> None:
        """Test the better ones again some time: one may have failed because all was busy."""
        better = any(not probe.usable for _, probe in self.said)
        self._again_ns = clock.monotonic_ns() + self._pause_ns if better else None
        self._pause_ns = min(4 * self._pause_ns, _EVERY_NS)

    def _improve(self) -> None:
        """Let a better backend take over if one works by now; it meets what lives already."""
        present = next(iter(self.names), None)
        choice = lifecycle.choose(without=self._broken, before=present, hints=self._hints)
        self._waiting.extend(choice.events)
        if choice.backend is not None:
            for pid in self._followed:
                choice.backend.follow(pid)
            for backend, _ in self._running:
                with contextlib.suppress(SensorError):
                    self._waiting.extend(backend.read())
            self.close()
            self._running = [(choice.backend, choice.descriptor), *choice.extras]
            self.said = choice.said
        self._settle()

    def _replace(self, backend: Backend, descriptor: int | None) -> None:
        backend.close()
        first = self._running[0][0] is backend
        self._running.remove((backend, descriptor))
        self._broken += (backend.name,)
        if first:
            self.close()
            self.start()
            for pid in self._followed:
                for chosen, _ in self._running:
                    chosen.follow(pid)


class Senses(NamedTuple):
    """Who tells of processes, and who of sockets."""

    sensors: Sensors
    sources: Sources
