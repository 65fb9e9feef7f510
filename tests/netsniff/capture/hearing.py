"""Starts the capture helper and waits for what it says."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netsniff.capture import Capture
from netsniff.model import Missed, Name

LONGEST_S = 20
Events = list[Name | Missed]


class Heard:
    """A running helper and all it said so far."""

    def __init__(self, launcher: str | None = None, *, early: bool = False) -> None:
        self.capture = Capture(launcher)
        self.descriptor = self.capture.open()
        self.events: Events = []
        self.until(lambda _: self.capture.hears if early else self.capture.ready)

    def until(self, enough: Callable[[Events], object]) -> Events:
        """Read until what was said is enough; fails when that takes too long."""
        ready = select.poll()
        ready.register(self.descriptor, select.POLLIN)
        end = time.monotonic() + LONGEST_S
        while not enough(self.events):
            assert time.monotonic() < end, self.events[-5:]
            if ready.poll(100):
                self.events += self.capture.read()
        return self.events

    def ended(self) -> str:
        """Read until the helper is known to be gone; return how that was told."""
        self.until(lambda _: self.capture.pid is None)
        return self.missed()[-1].reason

    def missed(self) -> list[Missed]:
        return [each for each in self.events if isinstance(each, Missed)]

    def names(self) -> list[Name]:
        return [each for each in self.events if isinstance(each, Name)]


@contextmanager
def heard(launcher: str | None = None) -> Iterator[Heard]:
    """A helper that hears; ended at the end."""
    made = Heard(launcher)
    try:
        yield made
    finally:
        made.capture.close()
