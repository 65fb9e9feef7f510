"""Keeps the living processes below the followed ones, and words what is known of them."""

import os
import sys
from collections.abc import Iterator

from ptywrap import clock
from ptywrap.lifecycle import pidfds, proctree
from ptywrap.lifecycle.base import EXACT, SAMPLED, Completeness, Event, Exec, Exit, Fork

assert sys.platform == "linux"

_HELD = 256
"""How many processes are held by a descriptor, so that their status outlives their record."""


class Member:
    """A living process below a followed one."""

    __slots__ = ("held", "parent", "program", "root", "start_ticks", "walked_at")

    def __init__(self, start_ticks: int, parent: int, root: int, walked_at: int = 0) -> None:
        self.start_ticks = start_ticks
        self.parent = parent
        self.root = root
        self.walked_at = walked_at
        """When a walk found it; older events about it are void. 0: its birth was seen."""
        self.program: Exec | None = None
        self.held: int | None = None


class Members:
    """The living by pid; `told` collects what the next read gives."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.living: dict[int, Member] = {}
        self.parents: set[int] = set()
        """Who had children while we looked."""
        self.roots: dict[int, int | None] = {}
        """Each followed pid, and the root around it if it was followed below one."""
        self.told: list[Event] = []
        self.held = 0

    def take(self) -> list[Event]:
        """Return what there is to tell, once."""
        told, self.told = self.told, []
        return told

    def nest(self, pid: int) -> None:
        """Make a member the root of what lives below it."""
        self.roots[pid] = self.living[pid].root
        for each, member in self.living.items():
            if pid in self._line(each):
                member.root = pid

    def _line(self, pid: int) -> Iterator[int]:
        """Yield a member and those above it."""
        for _ in self.living:
            yield pid
            member = self.living.get(pid)
            if member is None:
                return
            pid = member.parent

    def leave(self, pid: int) -> None:
        """Forget a followed process and what lives below it, or give it to the root outside."""
        if pid not in self.roots:
            return
        outer = self.roots.pop(pid)
        for root, around in self.roots.items():
            if around == pid:
                self.roots[root] = outer
        for each, member in list(self.living.items()):
            if member.root == pid and outer is not None:
                member.root = outer
            elif member.root == pid:
                self.forget(each)

    def forget(self, pid: int) -> None:
        """Drop a member without a word."""
        member = self.living.pop(pid)
        self.parents.discard(pid)
        if member.held is not None:
            os.close(member.held)
            self.held -= 1

    def clear(self) -> None:
        """Let go of every process and descriptor."""
        for pid in list(self.living):
            self.forget(pid)
        self.roots.clear()

    def add(self, pid: int, member: Member, at: int, completeness: Completeness) -> None:
        """Tell a birth."""
        self.living[pid] = member
        self.parents.add(member.parent)
        parent = self.living.get(member.parent)
        ticks = None if parent is None else parent.start_ticks
        place = (member.start_ticks, ticks, member.root, self.source, completeness)
        self.told.append(Fork(pid, member.parent, at, *place))

    def find(self, seen: proctree.Stat, root: int) -> Member:
        """Tell of a process that a walk met: that it is, and what it runs now.

        Its birth counts as exact where the process was named to us: nothing of it is guessed.
        """
        now = clock.monotonic_ns()
        member = Member(seen.start_ticks, seen.ppid, root, now)
        completeness = EXACT if seen.pid == root else SAMPLED
        self.add(seen.pid, member, proctree.started_at(seen.start_ticks), completeness)
        self.tell_program(seen, now)
        return member

    def tell_program(self, seen: proctree.Stat, at: int) -> None:
        """Tell what a living member runs now."""
        argv, cut = proctree.argv(seen.pid)
        member = self.living[seen.pid]
        member.program = Exec(
            pid=seen.pid,
            at=at,
            argv=argv,
            exe=proctree.link(seen.pid, "exe"),
            cwd=proctree.link(seen.pid, "cwd"),
            argv_src="none" if argv is None else "proc",
            argv_cut=cut,
            name=seen.name,
            start_ticks=seen.start_ticks,
            source=self.source,
            completeness=SAMPLED,
        )
        self.told.append(member.program)

    def end(self, pid: int, at: int, status: int | None, completeness: Completeness) -> None:
        """Tell a death."""
        start_ticks = self.living[pid].start_ticks
        self.forget(pid)
        self.told.append(Exit(pid, at, status, start_ticks, self.source, completeness))

    def hold(self, pid: int, *, beyond: bool = False) -> int | None:
        """Hold a member by a descriptor while there are not too many (or `beyond` that)."""
        member = self.living[pid]
        if member.held is None and (beyond or self.held < _HELD):
            member.held = pidfds.hold(pid)
            self.held += member.held is not None
        return member.held

    def status(self, pid: int) -> int | None:
        """Return the wait status of a member that ended, from what can be trusted."""
        member = self.living[pid]
        return pidfds.ending(member.held, pid, member.start_ticks)
