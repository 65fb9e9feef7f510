"""Finds out who holds a socket, by looking at processes when and where one is likely to appear."""

import bisect
import heapq
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from netsniff.sources import looks, schedule
from netsniff.sources.holders import EXACT, LIKELY, Hold, Holders, Stray

assert sys.platform == "linux"

_MOST = 256
_WHOLE = 8
"""Where a program's sockets appear is known; each so many looks all its descriptors are read."""
_MOST_NEWBORN = 512
_ALL_TRIES = frozenset({1, 4})
"""The tries at which all processes of the user are looked at, not those of interest alone."""

_WALK_SHARE = 20
"""For each ms of looking at all processes, so many without."""

Value = TypeVar("Value")
Tell = Callable[[Stray, Hold], None]


class Look:
    """Which sockets a process had, and when: what it has later and not here it got by itself."""

    __slots__ = ("at_ns", "sockets")

    def __init__(self, at_ns: int, sockets: frozenset[int]) -> None:
        self.at_ns, self.sockets = at_ns, sockets


class Newborn:
    """A process that called exec a moment ago."""

    __slots__ = (
        *("at_birth", "count", "looks", "others", "pid", "plan", "program", "seen", "since_ns"),
    )

    def __init__(self, pid: int, program: schedule.Program, since_ns: int) -> None:
        self.pid, self.program, self.since_ns = pid, program, since_ns
        self.plan = schedule.plan(program)
        self.looks = self.seen = 0
        self.count: int | None = None
        self.at_birth = Look(since_ns, frozenset())
        self.others: set[int] = set()
        """Sockets that need no second look."""


