"""One network namespace: its scanner, and what that tells of its sockets."""

import _socket
import select
import sys
import time
from typing import NamedTuple

from netsniff.model import Event, Missed, Reading
from netsniff.sources import (
    census,
    diag,
    diag_socket,
    scan_process,
    scan_records,
    told_sockets,
)
from netsniff.sources.base import SourceError

assert sys.platform == "linux"

_TRIES = 3
"""So often in a row the scanner may end before we give up."""
_WELL_NS = 30_000_000_000
_OVERRUN, _RESTART = "buffer overrun", "the scanner ended"
_UNTOLD = "fewer connections told than the kernel counted"


class Entered(NamedTuple):
    """The sockets of another namespace; `fresh`: it had no connection when we learned of it."""

    asking: _socket.socket
    dying: _socket.socket
    fresh: bool


class Space:
    """A namespace that is looked at."""

    def __init__(
        self, source: str, namespace: int, poller: select.epoll, entered: Entered | None
    ) -> None:
        """Begin; `entered`: in another namespace than ours. Raises OSError."""
        self._source, self._poller = source, poller
        self._asking = entered.asking if entered else None
        dying = entered.dying if entered else None
        self._deaths = diag_socket.Deaths(diag_socket.TCP_GROUPS, opened=dying)
        self._sockets = told_sockets.ToldSockets(
            source, namespace, fresh=entered is not None and entered.fresh
        )
        self._sockets.drained_ns = time.monotonic_ns()  # before, nobody listened
        self._hints = -1
        self._spared = False
        self._failures = self._asked = self._flushed = 0
        self._started_ns = self._well_ns = time.monotonic_ns()
        # The kernel's count is to be had of our own namespace alone.
        self._census = None if entered else census.Census(time.monotonic_ns())
        self._whole_ns = 0
        self._process = self._scanner()

    @property
    def pipe(self) -> int:
        """What the scanner writes into."""
        return self._process.pipe

    @property
    def met(self) -> int | None:
        """How many sockets were there at the first look; None: it is not over yet."""
        return self._sockets.met

    def answered(self, number: int) -> bool:
        """Say whether an order to flush was carried out, or came before we began."""
        return self._flushed == self._asked or self._flushed >= number

    def hear(self, hints: int) -> None:
        """Let the scanner take hints from a pipe; -1: from none."""
        self._hints = hints
        if not self._spared:
            self._process.order(scan_records.HEAR, hints)

    def spare(self, *, processes: bool) -> None:
        """Have no process looked at, or have them looked at again."""
        self._spared = processes
        self._process.order(scan_records.SPARE, processes)
        self._process.order(scan_records.HEAR, -1 if processes else self._hints)

    def order(self, kind: int, number: int = 0) -> None:
        """Give the scanner an order."""
        if kind == scan_records.FLUSH:
            self._asked = number
        self._process.order(kind, number)

    def read(self, found: list[Event]) -> None:
        """Add what the scanner has told. Raises SourceError."""
        try:
            told, ended = self._process.take()
        except scan_records.Torn:
            told, ended = [], True
        for record in told:
            self._well_ns = record.at_ns
            if isinstance(record, scan_records.Held):
                self._sockets.held(record, found)
            elif record.kind == scan_records.FLUSHED:
                self._flushed = record.number
            elif record.kind == scan_records.OVERRUN:
                self._overrun(record.at_ns, found)
            else:
                before = len(found)
                self._sockets.told(record, found)
                self._count(record, found[before:])
        if ended:
            self._restart(found)
        self._compare(found)

    def leave(self, found: list[Event]) -> None:
        """Tell the end of what lived when it was last looked at: nobody will look any more."""
        self._sockets.leave(time.monotonic_ns(), found)

    def close(self) -> None:
        """End the scanner and let go of everything."""
        self._process.stop()
        self._deaths.close()
        if self._asking is not None:
            self._asking.close()

    def _overrun(self, at_ns: int, found: list[Event]) -> None:
        """Tell how many were dropped since this was last told, by the kernel's count."""
        number = self._deaths.missed()
        if number:
            missed = Missed(self._sockets.drained_ns, at_ns, number, _OVERRUN, self._source)
            found.append(missed)
            self._doubt()

    def _doubt(self) -> None:
        self._sockets.doubt()
        if self._census is not None:
            self._census.begin_again()

    def _count(self, record: scan_records.Told, told: list[Event]) -> None:
        """Count everybody's connections, also those of which no more is told than their end."""
        if self._census is None:
            return
        if record.kind == scan_records.WHOLE:
            self._whole_ns = record.at_ns
            self._census.living(scan_records.cookies(record.body))
        for each in told:
            if isinstance(each, Reading) and each.final and each.cookie is not None:
                self._census.ended(each.cookie)

    def _compare(self, found: list[Event]) -> None:
        """Tell what the kernel counted and nobody told, even with no buffer that ran over."""
        now_ns = time.monotonic_ns()
        if self._census is None or not self._census.due(now_ns, self._whole_ns):
            return
        try:
            since_ns, number = (
                self._census.in_step_ns,
                self._census.take(now_ns, diag_socket.opened()),
            )
        except (OSError, diag.Unreadable):
            self._census = None  # no /proc of this system: nothing to compare with
            return
        if number:
            found.append(Missed(since_ns, now_ns, number, _UNTOLD, self._source))

    def _scanner(self) -> scan_process.ScanProcess:
        asking = -1 if self._asking is None else self._asking.fileno()
        process = scan_process.ScanProcess(self._deaths.fileno(), asking)
        self._poller.register(process.pipe, select.EPOLLIN)
        if self._spared:
            process.order(scan_records.SPARE, 1)
        elif self._hints >= 0:
            process.order(scan_records.HEAR, self._hints)
        return process

    def _restart(self, found: list[Event]) -> None:
        """Start the scanner again: what it had taken and not told is lost, the rest still waits."""
        now_ns = time.monotonic_ns()
        self._failures = 1 if now_ns - self._started_ns > _WELL_NS else self._failures + 1
        self._poller.unregister(self._process.pipe)
        self._process.stop()
        if self._failures > _TRIES:
            raise SourceError("the scanner ends again and again")
        found.append(Missed(self._well_ns, now_ns, None, _RESTART, self._source))
        self._doubt()
        try:
            self._process = self._scanner()
        except OSError as error:
            raise SourceError(f"the scanner does not start: {error.strerror}") from error
        self._started_ns = self._well_ns = time.monotonic_ns()
        # Whoever waits for it would wait for ever.
        self._flushed = self._asked
