"""Reads the kernel's table of connected UDP sockets, and looks for who holds them, twice a second.

What they moved is nowhere to be had without root: the kernel keeps no count, and tells of their end
without one. So there is their peer and their process, for those that live at a look.
"""

import os
import sys
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from netsniff.model import EXACT, LIKELY, Event, Holder, Reading
from netsniff.sources import diag, diag_message, diag_socket

assert sys.platform == "linux"

PERIOD_NS = 500_000_000
_CONNECTED = 1 << diag.ESTABLISHED
_MOST_PROCESSES = 64
_TRIES = 4
"""In so many looks a holder is looked for: another user's is never found."""
_PARENT, _START = 1, 19  # fields of /proc/PID/stat behind the name: proc_pid_stat(5)


class _Born(NamedTuple):
    ticks: int
    parent: int
    name: str


class UdpTable:
    """The connected UDP sockets of our network namespace; nothing is read while it rests."""

    def __init__(self, source: str, namespace: int) -> None:
        """Begin. Raises OSError."""
        self._source, self._namespace = source, namespace
        self._questions = diag_socket.Questions()
        self._resting = False
        self._first = True
        self._patient = os.geteuid() == 0
        self._gone: set[int] = set()
        self._due_ns = 0
        self._living: dict[int, Reading] = {}
        self._tries: dict[int, int] = {}
        self._processes: dict[int, None] = {}
        """Those that may have opened some, the latest last."""
        self._early: list[Event] = []
        found: list[Event] = []
        self.read(found)
        self._early = found

    def hurry(self, pid: int) -> None:
        """Look at this process, too, when a new socket shows up."""
        self._resting = False
        self._processes.pop(pid, None)
        self._processes[pid] = None
        while len(self._processes) > _MOST_PROCESSES:
            del self._processes[next(iter(self._processes))]

    def rest(self) -> None:
        """Read nothing until the next `hurry`."""
        self._resting = True

    def read(self, found: list[Event]) -> None:
        """Add sockets that are new, whose holder was found, or that are gone, when it is due."""
        found += self._early
        self._early = []
        now_ns = time.monotonic_ns()
        if self._resting or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + PERIOD_NS
        shown = {each.cookie: each for each in self._table() if each.remote is not None}
        new = [each for cookie, each in shown.items() if cookie not in self._living]
        for told in new:
            reading = diag_message.reading(told, now_ns, self._source)
            reading = reading._replace(namespace=self._namespace, baseline=self._first, state=None)
            self._living[told.cookie] = reading
            self._tries[told.cookie] = 0
        fresh = {each.cookie for each in new}
        holders = self._holders()
        for cookie, holder in holders.items():
            self._living[cookie] = self._living[cookie]._replace(at_ns=now_ns, holder=holder)
        found += [self._living[cookie] for cookie in (*fresh, *(holders.keys() - fresh))]
        self._bury(shown.keys(), now_ns, found)
        self._first = False

    def _bury(self, shown: Collection[int], now_ns: int, found: list[Event]) -> None:
        """Tell the end of those that are gone; as root a look later.

        Who ends a connection first has the last word on it, and a tracer knows its bytes.
        """
        gone = self._living.keys() - shown
        for cookie in gone & self._gone if self._patient else gone:
            self._tries.pop(cookie, None)
            found.append(self._living.pop(cookie)._replace(at_ns=now_ns, final=True))
        self._gone = gone & self._living.keys()

    def hasten(self) -> None:
        """Look again at the next `read`, however soon that is."""
        self._due_ns = 0

    def close(self) -> None:
        """Let go of everything."""
        self._questions.close()

    def _table(self) -> Iterable[diag_message.Told]:
        """Yield what the table has; nothing where the kernel refuses: TCP is told all the same."""
        for family in (diag.INET, diag.INET6):
            try:
                self._questions.ask_family(family, diag.UDP, _CONNECTED)
                while (seen := self._questions.answer()) is not None:
                    for *_, begin, end in seen:
                        message = bytes(self._questions.view[begin:end])
                        yield diag_message.told(message, diag.UDP)
            except (OSError, diag.Unreadable):
                continue

    def _holders(self) -> dict[int, Holder]:
        """Return who holds sockets that nobody was found for yet, by cookie."""
        sought: dict[int, int] = {}
        for cookie, tries in list(self._tries.items()):
            inode = self._living[cookie].inode
            if tries >= _TRIES or inode is None:
                del self._tries[cookie]
            else:
                self._tries[cookie] = tries + 1
                sought[inode] = cookie
        found: dict[int, Holder] = {}
        for pid in list(self._processes) if sought else ():
            held = _sockets(pid)
            if held is None:
                del self._processes[pid]
                continue
            for inode in held & sought.keys():
                self._hold(found, sought[inode], pid)
        for cookie in found:
            self._tries.pop(cookie, None)
        return found

    def _hold(self, found: dict[int, Holder], cookie: int, pid: int) -> None:
        """Note a holder; of several it is the one born last, as far as can be told."""
        born, inode = _birth(pid), self._living[cookie].inode
        if born is None:
            return
        inherited = cookie in found or inode in (_sockets(born.parent) or ())
        before = found.get(cookie)
        if before is not None and (before.start_ticks or 0) > born.ticks:
            found[cookie] = before._replace(confidence=LIKELY)
            return
        confidence = LIKELY if inherited else EXACT
        found[cookie] = Holder(pid, born.ticks, confidence, born.name, born.parent)


def _sockets(pid: int) -> set[int] | None:
    """Return the inodes of a process's sockets; None: it is gone, or another user's."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    found = set()
    for name in names:
        try:
            link = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if link.startswith("socket:["):
            found.add(int(link[8:-1]))
    return found


def _birth(pid: int) -> _Born | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            before, _, behind = file.read().rpartition(b")")
    except OSError:
        return None
    fields = behind.split()
    name = before.partition(b"(")[2].decode("utf-8", "replace")
    return _Born(int(fields[_START]), int(fields[_PARENT]), name)