class Search:
    """Processes of interest, and the sockets they were seen with."""

    def __init__(self, owner: int | None, tell: Tell) -> None:
        self.owner = owner
        self.tell = tell
        self.holders = Holders()
        self.wanted_ns: int | None = None
        """When the table should be read, for a socket was seen that it has not shown."""
        self.found = 0
        self._programs = schedule.Programs()
        self._newborn: dict[int, Newborn] = {}
        self._due: list[tuple[int, int]] = []
        self._recent: dict[int, Look | None] = {}
        """Processes that came lately, the newest last."""
        self._walk_ns = 0
        """From when on all processes may be looked at again."""
        self._hot: dict[int, Look] = {}
        """Processes that had sockets, and which."""

    def born(self, pid: int, name: int, now_ns: int) -> bool:
        """Take a process that called exec this moment; say whether it will be looked at."""
        program = self._programs.met(name)
        _put(self._recent, pid, None)
        newborn = Newborn(pid, program, now_ns)
        if not newborn.plan or len(self._newborn) >= _MOST_NEWBORN:
            self._newborn.pop(pid, None)
            return False
        inherited = looks.sockets(pid)
        if inherited is None:  # it is gone, or another user's
            return False
        newborn.at_birth = Look(now_ns, frozenset(inherited))
        newborn.others.update(inherited)
        _put(self._recent, pid, newborn.at_birth)
        self._newborn[pid] = newborn
        heapq.heappush(self._due, (schedule.together(now_ns + newborn.plan[0]), pid))
        return True

    def arrived(self, pid: int) -> bool:
        """Take a process of which no more is known; say whether it is there and of interest.

        The number may be a thread's: threads and processes are counted alike.
        """
        if not looks.is_of(pid, self.owner) or looks.is_thread(pid):
            return False
        if pid in self._recent:
            return True
        now_ns = time.monotonic_ns()
        seen = looks.sockets(pid)
        _put(self._recent, pid, None if seen is None else Look(now_ns, frozenset(seen)))
        return True

    def next_ns(self) -> int | None:
        """Return when the next look is due."""
        return self._due[0][0] if self._due else None

    def look(self, now_ns: int) -> None:
        """Make the looks that are due."""
        due = self._due
        while due and due[0][0] <= now_ns:
            _, pid = heapq.heappop(due)
            newborn = self._newborn.get(pid)
            if newborn is None:
                continue
            since_ns = now_ns - newborn.since_ns
            if not self._look(newborn, now_ns) or not self._again(newborn, since_ns):
                del self._newborn[pid]

    def _again(self, newborn: Newborn, since_ns: int) -> bool:
        plan = newborn.plan
        position = bisect.bisect_right(plan, since_ns)
        if position == len(plan) or (newborn.seen and not schedule.goes_on(newborn.program)):
            return False
        due_ns = schedule.together(newborn.since_ns + plan[position])
        heapq.heappush(self._due, (due_ns, newborn.pid))
        return True

    def _look(self, newborn: Newborn, now_ns: int) -> bool:
        """Look at a process; False: it is gone."""
        pid, likely = newborn.pid, newborn.program.descriptor
        if likely >= 0:
            inode = looks.socket_at(pid, likely)
            if inode and inode not in newborn.others:
                self._see(newborn, inode, likely, now_ns)
                return True
            newborn.looks += 1
            if newborn.looks % _WHOLE:
                return True
        count = looks.descriptors(pid)
        if count is None:
            return False
        if count != newborn.count or not count:
            newborn.count = count
            for inode, descriptor in (looks.sockets(pid) or {}).items():
                if inode not in newborn.others:
                    self._see(newborn, inode, descriptor, now_ns)
        return True

    def _see(self, newborn: Newborn, inode: int, descriptor: int, now_ns: int) -> None:
        newborn.others.add(inode)
        if not self.holders.new(inode) or not looks.is_tcp(newborn.pid, descriptor):
            return
        newborn.seen += 1
        if newborn.seen == 1:
            schedule.opened(newborn.program, now_ns - newborn.since_ns, descriptor)
        else:
            newborn.program.again += 1
        self._hold(newborn.pid, inode, newborn.at_birth, now_ns)

    def seek(self, now_ns: int) -> None:
        """Look for who holds the sockets that only the table has shown."""
        sought = self.holders.sought(now_ns)
        if not sought:
            return
        started_ns = time.monotonic_ns()
        before = dict.fromkeys([*reversed(self._hot), *reversed(self._recent)])
        for pid in before:
            if not self._seek_in(pid, sought, now_ns):
                return
        strays = self.holders.strays
        everywhere = any(strays[inode].tries in _ALL_TRIES for inode in sought)
        if everywhere and now_ns >= self._walk_ns:
            for pid in looks.owned(self.owner):
                if pid not in before and not self._seek_in(pid, sought, now_ns):
                    break
            self._walk_ns = now_ns + (time.monotonic_ns() - started_ns) * _WALK_SHARE
        self.holders.missed(sought, now_ns)

    def _seek_in(self, pid: int, sought: set[int], now_ns: int) -> bool:
        """Look for sockets in one process; False: all were found."""
        seen = looks.sockets(pid)
        if seen is None:
            self._hot.pop(pid, None)
            self._recent.pop(pid, None)
            return True
        earlier = self._hot.get(pid) or self._recent.get(pid)
        for inode in sought & seen.keys():
            sought.discard(inode)
            self._hold(pid, inode, earlier, now_ns)
        if pid in self._hot:
            self._hot[pid] = Look(now_ns, frozenset(seen))
        return bool(sought)

    def _hold(self, pid: int, inode: int, earlier: Look | None, now_ns: int) -> None:
        """Note who holds a socket, and whether nobody else can have opened it."""
        born = looks.birth(pid)
        if born is None:
            return
        owner, confidence = pid, EXACT
        after_ns, before_ns = looks.began(born[1])
        if earlier is None or inode in earlier.sockets or after_ns > earlier.at_ns:
            first = self._first_of(born[0], inode)
            if first is not None:
                owner, born = first
            # Only a process that is younger than the socket can have got it from one that is gone.
            if first is not None or before_ns > self.holders.absent_ns(inode):
                confidence = LIKELY
        if confidence == EXACT and looks.may_be_handed(pid):
            confidence = LIKELY
        had = earlier.sockets if earlier else frozenset()
        _put(self._hot, pid, Look(now_ns, had | {inode}))
        hold = Hold(owner, born, confidence, now_ns)
        stray = self.holders.hold(inode, hold)
        self.found += 1
        if stray is not None:
            self.tell(stray, hold)
        elif self.wanted_ns is None:
            self.wanted_ns = now_ns

    def _first_of(self, pid: int, inode: int) -> tuple[int, tuple[int, int, bytes]] | None:
        """Return pid and birth of the first ancestor that holds a socket, too."""
        found = None
        while pid > 1:
            born = looks.birth(pid)
            if born is None:
                break
            if inode in (looks.sockets(pid) or ()):
                found = (pid, born)
            pid = born[0]
        return found

    def forget(self) -> None:
        """Give up all looks: there is no time left for them."""
        self._newborn.clear()
        self._due.clear()


def _put(processes: dict[int, Value], pid: int, value: Value) -> None:
    """Put a process last, and forget the first where there are too many."""
    processes.pop(pid, None)
    processes[pid] = value
    if len(processes) > _MOST:
        del processes[next(iter(processes))]
