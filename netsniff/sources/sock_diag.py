"""Every TCP connection of this network namespace and who holds it, unprivileged: NETLINK_SOCK_DIAG.

The work is done by a small process of its own (scanner.py); this is its other end.
"""

import os
import select
import sys
import time
from collections.abc import Iterable

from netsniff.model import Event, Missed
from netsniff.sources import diag, diag_socket, scan_process, scan_records, told_sockets
from netsniff.sources.base import Probe, Promise, SourceError

assert sys.platform == "linux"

_TRIES = 3
"""So often in a row the scanner may end before we give up."""
_WELL_NS = 30_000_000_000
_OVERRUN, _RESTART = "buffer overrun", "the scanner ended"


class SockDiag:
    """The source. `flushed` is the number of the last `flush` that was answered."""

    name = "sock_diag"
    promises = frozenset(
        {
            Promise.BYTES,
            Promise.EVERY_CONNECTION,
            Promise.HOLDER,
            Promise.UNPRIVILEGED,
            Promise.TELLS_LOSS,
        }
    )
    period_ns = 0
    verified = True

    def __init__(self) -> None:
        self.flushed = 0
        self.process: scan_process.ScanProcess | None = None
        self._asked = self._failures = 0
        self._hints = -1
        self._deaths: diag_socket.Deaths | None = None
        self._poller: select.epoll | None = None
        self._sockets: told_sockets.ToldSockets | None = None
        self._started_ns = self._well_ns = 0

    def probe(self) -> Probe:
        """Ask the kernel once."""
        try:
            questions = diag_socket.Questions()
            try:
                questions.ask()
                while questions.answer() is not None:
                    pass
                diag_socket.Deaths(diag_socket.TCP_GROUPS).close()
            finally:
                questions.close()
        except (OSError, diag.Unreadable) as error:
            reason = f"the kernel does not tell of its sockets: {error}"
            return Probe(usable=False, reason=reason, remedy="load the module tcp_diag")
        return Probe(usable=True)

    def open(self) -> int:
        """Begin; the descriptor stays the same when the scanner has to be started again."""
        self._deaths = diag_socket.Deaths(diag_socket.TCP_GROUPS)
        namespace = os.stat("/proc/thread-self/ns/net").st_ino
        self._sockets = told_sockets.ToldSockets(self.name, namespace)
        self._poller = select.epoll()
        self._start(self._deaths, self._poller)
        return self._poller.fileno()

    def hear(self, hints: int) -> None:
        """Take a pipe that tells of each exec at once (scan_records.py); -1: there is none.

        It must not block, and stays open and the caller's own.
        """
        self._hints = hints
        if self.process is not None:
            self.process.order(scan_records.HEAR, hints)

    def hurry(self, pid: int) -> None:
        """Look closely at a process for a moment."""
        if self.process is not None:
            self.process.order(scan_records.HURRY, pid)

    def rest(self) -> None:
        """Look no more until somebody is hurried; what is destroyed is still told, each second."""
        if self.process is not None:
            self.process.order(scan_records.REST)

    def flush(self) -> int:
        """Ask for all that was destroyed by now: it has been read once `flushed` is this number.

        It takes some 5 ms: the kernel tells of a destroyed socket by a work queue.
        """
        self._asked += 1
        if self.process is not None:
            self.process.order(scan_records.FLUSH, self._asked)
        return self._asked

    def read(self) -> Iterable[Event]:
        """Tell what the scanner has told."""
        process, sockets = self.process, self._sockets
        if process is None or sockets is None:
            return []
        try:
            told, ended = process.take()
        except scan_records.Torn:
            told, ended = [], True
        found: list[Event] = []
        for record in told:
            self._well_ns = record.at_ns
            if isinstance(record, scan_records.Held):
                sockets.held(record, found)
            elif record.kind == scan_records.FLUSHED:
                self.flushed = record.number
            elif record.kind == scan_records.OVERRUN:
                self._overrun(record.at_ns, sockets, found)
            else:
                sockets.told(record, found)
        if ended:
            self._restart(process, sockets, found)
        return found

    def close(self) -> None:
        """End the scanner and let go of everything."""
        if self.process is not None:
            self.process.stop()
        if self._deaths is not None:
            self._deaths.close()
        if self._poller is not None:
            self._poller.close()
        self.process = self._deaths = self._poller = self._sockets = None

    def _overrun(self, at_ns: int, sockets: told_sockets.ToldSockets, found: list[Event]) -> None:
        """Tell how many were dropped since this was last told, by the kernel's count."""
        number = self._deaths.missed() if self._deaths is not None else 0
        if number:
            found.append(Missed(sockets.drained_ns, at_ns, number, _OVERRUN, self.name))
            sockets.doubt()

    def _start(self, deaths: diag_socket.Deaths, poller: select.epoll) -> None:
        self._started_ns = self._well_ns = time.monotonic_ns()
        self.process = scan_process.ScanProcess(deaths.fileno())
        poller.register(self.process.pipe, select.EPOLLIN)
        if self._hints >= 0:
            self.process.order(scan_records.HEAR, self._hints)

    def _restart(
        self,
        process: scan_process.ScanProcess,
        sockets: told_sockets.ToldSockets,
        found: list[Event],
    ) -> None:
        """Start the scanner again: what it had taken and not told is lost, the rest still waits."""
        if self._deaths is None or self._poller is None:
            return
        now_ns = time.monotonic_ns()
        self._failures = 1 if now_ns - self._started_ns > _WELL_NS else self._failures + 1
        self._poller.unregister(process.pipe)
        process.stop()
        self.process = None
        if self._failures > _TRIES:
            raise SourceError("the scanner ends again and again")
        found.append(Missed(self._well_ns, now_ns, None, _RESTART, self.name))
        sockets.doubt()
        try:
            self._start(self._deaths, self._poller)
        except OSError as error:
            raise SourceError(f"the scanner does not start: {error.strerror}") from error
        # Whoever waits for it would wait for ever.
        self.flushed = self._asked
