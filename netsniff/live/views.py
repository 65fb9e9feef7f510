"""The three ways to show what happens: a live table, sentences, and lines of JSON."""

import os
import signal
import sys
import time
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.live import Live

from netsniff.live import keys, lines
from netsniff.live.ledger import Ledger
from netsniff.live.processes import Processes
from netsniff.live.screen import KEYS, Frame, drawn
from netsniff.live.watch import Watch
from netsniff.model import Connection, Missed

_GRACE_NS = 150_000_000


class Stop(Exception):
    """It is to end: a signal, a key, the time is over, or the process that was watched is gone."""


class _Suspend(Exception):
    """Ctrl-Z: give the terminal back, stop, and go on when told to."""


class View(Protocol):
    """Shows what a watch sees until `Stop`."""

    def run(self, watch: Watch, until_ns: int | None) -> None:
        """Show it until the end, and tidy up then."""


class TableView:
    """A table that is drawn anew every second, and stays as it was at the end."""

    def __init__(self, processes: Processes, every_ns: int, order: str) -> None:
        self._processes, self._every_ns, self._order = processes, every_ns, order
        self._ledger = Ledger()
        self._console = Console(highlight=False)
        self._missed: list[Missed] = []
        self._drawing_ns = 0

    def run(self, watch: Watch, until_ns: int | None) -> None:
        """Show the table on a screen of its own; print the totals when it is closed."""
        signal.signal(signal.SIGTSTP, _suspend)
        try:
            while True:
                try:
                    self._show(watch, until_ns)
                except _Suspend:
                    os.kill(os.getpid(), signal.SIGSTOP)
        finally:
            _finish(watch)
            self._refresh(watch, last=True)
            self._console.print(drawn(self._frame(watch, live=False), self._console))

    def _show(self, watch: Watch, until_ns: int | None) -> None:
        with (
            keys.single() as keyboard,
            Live(console=self._console, screen=True, auto_refresh=False) as live,
        ):
            while True:
                began_ns = time.monotonic_ns()
                self._refresh(watch)
                frame = self._frame(watch, live=True)._replace(keys=keyboard is not None)
                live.update(drawn(frame, self._console), refresh=True)
                self._drawing_ns = time.monotonic_ns() - began_ns
                self._wait(watch, keyboard, until_ns)

    def _wait(self, watch: Watch, keyboard: int | None, until_ns: int | None) -> None:
        """Read sources until the table is to be drawn again."""
        # With very many connections drawing takes long: a tenth of the time at most.
        due_ns = time.monotonic_ns() + max(self._every_ns, 9 * self._drawing_ns)
        while time.monotonic_ns() < due_ns:
            pressed = watch.step(due_ns, keyboard)
            _end_when_over(self._processes, until_ns)
            if pressed and keyboard is not None:
                key = keys.pressed(keyboard)
                if key in {"q", ""}:
                    raise Stop
                self._order = KEYS.get(key, self._order)
                return

    def _refresh(self, watch: Watch, *, last: bool = False) -> None:
        for one in watch.ended(last=last):
            self._ledger.close(self._processes.owner(one), one)
        living = [(self._processes.owner(one), one) for one in watch.living()]
        self._ledger.refresh(living, time.monotonic_ns())
        self._ledger.fold(self._processes.over(self._ledger.owners()))
        self._missed += watch.missed()

    def _frame(self, watch: Watch, *, live: bool) -> Frame:
        rows = self._ledger.rows(self._order)
        notes = [*dict.fromkeys(lines.loss_sentence(one) for one in self._missed), *watch.notes]
        return Frame(rows, self._ledger.total(), self._order, notes, live)


class LineView:
    """One line for each connection that ended; at the end those that are still open."""

    def __init__(self, processes: Processes, *, as_json: bool) -> None:
        self._processes, self._json = processes, as_json
        self._epoch_ns = time.time_ns() - time.monotonic_ns()

    def run(self, watch: Watch, until_ns: int | None) -> None:
        """Print as it happens; what cannot be seen is told on stderr."""
        for note in watch.notes:
            print(f"netsniff: {note}", file=sys.stderr)
        try:
            while True:
                watch.step(time.monotonic_ns() + 100_000_000)
                self._print(watch, watch.ended())
                _end_when_over(self._processes, until_ns)
        finally:
            _finish(watch)
            self._print(watch, [*watch.ended(last=True), *watch.living()])

    def _print(self, watch: Watch, connections: list[Connection]) -> None:
        for one in connections:
            owner = self._processes.owner(one)
            if self._json:
                name = None if one.pid is None else owner.name
                print(lines.record(one, name, self._epoch_ns))
            else:
                print(f"{time.strftime('%H:%M:%S')}  {lines.sentence(one, owner.name)}")
        for hole in watch.missed():
            if self._json:
                print(lines.loss(hole, self._epoch_ns))
            else:
                print(f"netsniff: {lines.loss_sentence(hole)}", file=sys.stderr)
        sys.stdout.flush()


def _finish(watch: Watch) -> None:
    """Hear the last of what just ended: the kernel tells of it some milliseconds late."""
    until_ns = time.monotonic_ns() + _GRACE_NS
    while time.monotonic_ns() < until_ns:
        watch.step(until_ns)


def _suspend(_number: int, _frame: FrameType | None) -> None:
    raise _Suspend


def _end_when_over(processes: Processes, until_ns: int | None) -> None:
    if until_ns is not None and time.monotonic_ns() >= until_ns:
        raise Stop
    if not processes.root_lives():
        raise Stop
