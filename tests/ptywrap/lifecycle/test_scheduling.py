"""The reader's place in the scheduler: set, and read back by another way."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptywrap.lifecycle import scheduling
from tests import account as accounts
from tests import home as homes

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

SHORTEN = "import os; from ptywrap.lifecycle import scheduling as s; os.nice(5); "
SHORTEN += "print(s.hasten(os.getpid(), 100_000), os.sched_getscheduler(0), os.nice(0))"


@pytest.fixture
def sleeper() -> Iterator[int]:
    """Yield the pid of a process that does nothing."""
    child = subprocess.Popen(["/bin/sleep", "60"])
    yield child.pid
    child.kill()
    child.wait()


def test_a_short_slice_is_taken_and_leaves_niceness_alone(sleeper: int) -> None:
    os.setpriority(os.PRIO_PROCESS, sleeper, 7)
    if scheduling.shorten(sleeper, 200_000) == 0:
        pytest.skip("the kernel has no slices to give: Linux 6.12 or newer has")
    assert scheduling.shorten(sleeper, 100_000) == 100_000
    assert os.getpriority(os.PRIO_PROCESS, sleeper) == 7


@pytest.mark.root
def test_root_runs_before_all_others(sleeper: int) -> None:
    scheduling.hasten(sleeper, 100_000)
    assert os.sched_getscheduler(sleeper) == os.SCHED_FIFO


def test_an_ordinary_user_keeps_its_policy_and_niceness(
    second: accounts.Account, second_home: homes.Home
) -> None:
    argv: list[str | Path] = [second.python, "-c", SHORTEN]
    done = accounts.run_as(second, argv, second_home.environ, cwd=second.checkout)
    slice_ns, policy, nice = done.stdout.split()
    assert (slice_ns in {"0", "100000"}, policy, nice) == (True, str(os.SCHED_OTHER), "5")


def test_a_process_that_is_gone_is_no_error() -> None:
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    assert scheduling.hasten(child.pid, 100_000) == 0
