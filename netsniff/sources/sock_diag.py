"""Every TCP connection of this network namespace and who holds it, unprivileged: NETLINK_SOCK_DIAG.

The work is done by a small process of its own (scanner.py); this is its other end.
"""

import errno
import select
import sys
import time
from collections.abc import Iterable

from netsniff.model import Event
from netsniff.sources import diag_check, elsewhere, namespaces, scan_records, space, udp_table
from netsniff.sources.base import Probe, Promise, SourceError

assert sys.platform == "linux"

_START_S = 2.0
"""The scanner's first look comes after some 60 ms; on a busy machine it takes longer."""


class SockDiag:
    """The source."""

    name = "sock_diag"
    promises = frozenset(
        {
            Promise.BYTES,
            Promise.EVERY_CONNECTION,
            Promise.HOLDER,
            Promise.UDP,
            Promise.UNPRIVILEGED,
            Promise.TELLS_LOSS,
        }
    )
    period_ns = 0
    verified = True

    def __init__(self) -> None:
        self._asked = self._flushed = 0
        self._hints = -1
        self._poller: select.epoll | None = None
        self._home: space.Space | None = None
        self._elsewhere: elsewhere.Elsewhere | None = None
        self._datagrams: udp_table.UdpTable | None = None
        self._early: list[Event] = []
        """What was told while we waited for the scanner."""

    @property
    def flushed(self) -> int:
        """The number of the last `flush` that all have answered."""
        while self._flushed < self._asked and all(
            each.answered(self._flushed + 1) for each in self._spaces()
        ):
            self._flushed += 1
        return self._flushed

    def probe(self) -> Probe:
        """Say whether the kernel tells a connection of ours as it is."""
        return diag_check.check()

    def open(self) -> int:
        """Begin; the descriptor stays the same when a scanner has to be started again."""
        self._poller = select.epoll()
        self._elsewhere = elsewhere.Elsewhere(self.name, self._poller)
        self._home = space.Space(self.name, namespaces.own(), self._poller, None)
        self._datagrams = udp_table.UdpTable(self.name, namespaces.own())
        if self._hints >= 0:
            self._home.hear(self._hints)
        self._wait(self._poller)
        return self._poller.fileno()

    def hear(self, hints: int) -> None:
        """Take a pipe that tells of each exec at once (scan_records.py); -1: there is none.

        It must not block, and stays open and the caller's own.
        """
        self._hints = hints
        if self._home is not None:
            self._home.hear(hints)

    def hurry(self, pid: int) -> None:
        """Look closely at a process for a moment, in the network namespace it is in."""
        if self._home is not None and self._elsewhere is not None:
            (self._elsewhere.met(pid) or self._home).order(scan_records.HURRY, pid)
        if self._datagrams is not None:
            self._datagrams.hurry(pid)

    def spare(self, *, processes: bool) -> None:
        """Look at no process, for somebody else tells who holds each socket; or look again."""
        if self._home is not None and self._elsewhere is not None:
            self._home.spare(processes=processes)
            self._elsewhere.spare(processes=processes)

    def rest(self) -> None:
        """Look no more until somebody is hurried; what is destroyed is still told, each second."""
        if self._home is not None and self._elsewhere is not None:
            self._home.order(scan_records.REST)
            self._elsewhere.rest()
        if self._datagrams is not None:
            self._datagrams.rest()

    def flush(self) -> int:
        """Ask for all that was destroyed by now: it has been read once `flushed` is this number.

        It takes some 5 ms: the kernel tells of a destroyed socket by a work queue.
        """
        self._asked += 1
        for each in self._spaces():
            each.order(scan_records.FLUSH, self._asked)
        if self._datagrams is not None:
            self._datagrams.hasten()
        return self._asked

    def read(self) -> Iterable[Event]:
        """Tell what the scanners have told. Raises SourceError."""
        found, self._early = self._early, []
        if self._home is not None and self._elsewhere is not None:
            self._home.read(found)
            self._elsewhere.read(found)
        if self._datagrams is not None:
            self._datagrams.read(found)  # the scanner wakes us twice a second unless it rests
        return found

    def close(self) -> None:
        """End the scanners and let go of everything."""
        for each in (self._home, self._elsewhere, self._datagrams, self._poller):
            if each is not None:
                each.close()
        self._home = self._elsewhere = self._datagrams = self._poller = None

    def _wait(self, poller: select.epoll) -> None:
        """Wait for the first look: what is there then is not what comes after we have begun."""
        number = self.flush()
        until = time.monotonic() + _START_S
        while self.flushed < number and (left := until - time.monotonic()) > 0:
            poller.poll(left)
            try:
                self._early = list(self.read())
            except SourceError as failure:
                self.close()
                raise OSError(errno.EIO, str(failure)) from failure

    def _spaces(self) -> list[space.Space]:
        others = self._elsewhere.spaces() if self._elsewhere is not None else []
        return [self._home, *others] if self._home is not None else others
