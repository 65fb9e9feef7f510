"""The other network namespaces that processes of interest are in: enters, reads and leaves them.

Many are sandboxes without a network: such a one is entered once it has a device beside `lo`, or a
connection was begun there. One that may not be entered is told as missed, once.
"""

import contextlib
import select
import sys
import time

from netsniff.model import Event, Missed
from netsniff.sources import diag, diag_socket, namespaces, scan_records, space
from netsniff.sources.base import SourceError

assert sys.platform == "linux"

_MOST = 16
"""So many are read at once; each is a process of ours."""
_LOOK_NS = 250_000_000
_STAY_NS = 500_000_000
"""So long after its last process of interest a namespace is read: destroyed sockets come late."""


_EARLY = "over before the network namespace was entered"


class _Place:
    """A namespace, the processes of interest that were met there, and what became of it."""

    def __init__(self, pid: int, now_ns: int) -> None:
        self.pids = {pid: None}
        self.met_ns = self.left_ns = now_ns
        self.entry: namespaces.Entry | None = None
        self.space: space.Space | None = None
        self.refused = False
        self.opened = _opened(pid)
        """How many connections the kernel counted there, ever, when it was met."""
        self.early: int | None = None
        """How many began between that and our entry; None: that was told."""


class Elsewhere:
    """All of them; what they tell comes with the epoll descriptor that was given."""

    def __init__(self, source: str, poller: select.epoll) -> None:
        self._source, self._poller = source, poller
        self._own = namespaces.own()
        self._places: dict[int, _Place] = {}
        self._looked_ns = 0
        self._spared = False
        self._left: list[Event] = []
        """The ends of those that lived in a namespace when it was left."""

    def met(self, pid: int) -> space.Space | None:
        """Take a process of interest; return the namespace it is in, if that is read."""
        number = namespaces.of(pid)
        if number is None or number == self._own:
            return None
        now_ns = time.monotonic_ns()
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = _Place(pid, now_ns)
        place.pids[pid] = None
        place.left_ns = now_ns
        self._enter(place)
        return place.space

    def spaces(self) -> list[space.Space]:
        """Return those that are read."""
        return [place.space for place in self._places.values() if place.space is not None]

    def spare(self, *, processes: bool) -> None:
        """Have no process looked at, or have them looked at again."""
        self._spared = processes
        for each in self.spaces():
            each.spare(processes=processes)

    def rest(self) -> None:
        """Let go of those that were left: nobody may read for a long time."""
        self._look(0)
        for each in self.spaces():
            each.order(scan_records.REST)

    def read(self, found: list[Event]) -> None:
        """Add what they tell."""
        if self._places and time.monotonic_ns() - self._looked_ns >= _LOOK_NS:
            self._look(_STAY_NS)
        found += self._left
        self._left.clear()
        for number, place in self._places.items():
            if place.entry is not None and _readable(place.entry.fileno()):
                self._entered(number, place, found)
            if place.space is not None:
                self._told(place, place.space, found)

    def close(self) -> None:
        """Leave all of them."""
        for place in self._places.values():
            _close(place)
        self._places.clear()

    def _enter(self, place: _Place) -> None:
        """Begin to enter a namespace, where that has not been tried and is worth it."""
        if place.entry is not None or place.space is not None or place.refused:
            return
        pid = next(reversed(place.pids))
        if sum(each.space is not None for each in self._places.values()) < _MOST and _busy(pid):
            with contextlib.suppress(OSError):
                place.entry = namespaces.Entry(pid)
                self._poller.register(place.entry.fileno(), select.EPOLLIN)

    def _entered(self, number: int, place: _Place, found: list[Event]) -> None:
        """Take what the child that went there brings back."""
        entry, place.entry = place.entry, None
        if entry is None:
            return
        try:
            entered = space.Entered(*entry.take(), fresh=not place.opened)
            place.space = space.Space(self._source, number, self._poller, entered)
        except (FileNotFoundError, ProcessLookupError):
            return  # its process was gone: the next one there is asked
        except OSError:
            place.refused = True
            now_ns = time.monotonic_ns()
            reason = namespaces.OTHER
            found.append(Missed(place.met_ns, now_ns, None, reason, self._source))
            return
        if self._spared:
            place.space.spare(processes=True)
        for pid in place.pids:
            place.space.order(scan_records.HURRY, pid)
        place.early = max([0, *(_opened(pid) - place.opened for pid in place.pids)])

    def _told(self, place: _Place, one: space.Space, found: list[Event]) -> None:
        try:
            one.read(found)
        except SourceError as error:
            now_ns = time.monotonic_ns()
            found.append(Missed(place.met_ns, now_ns, None, str(error), self._source))
            place.refused, place.space = True, None
            one.close()
            return
        if place.early is not None and one.met is not None:
            early, place.early = place.early - one.met, None
            if early > 0 and not self._spared:  # else somebody sees all namespaces
                now_ns = time.monotonic_ns()
                found.append(Missed(place.met_ns, now_ns, early, _EARLY, self._source))

    def _look(self, stay_ns: int) -> None:
        """Leave the namespaces that no process of interest is in, and try those that wait."""
        now_ns = self._looked_ns = time.monotonic_ns()
        for number, place in list(self._places.items()):
            for pid in [pid for pid in place.pids if namespaces.of(pid) != number]:
                del place.pids[pid]
            if place.pids:
                place.left_ns = now_ns
                self._enter(place)
            elif now_ns - place.left_ns >= stay_ns and place.entry is None:
                if place.space is not None:
                    place.space.leave(self._left)
                _close(place)
                del self._places[number]


def _busy(pid: int) -> bool:
    """Say whether the namespace of a process may have traffic: a device, or a connection."""
    try:
        with open(f"/proc/{pid}/net/dev", "rb") as file:
            devices = file.read().splitlines()[2:]
    except OSError:
        return False
    return _opened(pid) > 0 or any(not line.lstrip().startswith(b"lo:") for line in devices)


def _opened(pid: int) -> int:
    """Return how many connections the kernel counted in the namespace of a process; 0: gone."""
    try:
        with open(f"/proc/{pid}/net/snmp", "rb") as file:
            return diag_socket.opened_in(file.read())
    except (OSError, diag.Unreadable):
        return 0


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _close(place: _Place) -> None:
    if place.entry is not None:
        place.entry.close()
    if place.space is not None:
        place.space.close()
