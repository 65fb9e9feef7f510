"""Walks the children below each process every 10 ms: for every Linux; misses the short-lived."""

import os
import select
import sys
from collections.abc import Iterable

from ptywrap import clock
from ptywrap.lifecycle import membership, pidfds, proctree, usage
from ptywrap.lifecycle.base import RACED, SAMPLED, Event, Probe, Promise

assert sys.platform == "linux"

_LOOKS = 3
"""In so many walks after the first a process is asked again what it runs: exec follows fork."""


class ChildrenWalk:
    """The backend. Each process is held by a descriptor, which tells its end and status."""

    name = "procfs"
    promises = frozenset({Promise.UNPRIVILEGED})
    period_ns = 10_000_000
    verified = True

    def __init__(self) -> None:
        self._members = membership.Members(self.name)
        self._ends: select.epoll | None = None
        self._looks: dict[int, int] = {}

    def probe(self) -> Probe:
        """Look at our own entry."""
        if proctree.children(os.getpid()) is None:
            reason = "/proc is not mounted, or hides our own processes"
            return Probe(usable=False, reason=reason, remedy="mount proc on /proc")
        return Probe(usable=True)

    def open(self) -> None:
        """Begin; there is nothing to poll. Promises the exit status where the kernel keeps it."""
        self._ends = select.epoll()
        if pidfds.tells():
            self.promises = self.promises | {Promise.EXIT_STATUS}

    def follow(self, pid: int) -> None:
        """Take a process; the next walk tells it and what lives below."""
        members = self._members
        if pid in members.roots:
            return
        if pid in members.living:
            members.nest(pid)
        else:
            members.roots[pid] = None
            seen = proctree.stat(pid)
            if seen is not None:
                self._find(seen, pid)

    def leave(self, pid: int) -> None:
        """Forget a process and what lives below it."""
        self._members.leave(pid)
        self._looks = {each: n for each, n in self._looks.items() if each in self._members.living}

    def read(self) -> Iterable[Event]:
        """Tell who ended, who is new, and who runs something else than at the last look."""
        if self._ends is None:
            return []
        # Children of who just ended are found below their new parent no more: look below first.
        self._descend()
        for pid, looks in list(self._looks.items()):
            self._look(pid, looks)
        self._bury()
        return self._members.take()

    def close(self) -> None:
        """Let go of everything."""
        self._members.clear()
        self._members.take()
        self._looks.clear()
        if self._ends is not None:
            self._ends.close()
        self._ends = None

    def _descend(self) -> None:
        living = self._members.living
        queue = list(living)
        while queue:
            pid = queue.pop()
            for child in proctree.children(pid) or ():
                if child not in living:
                    seen = proctree.stat(child)
                    if seen is not None and pid in living:
                        self._find(seen, living[pid].root)
                        queue.append(child)

    def _find(self, seen: proctree.Stat, root: int) -> None:
        if seen.ended:
            return
        self._members.find(seen, root)
        self._looks[seen.pid] = _LOOKS
        held = self._members.hold(seen.pid)
        if held is not None and self._ends is not None:
            self._ends.register(held, select.EPOLLIN)

    def _look(self, pid: int, looks: int) -> None:
        member = self._members.living.get(pid)
        seen = proctree.stat(pid) if member is not None else None
        if member is None or seen is None or seen.start_ticks != member.start_ticks:
            self._looks.pop(pid, None)
            return
        argv, _ = proctree.argv(pid)
        if argv is not None and (member.program is None or member.program.argv != argv):
            self._members.tell_program(seen, clock.monotonic_ns())
        self._looks[pid] = looks - 1
        if looks <= 1:
            del self._looks[pid]

    def _bury(self) -> None:
        """Tell the end of who is gone: by its descriptor, or by its entry where we hold none."""
        ready = {held for held, _ in self._ends.poll(0)} if self._ends is not None else set()
        for pid, member in list(self._members.living.items()):
            if member.held in ready:
                self._end(pid, member)
            elif member.held is None:
                seen = proctree.stat(pid)
                if seen is None or seen.start_ticks != member.start_ticks or seen.ended:
                    self._end(pid, member)

    def _end(self, pid: int, member: membership.Member) -> None:
        seen = proctree.stat(pid)
        if seen is not None and seen.start_ticks == member.start_ticks:
            used = usage.zombie(seen, childless=pid not in self._members.parents)
            if used is not None:
                self._members.told.append(used)
        status = self._members.status(pid)
        self._looks.pop(pid, None)
        self._members.end(pid, clock.monotonic_ns(), status, SAMPLED if status is None else RACED)
