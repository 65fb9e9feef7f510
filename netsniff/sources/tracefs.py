"""Linux, root, where no program can be loaded: who opens a connection, from the kernel's tracer.

It tells no bytes, nothing of UDP and nothing of who accepts: it is an extra, which gives pids to
connections that others see.
"""

import errno
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from netsniff.model import EXACT, LIKELY, Endpoint, Event, Holder, Missed
from netsniff.sources import diag, diag_message, diag_socket, tracefs_events, tracefs_instance
from netsniff.sources.base import Probe, Promise, SourceError
from netsniff.sources.tracefs_openings import SOURCE, SYN_SENT, Change, Gone, Opening, Openings
from netsniff.sources.tracefs_page import Unreadable

assert sys.platform == "linux"

_OWN_NETWORK = Path("/proc/self/ns/net")
_GLOBAL_COOKIES = (5, 10)
"""Before, each network namespace counted its own cookies."""

_OWN_PROCESSES = Path("/proc/self/ns/pid")
_FIRST_PROCESSES = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_START_FIELD = 19  # starttime, counted behind the name: proc_pid_stat(5)
_GRACE_NS = 200_000_000
"""How long after its end one is told as over: who knows its bytes tells them before."""

_LONG_NS = 250_000_000
"""How long one has to live until its cookie is asked for: most are over before, and tell it."""

_REFUSALS = {
    errno.EPERM: ("only root may trace", "start it as root"),
    errno.EACCES: ("only root may trace", "start it as root"),
    errno.ENOENT: (
        "the kernel's tracer is not there",
        "mount -t tracefs nodev /sys/kernel/tracing",
    ),
}


class TraceFs:
    """Who opens connections, as the kernel's tracer writes it."""

    name = SOURCE
    promises = frozenset({Promise.HOLDER, Promise.SHORT_HOLDER})
    period_ns = 100_000_000
    verified = True

    def __init__(self) -> None:
        self._instance: tracefs_instance.Instance | None = None
        self._reader: tracefs_events.Reader | None = None
        self._questions: diag_socket.Questions | None = None
        self._openings = Openings()
        self._early: list[tuple[int, bytes]] = []
        self._over: deque[Opening] = deque()
        self._namespace: int | None = None
        self._read_ns = 0
        self._rested = False

    def probe(self) -> Probe:
        """Say whether we may trace."""
        try:
            if _OWN_PROCESSES.stat().st_ino != _FIRST_PROCESSES:
                reason = "process ids of a container are others than the kernel's"
                return Probe(usable=False, reason=reason, remedy="run it outside of the container")
            self.open()
        except OSError as failure:
            reason, remedy = _REFUSALS.get(failure.errno or 0, (failure.strerror or "refused", ""))
            return Probe(usable=False, reason=reason, remedy=remedy)
        finally:
            self.close()
        return Probe(usable=True)

    def open(self) -> int | None:
        """Begin. Raises OSError."""
        self._instance = tracefs_instance.Instance(tracefs_events.WANTED)
        try:
            self._reader = tracefs_events.Reader(self._instance.formats)
        except Unreadable as failure:
            raise OSError(errno.EPROTO, str(failure)) from failure
        if self._reader.tells_cookies and _counts_cookies_once():
            self._namespace = _OWN_NETWORK.stat().st_ino
            self._questions = diag_socket.Questions()
        self._openings = Openings()
        self._early = []
        self._over.clear()
        self._read_ns = time.monotonic_ns()
        return None

    def hurry(self, pid: int) -> None:
        """Nothing is looked for: the kernel tells of every process."""
        self._rested = self._rested and pid < 0

    def rest(self) -> None:
        """The kernel throws away what is not read."""
        self._rested = True

    def read(self) -> Iterable[Event]:
        """Tell who opened connections. Raises SourceError."""
        if self._instance is None or self._reader is None:
            return []
        since_ns, self._read_ns = self._read_ns, time.monotonic_ns()
        try:
            pages = self._instance.pages()
        except (OSError, Unreadable) as failure:
            raise SourceError(f"the kernel's tracer cannot be read: {failure}") from failure
        events: list[Event] = []
        if any(page.lost for page in pages) and not self._rested:
            reason = "the kernel's tracer was read too late"
            events.append(Missed(since_ns, self._read_ns, None, reason, self.name))
        # Of what came while we read, some may stand in a buffer that was read before.
        waiting = self._early + [event for page in pages for event in page.events]
        self._early = [event for event in waiting if event[0] >= self._read_ns]
        for at_ns, data in sorted(event for event in waiting if event[0] < self._read_ns):
            self._take(self._reader.read(at_ns, data, self._openings))
        events.extend(self._told())
        return events

    def close(self) -> None:
        """Remove the tracer; what was not read is gone."""
        if self._instance is not None:
            self._instance.close()
        if self._questions is not None:
            self._questions.close()
        self._instance = self._reader = self._questions = None

    def _take(self, event: Change | Gone | None) -> None:
        if event is None:
            return
        holder = None
        if isinstance(event, Change) and event.state == SYN_SENT:
            holder = _holder(event.thread)
        over = self._openings.take(event, holder)
        if over is not None:
            self._over.append(over)

    def _told(self) -> Iterable[Event]:
        """Yield those that go on, once, and those that are over and have waited."""
        going = self._openings.untold(self._read_ns - _LONG_NS)
        cookies = self._cookies() if going and self._questions is not None else {}
        for opening in going.values():
            cookie = cookies.get((opening.local, opening.remote))
            if cookie is not None or self._questions is None:
                told = opening._replace(cookie=cookie)
                yield told.reading(self._read_ns, self._namespace)
        while self._over and (self._over[0].closed_ns or 0) <= self._read_ns - _GRACE_NS:
            over = self._over.popleft()
            at_ns = over.closed_ns or self._read_ns
            if self._questions is None:
                over = over._replace(cookie=None)
            yield over.reading(at_ns, self._namespace, final=True)

    def _cookies(self) -> dict[tuple[Endpoint, Endpoint | None], int]:
        """The cookies of what lives now, by both ends."""
        found: dict[tuple[Endpoint, Endpoint | None], int] = {}
        if self._questions is None:
            return found
        try:
            self._questions.ask(info=False)
            while (seen := self._questions.answer()) is not None:
                for cookie, *_, begin, end in seen:
                    told = diag_message.told(bytes(self._questions.view[begin:end]))
                    found[told.local, told.remote] = cookie
        except (OSError, diag.Unreadable):
            return {}
        return found


def _counts_cookies_once() -> bool:
    """Whether a cookie is one socket's in all network namespaces."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= _GLOBAL_COOKIES


def _holder(thread: int) -> Holder:
    """The process of a thread; one that is gone was most likely the only thread of its process."""
    try:
        status = Path(f"/proc/{thread}/status").read_text()
        pid = int(status.partition("\nTgid:\t")[2].partition("\n")[0])
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return Holder(pid, int(fields[_START_FIELD]), EXACT)
    except (OSError, ValueError, IndexError):
        return Holder(thread, None, LIKELY)
