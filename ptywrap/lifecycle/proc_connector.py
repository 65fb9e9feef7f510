"""Sees every fork, exec and exit by the kernel's process connector, read by a child of ours."""

import contextlib
import errno
import os
import select
import socket
import sys
from collections.abc import Iterable

from ptywrap import clock
from ptywrap.lifecycle import (
    connector_socket,
    membership,
    proctree,
    reader_process,
    records,
    resync,
    soundings,
    tracker,
)
from ptywrap.lifecycle.base import Event, Probe, Promise, SensorError
from ptywrap.lifecycle.losses import OVERRUN, RESTART, Losses
from ptywrap.lifecycle.records import Record

assert sys.platform == "linux"

_MARKS = {
    records.UNTIL,
    records.OVERRUN,
    records.EMPTY,
    records.SETTLED,
    records.TORN,
}
_SETTLES = {records.UNTIL, records.EMPTY}
_EXECS = connector_socket.EXEC
_LIVES = connector_socket.FORK | connector_socket.EXIT
_ALWAYS = 1 << 63
_TRIES = 3
"""So often in a row a gap may begin anew, and the reader end, before we give up."""


class ProcConnector:
    """The backend; a Linux of 6.6 or newer lets an ordinary user in, an older one only root.

    `hints`, set before `open`, is the end of a pipe that is told of each exec at once (reader.py);
    it must not block. -1: nobody listens.
    """

    name = "proc_connector"
    promises = frozenset(
        {
            Promise.EXIT_STATUS,
            Promise.SHORT_LIVED,
            Promise.ARGV,
            Promise.UNPRIVILEGED,
            Promise.TELLS_LOSS,
        }
    )
    period_ns = 0
    verified = True

    def __init__(self) -> None:
        self.hints = -1
        self.reader: reader_process.ReaderProcess | None = None
        self._sockets: dict[int, socket.socket] = {}
        self._pending: list[Record] = []
        self._poller: select.epoll | None = None
        self._failures = 0
        self._arriving: list[int] = []
        self._members = membership.Members(self.name)
        self._tracker: tracker.Tracker | None = None
        self._losses = Losses(self.name)

    def probe(self) -> Probe:
        """Try to open the socket."""
        try:
            connector_socket.connect().close()
        except OSError as error:
            return _refusal(error)
        return Probe(usable=True)

    def open(self) -> int:
        """Open the sockets and start the reader; nothing is sent until somebody is followed.

        Execs have one of their own: they wake the reader, the others are taken in passing.
        """
        self._sockets = {events: connector_socket.connect() for events in (_EXECS, _LIVES)}
        os.set_blocking(self._sockets[_LIVES].fileno(), False)
        self._poller = select.epoll()
        self._tracker = tracker.Tracker(self._members, self._poller)
        self._start(self._poller, resync=False)
        return self._poller.fileno()

    def follow(self, pid: int) -> None:
        """Take a process; read without waiting for the descriptor tells those already alive."""
        if not self._members.roots and not self._arriving:
            self._losses.pause()
            # In another network namespace it is refused: the self-test says so.
            with contextlib.suppress(OSError):
                for events, each in self._sockets.items():
                    connector_socket.listen(each, events)
        self._arriving.append(pid)

    def leave(self, pid: int) -> None:
        """Forget a process; the last one takes the events of the machine with it."""
        if pid in self._arriving:
            self._arriving.remove(pid)
        self._members.leave(pid)
        if self._tracker is None:
            return
        self._tracker.forget_waiting()
        if not self._members.roots and not self._arriving:
            self._tracker.recent.clear()
            self._silence()

    def read(self) -> Iterable[Event]:
        """Tell what the reader has written so far, at most a megabyte of it."""
        followed, process = self._tracker, self.reader
        if followed is None or process is None:
            return []
        if self._failures >= _TRIES:
            raise SensorError("events are lost faster than /proc can be read")
        batch, ended = process.take()
        recent = list(followed.recent) if self._arriving else []
        if self._arriving:
            followed.recent.clear()
        known = recent + self._pending + batch if self._arriving else []
        later = [(pid, followed.follow(pid, known)) for pid in self._arriving]
        self._arriving.clear()
        followed.apply(recent)
        self._apply(followed, batch)
        for pid, found in later:
            followed.complete(found, pid)
        self._end_of_groups(followed)
        if ended or (batch and batch[-1].kind == records.TORN):
            self._restart(process)
        return self._members.take()

    def close(self) -> None:
        """Ask the kernel for silence, end the reader, let go of everything."""
        self._silence()
        if self.reader is not None:
            self.reader.stop()
        for each in self._sockets.values():
            each.close()
        self._sockets = {}
        if self._poller is not None:
            self._poller.close()
        self.reader = self._poller = self._tracker = None
        self._pending.clear()
        self._arriving.clear()
        self._members.clear()
        self._members.take()

    def _apply(self, followed: tracker.Tracker, batch: list[Record]) -> None:
        """Apply what is settled, between what the reader says of itself."""
        start = 0
        for position, record in enumerate(batch):
            if record.kind in _MARKS:
                self._losses.see(batch[start:position])
                self._pending += batch[start:position]
                start = position + 1
                if record.kind in _SETTLES:
                    until = record.at if record.kind == records.UNTIL else _ALWAYS
                    ready, self._pending = records.settle(self._pending, until)
                    followed.apply(ready)
                self._mark(followed, record)
        self._losses.see(batch[start:])
        self._pending += batch[start:]

    def _mark(self, followed: tracker.Tracker, record: Record) -> None:
        kind = record.kind
        if kind == records.OVERRUN:
            self._losses.begin(OVERRUN, clock.monotonic_ns())
        elif kind == records.EMPTY and self._losses.open:
            now = clock.monotonic_ns()
            resync.compare(followed, proctree.walk(), now)
            soundings.sound(self._losses.walked(now))
        elif kind == records.UNTIL:
            # Events of two rows are counted together: while one lags, the other's seem to be lost.
            if not record.status & records.EXECS_WAIT:
                self._losses.all_well(record.at)
            self._tell_gap(settled=False)
        elif kind == records.SETTLED:
            self._tell_gap(settled=True)

    def _tell_gap(self, *, settled: bool) -> None:
        times = self._losses.times
        gap = self._losses.tell(settled=settled)
        if gap is not None:
            self._members.told.append(gap)
        elif times > _TRIES:
            self._failures = _TRIES

    def _end_of_groups(self, followed: tracker.Tracker) -> None:
        if followed.waiting and self._poller is not None:
            for descriptor, _ in self._poller.poll(0):
                followed.over(descriptor)

    def _silence(self) -> None:
        with contextlib.suppress(OSError):
            for events, each in self._sockets.items():
                connector_socket.ignore(each, events)

    def _restart(self, process: reader_process.ReaderProcess) -> None:
        """Start the reader again on the same socket; what it had taken and not told is lost."""
        if self._poller is None:
            return
        self._poller.unregister(process.pipe)
        process.stop()
        self._losses.begin(RESTART, clock.monotonic_ns())
        try:
            self._start(self._poller, resync=True)
        except OSError as error:
            self.reader = None
            raise SensorError(f"the reader does not start: {error.strerror}") from error
        self._tell_gap(settled=False)

    def _start(self, poller: select.epoll, *, resync: bool) -> None:
        execs, lives = (each.fileno() for each in self._sockets.values())
        self.reader = reader_process.ReaderProcess(execs, lives, self.hints, resync=resync)
        poller.register(self.reader.pipe, select.EPOLLIN)


def _refusal(error: OSError) -> Probe:
    if error.errno == errno.EPERM:
        reason = "the kernel lets only root listen to process events"
        return Probe(usable=False, reason=reason, remedy="Linux 6.6 or newer lets everybody")
    if error.errno == errno.EPROTONOSUPPORT:
        reason = "the kernel was built without the process connector"
        return Probe(usable=False, reason=reason, remedy="use one with CONFIG_PROC_EVENTS=y")
    return Probe(usable=False, reason=f"no netlink socket: {error.strerror}", remedy="")
