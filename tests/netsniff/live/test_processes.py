"""Who holds what, by name; who is below whom; who is over. With real children."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from netsniff.live.ledger import NOBODY, UNKNOWN, Owner
from netsniff.live.processes import Processes
from netsniff.model import EXACT, Connection, Holder


@pytest.fixture
def grandchild() -> Iterator[tuple[int, int]]:
    """Yield a shell of ours and a process below it."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout
        pid = int(shell.stdout.readline())
        while psutil.Process(pid).name() != "sleep":
            pass
        yield shell.pid, pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        shell.kill()


def a_connection(pid: int | None) -> Connection:
    """Return a connection of a process."""
    return Connection("tcp", pid=pid, process_ticks=7)


def met(processes: Processes, pid: int, name: str | None = None) -> Processes:
    """Return processes that have met one."""
    processes.meet(Holder(pid, 7, EXACT, name))
    return processes


def test_a_holder_is_named_when_it_is_met(grandchild: tuple[int, int]) -> None:
    pid = grandchild[1]
    assert met(Processes(), pid).owner(a_connection(pid)) == Owner("sleep", pid, 7)


def test_the_name_that_a_source_brought_counts(grandchild: tuple[int, int]) -> None:
    pid = grandchild[1]
    assert met(Processes(), pid, "curl").owner(a_connection(pid)).name == "curl"


def test_one_that_is_gone_has_no_name() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert met(Processes(), gone.pid).owner(a_connection(gone.pid)).name == UNKNOWN


def test_nobody_is_nobody() -> None:
    assert Processes().owner(a_connection(None)) == Owner(NOBODY, None)


def test_what_lives_below_the_root_is_wanted(grandchild: tuple[int, int]) -> None:
    shell, pid = grandchild
    assert met(Processes(shell), pid).wanted(a_connection(pid))


def test_what_lives_elsewhere_is_not_wanted(grandchild: tuple[int, int]) -> None:
    shell = grandchild[0]
    assert not met(Processes(shell), os.getpid()).wanted(a_connection(os.getpid()))


def test_a_child_that_is_gone_is_known_by_the_parent_that_was_told(
    grandchild: tuple[int, int],
) -> None:
    shell = grandchild[0]
    gone = subprocess.Popen(["true"])
    gone.wait()
    processes = Processes(shell)
    processes.meet(Holder(gone.pid, 7, EXACT, "curl", shell))
    assert processes.wanted(a_connection(gone.pid))


def test_a_process_is_new_twice(grandchild: tuple[int, int]) -> None:
    shell, pid = grandchild
    processes = Processes(shell)
    looks = [processes.look() for _ in range(3)]
    assert looks == [{shell, pid}, {shell, pid}, set()]


def test_who_has_ended_is_over(grandchild: tuple[int, int]) -> None:
    pid = grandchild[1]
    processes = met(Processes(), pid)
    owner = processes.owner(a_connection(pid))
    before = processes.over([owner])
    os.kill(pid, 9)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
    assert (before, processes.over([owner])) == ([], [owner])


def test_a_root_that_has_ended_lives_no_more() -> None:
    root = subprocess.Popen(["sleep", "60"])
    processes = Processes(root.pid)
    before = processes.root_lives()
    root.kill()
    root.wait()
    assert (before, processes.root_lives()) == (True, False)
