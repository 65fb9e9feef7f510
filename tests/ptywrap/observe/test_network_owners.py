"""A socket's holder is found in the trees by pid and start, alive or ended lately."""

from pathlib import Path
from typing import Any

import pytest

from netsniff.model import Connection
from ptywrap import marks
from ptywrap.observe.network_owners import Owners
from ptywrap.observe.session import BARE, SHELL, Session
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Tree
from tests.ptywrap.observe import events

TICK = 10_000_000
NAME = "ab" * 16


class Family:
    """A shell, what it runs, and who owns which socket."""

    def __init__(self, folder: Path, mode: int) -> None:
        places = ("", "", "/bin/bash", "/")
        begin = marks.Begin(mode, 0, events.SHELL, 1, 1, 0, 0, *places, argv=())
        self.session = Session(folder, NAME, begin, Times())
        self.tree = Tree()
        self.owners = Owners(self.tree, {events.SHELL: self.session})
        self.tree.apply(events.a_fork(events.SHELL, 1, TICK, root=events.SHELL))
        self.tree.shell(events.SHELL, run=mode != SHELL)
        self.child = events.a_fork(200, events.SHELL, 50 * TICK)
        self.tree.apply(self.child)

    def end(self) -> None:
        """End the child, and let the tree forget it."""
        self.tree.apply(events.an_exit(self.child, 60 * TICK))
        for life in self.tree.settle(1 << 62):
            self.owners.ended(life)

    def of(self, pid: int, ticks: int | None) -> Any:
        """Return whose a socket is that a process holds."""
        connection = Connection("tcp", pid=pid, process_ticks=ticks, pid_confidence="exact")
        return self.owners.of(connection)


@pytest.fixture
def family(tmp_path: Path) -> Family:
    """Return a shell that runs one child."""
    return Family(tmp_path, SHELL)


def test_a_living_process_owns_its_sockets(family: Family) -> None:
    owner = family.of(200, 50)
    assert (owner.session, owner.entry.shell, owner.living) == (family.session, events.SHELL, True)


def test_one_that_has_ended_lately_owns_them_still(family: Family) -> None:
    family.end()
    owner = family.of(200, 50)
    assert (owner.entry.top_ns, owner.entry.ended_ns, owner.living) == (50 * TICK, 60 * TICK, False)


def test_a_start_that_was_reckoned_may_be_off_by_a_tick(family: Family) -> None:
    found = [family.of(200, ticks) is not None for ticks in (48, 49, 51, 52)]
    assert found == [False, True, True, False]


def test_another_process_of_the_same_pid_owns_nothing(family: Family) -> None:
    family.end()
    assert family.of(200, 9000) is None


def test_one_that_could_not_be_asked_when_it_began_is_known_by_its_pid(family: Family) -> None:
    assert family.of(200, None) is not None


def test_a_stranger_owns_nothing_of_ours(family: Family) -> None:
    assert (family.of(300, 50), family.of(1, 1)) == (None, None)


def test_a_shell_owns_its_own_sockets_as_a_shell(family: Family) -> None:
    owner = family.of(events.SHELL, 1)
    assert (owner.shell, owner.entry.shell) == (True, events.SHELL)


def test_the_command_of_a_run_is_no_shell(tmp_path: Path) -> None:
    owner = Family(tmp_path, BARE).of(events.SHELL, 1)
    assert (owner.shell, owner.entry.shell) == (False, events.SHELL)


def test_the_ended_of_a_session_can_be_forgotten(family: Family) -> None:
    family.end()
    family.owners.forget(family.session)
    assert family.of(200, 50) is None


def test_only_the_latest_of_very_many_ended_are_remembered(family: Family) -> None:
    family.end()
    for pid in range(1000, 2100):
        child = events.a_fork(pid, events.SHELL, 70 * TICK)
        family.tree.apply(child)
        family.tree.apply(events.an_exit(child, 71 * TICK))
    for life in family.tree.settle(1 << 62):
        family.owners.ended(life)
    assert (family.of(200, 50), family.of(2099, 70) is not None) == (None, True)
