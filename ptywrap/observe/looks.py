"""When to look at which living process: often while it is young, never for more than our share.

A look tells what a process used so far. The first is due when it has lived for 100 ms, the next a
sixteenth of its age later: so what it used after the last one is a small part of all. What looks
cost is at most one hundredth of a core: if they cost more, they wait, and how long is known.
"""

from collections.abc import Callable, Container, Iterable
from typing import Protocol

_FIRST_NS = 100_000_000
_PAUSE_NS = 200_000_000
_AGE = 16
_SHARE = 100
_NEVER_NS = 1 << 62
_BURST_NS = 1_000_000_000
_PATIENCE_NS = 2_000_000_000
"""So long after its birth a process may turn out to be part of a command that runs."""


class Lives(Protocol):
    """One of the living."""

    pid: int
    born_ns: int


class Budget:
    """One hundredth of a core; what a second of silence saves may be spent at once."""

    def __init__(self) -> None:
        self._even_ns = 0

    def due_ns(self) -> int:
        """Return from when on something may be spent."""
        return self._even_ns

    def spend(self, now_ns: int, cpu_ns: int) -> None:
        """Take that something cost so much CPU time."""
        self._even_ns = max(self._even_ns, now_ns - _BURST_NS) + cpu_ns * _SHARE


class Looks:
    """When each of the living is to be looked at next; times are CLOCK_MONOTONIC ns."""

    def __init__(self, budget: Budget) -> None:
        self.stretch_permille = 1000
        """The longest pause between looks, by what it should have been: the budget stretches it."""
        self._budget = budget
        self._next: dict[int, int] = {}
        self._last_ns = 0
        self._due_ns = _NEVER_NS

    def born(self, at_ns: int) -> None:
        """Take that somebody was born."""
        due_ns = max(at_ns + _FIRST_NS, self._last_ns + _PAUSE_NS)
        self._due_ns = min(self._due_ns, due_ns)

    def gone(self, pid: int) -> None:
        """Forget one."""
        self._next.pop(pid, None)

    def retain(self, living: Container[int]) -> None:
        """Forget all others."""
        self._next = {pid: next_ns for pid, next_ns in self._next.items() if pid in living}

    def due_ns(self) -> int | None:
        """Return when to look, None: at nobody."""
        return None if self._due_ns == _NEVER_NS else max(self._due_ns, self._budget.due_ns())

    def take(self, now_ns: int, living: Iterable[Lives], runs: Callable[[int], bool]) -> list[int]:
        """Return whom to look at now: those that are due, of commands that run."""
        due_ns = self.due_ns()
        if due_ns is None or now_ns < due_ns:
            return []
        pause_ns = _PAUSE_NS + now_ns - self._due_ns
        self.stretch_permille = max(self.stretch_permille, pause_ns * 1000 // _PAUSE_NS)
        self._last_ns, self._due_ns = now_ns, _NEVER_NS
        chosen: list[int] = []
        for one in living:
            age_ns = now_ns - one.born_ns
            running = runs(one.pid)
            if not running and age_ns > _PATIENCE_NS:
                continue
            next_ns = self._next.get(one.pid, one.born_ns + _FIRST_NS)
            if running and next_ns <= now_ns + _PAUSE_NS // 2 and age_ns >= _FIRST_NS:
                chosen.append(one.pid)
                next_ns = self._next[one.pid] = now_ns + max(_PAUSE_NS, age_ns // _AGE)
            self._due_ns = min(self._due_ns, max(next_ns, now_ns + _PAUSE_NS))
        return chosen
