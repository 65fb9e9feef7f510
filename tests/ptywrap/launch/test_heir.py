"""The exit status of a process that is not our child."""

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

from ptywrap.launch import heir, status

if sys.platform != "linux":
    pytest.skip("needs pidfd and /proc: run it on Linux", allow_module_level=True)


def a_strangers_child(end: Callable[[], None], reap: bool) -> tuple[int, int, int]:
    """Return pidfd and pid of a grandchild that has ended, and its parent's pid."""
    reader, writer = os.pipe()
    go_reader, go_writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        pid = os.fork()
        if pid == 0:
            os.read(go_reader, 1)
            end()
        os.write(writer, pid.to_bytes(4, "little"))
        os.waitid(os.P_PID, pid, os.WEXITED | (0 if reap else os.WNOWAIT))
        os.write(writer, b"done")
        time.sleep(60)
        os._exit(0)
    pid = int.from_bytes(os.read(reader, 4), "little")
    descriptor = os.pidfd_open(pid)
    os.write(go_writer, b".")
    os.read(reader, 4)
    for number in (reader, writer, go_reader, go_writer):
        os.close(number)
    return descriptor, pid, parent


def status_of(end: Callable[[], None], *, reap: bool) -> int:
    """Return what the heir finds out."""
    descriptor, pid, parent = a_strangers_child(end, reap)
    try:
        return heir.status_of(descriptor, pid)
    finally:
        os.close(descriptor)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)


def exit_37() -> None:
    """Exit."""
    os._exit(37)


def kill_self() -> None:
    """Die by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_status_of_a_zombie_is_read() -> None:
    assert status_of(exit_37, reap=False) == 37 << 8


def test_the_signal_of_a_zombie_is_read() -> None:
    assert status_of(kill_self, reap=False) == signal.SIGKILL


def test_the_status_of_a_reaped_process_is_told_by_its_pidfd() -> None:
    found = status_of(exit_37, reap=True)
    if found == status.UNKNOWN:
        pytest.skip("this kernel keeps no exit status for a pidfd: PIDFD_GET_INFO came with 6.15")
    assert found == 37 << 8


def test_a_process_that_runs_has_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heir, "_PATIENCE_NS", 0)
    descriptor = os.pidfd_open(os.getpid())
    try:
        assert heir.status_of(descriptor, os.getpid()) == status.UNKNOWN
    finally:
        os.close(descriptor)
