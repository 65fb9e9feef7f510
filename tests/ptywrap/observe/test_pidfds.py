"""Ends are heard at once, of those that are held."""

import os
import select
import signal
import sys
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("pidfds are Linux's: run on Linux", allow_module_level=True)
assert sys.platform == "linux"

from ptywrap.observe.pidfds import Pidfds  # noqa: E402 - its module is Linux's alone

pytestmark = pytest.mark.linux


@pytest.fixture
def held() -> Iterator[Pidfds]:
    """Yield an empty set."""
    found = Pidfds()
    yield found
    found.close()


def a_sleeper() -> int:
    """Return a child that sleeps."""
    return os.posix_spawn("/bin/sleep", ["sleep", "60"], {})


def end(pid: int) -> None:
    """End a child."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def is_ready(held: Pidfds) -> bool:
    """Say whether the descriptor would wake a poll."""
    assert held.descriptor is not None
    return bool(select.select([held.descriptor], [], [], 0)[0])


def test_an_end_wakes_and_is_told_once(held: Pidfds) -> None:
    pid = a_sleeper()
    held.hold(pid)
    before = (is_ready(held), held.take())
    end(pid)
    assert before == (False, [])
    assert (is_ready(held), held.take(), held.take(), is_ready(held)) == (True, [pid], [], False)


def test_who_is_released_is_not_heard(held: Pidfds) -> None:
    pid = a_sleeper()
    held.hold(pid)
    held.release(pid)
    end(pid)
    assert (is_ready(held), held.take()) == (False, [])


def test_who_is_not_retained_is_not_heard(held: Pidfds) -> None:
    pids = [a_sleeper(), a_sleeper()]
    for pid in pids:
        held.hold(pid)
    held.retain({pids[1]})
    for pid in pids:
        end(pid)
    assert held.take() == [pids[1]]


def test_who_is_gone_already_is_not_held(held: Pidfds) -> None:
    pid = a_sleeper()
    end(pid)
    held.hold(pid)
    assert held.take() == []


def test_no_descriptor_is_left() -> None:
    before = len(os.listdir("/proc/self/fd"))
    held = Pidfds()
    pids = [a_sleeper() for _ in range(3)]
    for pid in pids:
        held.hold(pid)
        held.hold(pid)
    end(pids[0])
    held.take()
    held.close()
    for pid in pids[1:]:
        end(pid)
    assert len(os.listdir("/proc/self/fd")) == before
