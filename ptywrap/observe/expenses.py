"""Finds out what processes used: looks at the living, hears ends, reads what parents have reaped.

All of it is read from /proc within one hundredth of a core, after the events that were waiting,
and nothing while no command runs. Who has ended is kept back for a moment, until his parent's sums
can be read with everything known that happened before.
"""

import os
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from ptywrap import clock
from ptywrap.lifecycle.base import EXACT, RACED, Event, Exit, Fork, Gap, Usage
from ptywrap.observe import ends
from ptywrap.observe.base import Kernel
from ptywrap.observe.ledger import Ended, Ledger, Share
from ptywrap.observe.looks import Budget, Looks
from ptywrap.observe.tree import Life, Tree

_WAIT_NS = 100_000_000
"""Events come later than this only on a very busy machine."""
_SETTLED_NS, _YOUNG_NS = 10_000_000, 30_000_000
"""Who has lived for so long may well live on; most of a script's never do. Nobody waits longer."""
_FOREVER = 1 << 62


class _Waiting(NamedTuple):
    life: Life
    until_ns: int


class Expenses:
    """What the living and the ended used; `runs` says of whom it is worth a look."""

    def __init__(self, tree: Tree, kernel: Kernel, runs: Callable[[int], bool]) -> None:
        self._tree = tree
        self._kernel = kernel
        self._runs = runs
        self._budget = Budget()
        self.looks = Looks(self._budget)
        self.complete = False
        """Whether every process is seen, however short its life: else sums are of unknown ones."""
        self._ledger = Ledger(1_000_000_000 // os.sysconf("SC_CLK_TCK"))
        self._ends = ends()
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._told: set[tuple[int, int]] = set()
        self._dirty: set[int] = set()
        self._found: list[int] = []
        self._newborn: list[tuple[int, int]] = []
        self._until_ns = 0
        self._doubt_ns = 0

    @property
    def descriptor(self) -> int | None:
        """What to poll: somebody who was looked at has ended."""
        return self._ends.descriptor

    def due_ns(self) -> int | None:
        """Return when to look, or to let go of those kept back."""
        dues = [one.until_ns for one in islice(self._waiting.values(), 1)]
        dues += [at_ns + _YOUNG_NS for _, at_ns in self._newborn[:1]]
        looking = self.looks.due_ns()
        return min([*dues, looking] if looking is not None else dues, default=None)

    def close(self) -> None:
        """Let go of all descriptors."""
        self._ends.close()

    # -- what happens ----------------------------------------------------------------------

    def hear(self) -> None:
        """Read what those used that ended this moment, before anything else is done."""
        for pid in self._ends.take():
            life = self._tree.live.get(pid)
            if life is None:
                continue
            begun_ns = clock.cpu_ns()
            used = self._kernel.buried(pid, life.start_ticks)
            if used is None:
                self._read(life.ppid)
            else:
                life.used[used.source] = used
                if self._ledger.has(pid):
                    self._read(pid)
            self._spend(begun_ns)

    def saw(self, event: Event) -> None:
        """Take one event, after the tree has."""
        if isinstance(event, Fork):
            self._until_ns = max(self._until_ns, event.at)
            self.looks.born(event.at)
            self._newborn.append((event.pid, event.at))
            if event.pid == event.root:
                self._found += [event.pid, event.ppid]
            elif event.completeness != EXACT and self.complete:
                self._found.append(event.pid)
        elif isinstance(event, Exit):
            self._until_ns = max(self._until_ns, event.at)
            self._gone(event.pid)
        elif isinstance(event, Gap):
            self._doubt_ns = event.until
            self._ledger.doubt()

    def keep(self, life: Life, now_ns: int) -> None:
        """Keep one back that has ended."""
        if self.complete:
            self._end(life)
        wait_ns = _WAIT_NS if self.complete else 0
        self._waiting[life.pid, life.start_ticks] = _Waiting(life, now_ns + wait_ns)
        if self._ledger.has(life.ppid):
            self._dirty.add(life.ppid)

    def conclude(self, life: Life) -> None:
        """Find out at once what one used that has ended."""
        if not self.complete:
            return
        self._end(life)
        self._waiting[life.pid, life.start_ticks] = _Waiting(life, 0)
        self._read(life.ppid)
        self._settle(_FOREVER)
        self._waiting.pop((life.pid, life.start_ticks), None)
        if life.ppid not in self._tree.live:
            self._ledger.forget(life.ppid)

    def prune(self) -> None:
        """Forget those who are no more in the tree, though nobody saw them end."""
        living = self._tree.live
        self._ends.retain(living)
        self.looks.retain(living)
        wanted = {*living, *(life.ppid for life in living.values())}
        for pid in [pid for pid in self._ledger.pids() if pid not in wanted]:
            self._ledger.forget(pid)

    def read(self, now_ns: int) -> None:
        """Read the parents of those that have ended, if it may cost something."""
        begun_ns = clock.cpu_ns()
        for pid in self._found:
            reading = self._kernel.reaped(pid)
            if reading is not None:
                self._ledger.found(reading)
        self._found.clear()
        if self._budget.due_ns() <= now_ns:
            for pid in self._dirty:
                self._read(pid)
            self._dirty.clear()
        self._spend(begun_ns)
        self._hold(now_ns)

    def _hold(self, now_ns: int) -> None:
        """Hold those that have lived for a moment: events of their ends will come much later."""
        settled_ns = now_ns - _SETTLED_NS
        if not self._newborn or self._newborn[0][1] > settled_ns:
            return
        begun_ns = clock.cpu_ns()
        if self._budget.due_ns() <= now_ns:
            for pid, at_ns in self._newborn:
                if at_ns <= settled_ns and pid in self._tree.live:
                    self._ends.hold(pid)
        self._newborn = [one for one in self._newborn if one[1] > settled_ns]
        self._spend(begun_ns)

    def look(self, now_ns: int) -> None:
        """Look at the living that are due."""
        self._hold(now_ns)
        due_ns = self.looks.due_ns()
        if due_ns is None or due_ns > now_ns:
            return
        begun_ns = clock.cpu_ns()
        for pid in self.looks.take(now_ns, list(self._tree.live.values()), self._runs):
            life = self._tree.live.get(pid)
            used = self._kernel.look(pid)
            if life is not None and used is not None and used.start_ticks == life.start_ticks:
                life.used[used.source] = used
                self._ends.hold(pid)
        self._spend(begun_ns)

    def ready(self, now_ns: int, *, flush: bool = False) -> list[Life]:
        """Return those kept back of which all is known that will be, or who waited long enough."""
        if not self._waiting:
            return []
        if flush:
            begun_ns = clock.cpu_ns()
            for pid in self._dirty:
                self._read(pid)
            self._dirty.clear()
            self._spend(begun_ns)
        self._settle(_FOREVER if flush else max(self._until_ns, now_ns - _WAIT_NS))
        done = [
            key
            for key, one in self._waiting.items()
            if flush or key in self._told or one.until_ns <= now_ns
        ]
        self._told.clear()
        return [self._waiting.pop(key).life for key in done]

    # -- the ledger ------------------------------------------------------------------------

    def _end(self, life: Life) -> None:
        """Put one who ended on his parent's account."""
        self._account(life.ppid)
        used = life.used.get("zombie")
        cpu_ns = None if used is None else (used.user_ns or 0) + (used.sys_ns or 0)
        ended_ns = life.ended_ns or life.born_ns
        who = Ended(life.pid, life.start_ticks, life.born_ns, ended_ns, cpu_ns)
        self._ledger.ended(who, life.ppid)

    def _account(self, pid: int) -> None:
        """Begin the account of a parent whose birth we saw: it had no children before."""
        parent = self._tree.live.get(pid)
        if parent is not None and parent.born == EXACT and parent.born_ns > self._doubt_ns:
            self._ledger.born(pid, parent.start_ticks)

    def _read(self, pid: int) -> None:
        reading = self._kernel.reaped(pid)
        if reading is None:
            return
        self._account(pid)
        self._ledger.read(reading)

    def _settle(self, until_ns: int) -> None:
        for share in self._ledger.settle(until_ns):
            key = (share.pid, share.start_ticks)
            waiting = self._waiting.get(key)
            if waiting is not None:
                self._told.add(key)
                _tell(waiting.life, share)

    def _gone(self, pid: int) -> None:
        self.looks.gone(pid)
        self._ends.release(pid)

    def _spend(self, begun_ns: int) -> None:
        self._budget.spend(clock.monotonic_ns(), clock.cpu_ns() - begun_ns)


def _tell(life: Life, share: Share) -> None:
    if share.user_ns is None and share.read_bytes is None and share.write_bytes is None:
        return
    life.used["ledger"] = Usage(
        share.pid,
        life.ended_ns or 0,
        share.user_ns,
        share.sys_ns,
        None,
        share.read_bytes,
        share.write_bytes,
        share.start_ticks,
        source="ledger",
        completeness=RACED,
    )
