"""What processes used is found out from real ones, whose births and ends are told by hand."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ptywrap import clock
from ptywrap.lifecycle.base import Exit, Fork
from ptywrap.observe import system
from ptywrap.observe.expenses import Expenses
from ptywrap.observe.tree import Life, Tree
from tests.ptywrap.observe.events import a_fork, an_exit

if sys.platform != "linux":
    pytest.skip("reads /proc: run on Linux", allow_module_level=True)

from ptywrap.lifecycle import proctree

pytestmark = pytest.mark.linux

TICK = proctree.TICK_NS
# Waits for each of its children, and says who it was, when it lived and what it used.
PARENT = """
import os, sys, time
for line in sys.stdin:
    born = time.monotonic_ns()
    pid = os.fork()
    if pid == 0:
        until = time.process_time() + float(line)
        while time.process_time() < until:
            pass
        os._exit(0)
    _, _, used = os.wait4(pid, 0)
    spent = int((used.ru_utime + used.ru_stime) * 1e9)
    print(pid, born, time.monotonic_ns(), spent, flush=True)
"""


class Told(NamedTuple):
    """A child that ended: its events, and what the kernel told its parent."""

    fork: Fork
    exit: Exit
    spent_ns: int


class Family:
    """A living parent, and the expenses of its children; this process is its shell."""

    def __init__(self) -> None:
        """Start the parent and tell of its birth."""
        words = [sys.executable, "-I", "-S", "-c", PARENT]
        self.process = subprocess.Popen(words, stdin=-1, stdout=-1, text=True)
        self.tree = Tree()
        self.tree.shell(os.getpid())
        self.expenses = Expenses(self.tree, system(), lambda _: True)
        self.expenses.complete = True
        seen = proctree.stat(self.process.pid)
        assert seen is not None
        self.root = a_fork(self.process.pid, os.getpid(), clock.monotonic_ns(), root=os.getpid())
        self.root = self.root._replace(start_ticks=seen.start_ticks)
        self.tell(self.root)

    def burn(self, seconds: float) -> Told:
        """Have it start a child that computes for some time, and wait for it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seconds, file=self.process.stdin, flush=True)
        pid, born_ns, ended_ns, spent_ns = map(int, self.process.stdout.readline().split())
        fork = a_fork(pid, self.process.pid, born_ns, root=os.getpid())
        return Told(fork, an_exit(fork, ended_ns), spent_ns)

    def tell(self, *events: Fork | Exit) -> None:
        """Tell of events, as a backend does."""
        for event in events:
            life = self.tree.apply(event)
            self.expenses.saw(event)
            if life is not None:
                self.expenses.keep(life, clock.monotonic_ns())
        self.expenses.read(clock.monotonic_ns())

    def close(self) -> None:
        """End the parent."""
        self.expenses.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def family() -> Iterator[Family]:
    """Yield a parent."""
    found = Family()
    yield found
    found.close()


def total_ns(life: Life) -> int | None:
    """Return what one used."""
    cost = life.cost
    return None if cost.user_ns is None else cost.user_ns + (cost.sys_ns or 0)


def test_a_child_that_is_gone_is_told_by_what_its_parent_reaped(family: Family) -> None:
    told = family.burn(0.2)
    family.tell(told.fork, told.exit)
    (life,) = family.expenses.ready(clock.monotonic_ns(), flush=True)
    assert life.cost.source == "ledger"
    assert abs((total_ns(life) or 0) - told.spent_ns) <= 2 * TICK


def test_children_are_told_apart_by_readings_between_them(family: Family) -> None:
    truth, found = [], []
    for seconds in (0.15, 0.05, 0.1):
        told = family.burn(seconds)
        family.tell(told.fork, told.exit)
        truth.append(told.spent_ns)
        found += family.expenses.ready(clock.monotonic_ns(), flush=True)
    off = [abs((total_ns(life) or 0) - spent) for life, spent in zip(found, truth, strict=True)]
    assert max(off) <= 2 * TICK


def test_two_that_nobody_read_between_are_not_told_apart(family: Family) -> None:
    first, second = family.burn(0.1), family.burn(0.1)
    family.tell(first.fork, first.exit, second.fork, second.exit)
    ready = family.expenses.ready(clock.monotonic_ns(), flush=True)
    assert [total_ns(life) for life in ready] == [None, None]


def test_who_has_ended_is_kept_back_until_his_parents_reading_counts(family: Family) -> None:
    first = family.burn(0.05)
    family.tell(first.fork, first.exit)
    assert family.expenses.ready(clock.monotonic_ns()) == []
    second = family.burn(0.05)
    family.tell(second.fork, second.exit)
    assert [life.pid for life in family.expenses.ready(clock.monotonic_ns())] == [first.fork.pid]


def test_nobody_is_kept_back_for_ever(family: Family) -> None:
    told = family.burn(0.05)
    family.tell(told.fork, told.exit)
    due_ns = family.expenses.due_ns()
    assert due_ns is not None
    late_ns = due_ns + 200_000_000
    assert [life.pid for life in family.expenses.ready(late_ns)] == [told.fork.pid]


def test_where_not_every_process_is_seen_sums_are_of_unknown_ones(family: Family) -> None:
    family.expenses.complete = False
    told = family.burn(0.05)
    family.tell(told.fork, told.exit)
    (life,) = family.expenses.ready(clock.monotonic_ns())
    assert total_ns(life) is None


def test_a_look_tells_the_peak_of_who_lives(family: Family) -> None:
    family.burn(0.01)
    life = family.tree.live[family.process.pid]
    family.expenses.look(life.born_ns + 10_000_000_000)
    assert (life.cost.peak_rss_bytes or 0) > 1 << 20
    assert life.cost.completeness == "sampled"


def test_the_end_of_who_was_looked_at_is_heard_before_any_event(family: Family) -> None:
    family.burn(0.01)
    life = family.tree.live[family.process.pid]
    family.expenses.look(life.born_ns + 10_000_000_000)
    family.process.kill()
    os.waitid(os.P_PID, family.process.pid, os.WEXITED | os.WNOWAIT)
    family.expenses.hear()
    assert life.cost.source == "zombie"
    assert total_ns(life) is not None


def test_the_end_of_a_held_child_has_its_parent_read(family: Family) -> None:
    assert family.process.stdin is not None
    assert family.process.stdout is not None
    print(0.3, file=family.process.stdin, flush=True)
    pid = _only_child(family.process.pid)
    fork = a_fork(pid, family.process.pid, clock.monotonic_ns(), root=os.getpid())
    seen = proctree.stat(pid)
    assert seen is not None
    fork = fork._replace(start_ticks=seen.start_ticks)
    family.tell(fork)
    family.expenses.look(fork.at + 10_000_000_000)
    _, _, ended_ns, spent_ns = map(int, family.process.stdout.readline().split())
    family.expenses.hear()
    # Another that nobody tells of before the first one's end is known.
    family.burn(0.1)
    family.tell(an_exit(fork, ended_ns))
    (life,) = family.expenses.ready(clock.monotonic_ns(), flush=True)
    assert abs((total_ns(life) or 0) - spent_ns) <= 2 * TICK


def _only_child(pid: int) -> int:
    deadline = time.monotonic() + 10
    while not (found := proctree.children(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return found[0]


def test_nothing_is_due_when_nobody_runs(family: Family) -> None:
    family.expenses.look(1 << 62)
    family.tell(an_exit(family.root, clock.monotonic_ns()))
    family.expenses.ready(clock.monotonic_ns(), flush=True)
    family.expenses.look(1 << 62)
    assert family.expenses.due_ns() is None
