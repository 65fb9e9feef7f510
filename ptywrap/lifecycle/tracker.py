"""Turns records of the process connector into observations of the followed processes alone."""

import select
import sys
from collections import deque
from collections.abc import Iterable, Sequence

from ptywrap import clock
from ptywrap.lifecycle import membership, proctree, records, usage
from ptywrap.lifecycle.base import ARGV_BYTES, EXACT, RACED, Completeness, Exec
from ptywrap.lifecycle.records import Record

assert sys.platform == "linux"

_RECENT = 4096
"""How many events of strangers are remembered, for one of them may be followed next."""


class Tracker:
    """Applies records; `poller` is told of descriptors that say when a process is really over."""

    def __init__(self, members: membership.Members, poller: select.epoll) -> None:
        self.members = members
        self.recent: deque[Record] = deque(maxlen=_RECENT)
        self.waiting: dict[int, int] = {}
        """Descriptor to pid: the thread-group leader exited, other threads did not."""
        self._poller = poller
        self._awaited: dict[int, int | None] = {}
        self._newborn: list[int] = []
        self._ending: set[int] = set()
        self._fresh: dict[int, int] = {}

    # -- who is followed -------------------------------------------------------------------

    def follow(self, pid: int, batch: Sequence[Record]) -> list[proctree.Stat]:
        """Take a process and what lives below it; tell those whose birth is not in `batch`.

        Returns those whose birth is in it: `complete` with them once `batch` was applied.
        """
        members = self.members
        if pid in members.roots:
            return []
        if pid in members.living:
            members.nest(pid)
            return []
        members.roots[pid] = None
        births = {each.pid: each.at for each in batch if each.kind == records.FORK}
        found = proctree.descendants(pid)
        if not found:
            self._awaited[pid] = None
        later = []
        for seen in found:
            at = births.get(seen.pid)
            if at is None or not _same_birth(seen.start_ticks, at):
                self.find(seen, pid)
                continue
            later.append(seen)
            if seen.pid == pid:
                self._awaited[pid] = seen.start_ticks
        return later

    def complete(self, later: Iterable[proctree.Stat], root: int) -> None:
        """Tell those whose birth was in the batch, but below no member that is left."""
        self._awaited.pop(root, None)
        for seen in later:
            if seen.pid not in self.members.living:
                now = proctree.stat(seen.pid)
                if now is not None and now.start_ticks == seen.start_ticks:
                    self.find(now, root)

    def find(self, seen: proctree.Stat, root: int) -> None:
        """Take a process that a walk met."""
        if seen.ended:
            return
        self.members.find(seen, root)
        self.members.hold(seen.pid)
        # Its exit event may have come already: it is sent before the process becomes a zombie
        # (do_exit, kernel/exit.c), and whom it wakes may take the CPU in between.
        if proctree.exiting(seen):
            self.wait(seen.pid)

    def forget_waiting(self) -> None:
        """Drop the descriptors of members that are no more."""
        held = {member.held for member in self.members.living.values()}
        self.waiting = {key: pid for key, pid in self.waiting.items() if key in held}

    # -- what happened ---------------------------------------------------------------------

    def apply(self, batch: Sequence[Record]) -> None:
        """Tell what a run of records says about members; keep the strangers' for a moment."""
        living = self.members.living
        self._ending = {each.pid for each in batch if each.kind == records.EXIT}
        self._fresh.clear()
        self._newborn.clear()
        for record, following in zip(batch, _following(batch), strict=True):
            if record.kind == records.FORK:
                self._fork(record)
            elif record.pid not in living:
                self.recent.append(record)
            elif record.kind == records.EXEC:
                self._exec(record, last=following != records.EXEC)
            elif record.kind == records.EXIT:
                self._exit(record, replaced=following == records.EXEC)
            else:
                self._late(record)
        for pid in self._newborn:
            if pid in living:
                self.members.hold(pid)

    def _fork(self, record: Record) -> None:
        living = self.members.living
        pid = record.pid
        old = living.get(pid)
        if old is not None:
            if _same_birth(old.start_ticks, record.at):
                return
            self._end(pid, record.at, None, RACED)
        parent = living.get(record.parent)
        if parent is None and not self._is_awaited(record):
            self.recent.append(record)
            return
        start_ticks = proctree.ticks_at(record.at)
        if pid not in self._ending:
            seen = proctree.stat(pid)
            if seen is not None and _same_birth(seen.start_ticks, record.at):
                start_ticks = seen.start_ticks
        root = pid if parent is None else parent.root
        self.members.add(pid, membership.Member(start_ticks, record.parent, root), record.at, EXACT)
        self._newborn.append(pid)

    def _is_awaited(self, record: Record) -> bool:
        if record.pid not in self._awaited:
            return False
        start_ticks = self._awaited[record.pid]
        return start_ticks is None or _same_birth(start_ticks, record.at)

    def _exec(self, record: Record, *, last: bool) -> None:
        pid = record.pid
        member = self.members.living[pid]
        if record.at < member.walked_at:
            return
        self._wait_no_more(member)
        name = None
        if last and pid not in self._ending:
            seen = proctree.stat(pid)
            if seen is not None and seen.start_ticks == member.start_ticks:
                name = seen.name
        argv, cut = _arguments(record.extra)
        member.program = Exec(
            pid,
            record.at,
            argv,
            exe=None,
            cwd=None,
            argv_src="none" if argv is None else "proc",
            argv_cut=cut,
            name=name,
            start_ticks=member.start_ticks,
            source=self.members.source,
            completeness=EXACT,
        )
        self._fresh[pid] = len(self.members.told)
        self.members.told.append(member.program)

    def _late(self, record: Record) -> None:
        """Put what was read a little later into the exec it belongs to; tell that again if old."""
        member = self.members.living[record.pid]
        program = member.program
        if program is None or program.at != record.at or record.extra is None:
            return
        if record.kind == records.PLACE:
            exe, _, cwd = record.extra.decode("utf-8", "backslashreplace").partition("\0")
            program = program._replace(exe=exe, cwd=cwd)
        else:
            argv, cut = _arguments(record.extra)
            program = program._replace(argv=argv, argv_cut=cut, argv_src="proc")
        member.program = program
        if record.pid in self._fresh:
            self.members.told[self._fresh[record.pid]] = program
        else:
            self._fresh[record.pid] = len(self.members.told)
            self.members.told.append(program)

    def _exit(self, record: Record, *, replaced: bool) -> None:
        """Tell an end, unless only the leader went: others go on, or one of them called exec."""
        pid = record.pid
        member = self.members.living[pid]
        # What a walk met may have ended before we had told of it, or be the next one of its pid.
        if replaced or (member.walked_at and proctree.ticks_at(record.at) < member.start_ticks):
            return
        seen = proctree.stat(pid)
        if seen is None or seen.start_ticks != member.start_ticks:
            known = None if member.held is None else self.members.status(pid)
            self._end(pid, record.at, record.status if known is None else known, EXACT)
        elif seen.ended:
            used = usage.zombie(seen, childless=pid not in self.members.parents)
            if used is not None:
                self.members.told.append(used)
            self._end(pid, record.at, seen.status or record.status, EXACT)
        elif seen.state == "Z":
            self.wait(pid)
        elif proctree.exiting(seen):
            self._end(pid, record.at, record.status, EXACT)

    # -- thread groups whose leader went first ---------------------------------------------

    def wait(self, pid: int) -> None:
        """Expect the end of a process whose leader went first."""
        held = self.members.hold(pid, beyond=True)
        if held is not None and held not in self.waiting:
            self.waiting[held] = pid
            self._poller.register(held, select.EPOLLIN)

    def _wait_no_more(self, member: membership.Member) -> None:
        if member.held is not None and self.waiting.pop(member.held, None) is not None:
            self._poller.unregister(member.held)

    def over(self, held: int) -> None:
        """Tell the end of a process whose last thread went now."""
        pid = self.waiting.get(held)
        if pid is not None and pid in self.members.living:
            self._end(pid, clock.monotonic_ns(), self.members.status(pid), RACED)

    def lose(self, pid: int, at: int) -> None:
        """Tell the end of a process that a walk did not meet any more."""
        self._end(pid, at, self.members.status(pid), RACED)

    def _end(self, pid: int, at: int, status: int | None, completeness: Completeness) -> None:
        self._wait_no_more(self.members.living[pid])
        self.members.end(pid, at, status, completeness)


def _same_birth(start_ticks: int, at: int) -> bool:
    """Say whether a start tick and the time of a fork event mean the same birth.

    The event is sent a little after the start time was taken.
    """
    return abs(start_ticks - proctree.ticks_at(at)) <= 1


def _following(batch: Sequence[Record]) -> list[int]:
    """Return for each record the kind of the next one of its pid; 0 where there is none."""
    after: dict[int, int] = {}
    kinds = [0] * len(batch)
    for position in range(len(batch) - 1, -1, -1):
        record = batch[position]
        kinds[position] = after.get(record.pid, 0)
        if record.kind in {records.FORK, records.EXEC, records.EXIT}:
            after[record.pid] = record.kind
    return kinds


def _arguments(extra: bytes | None) -> tuple[tuple[str, ...] | None, bool]:
    if not extra:
        return None, False
    return proctree.split(extra), len(extra) > ARGV_BYTES
