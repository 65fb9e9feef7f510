"""Wait statuses, and what is told of them."""

import os
import signal
import sys

import pytest

from ptywrap.launch import status


def ended(code: int = 0, number: int = 0) -> int:
    """Return the wait status of a real child that exits with a code or dies by a signal."""
    pid = os.fork()
    if pid == 0:
        if number:
            signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
            os.kill(os.getpid(), number)
        os._exit(code)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("code", [0, 1, 37, 126, 127, 130, 255])
def test_an_exit_is_told_with_its_code(code: int) -> None:
    raw = ended(code)
    assert (status.code_of(raw), status.signal_of(raw)) == (code, None)
    assert status.said(raw) == b"exit %d\n" % code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGPIPE])
def test_a_death_is_told_with_its_signal(number: int) -> None:
    raw = ended(number=number)
    assert (status.code_of(raw), status.signal_of(raw)) == (None, number)
    assert status.said(raw) == b"signal %d\n" % number


def test_a_core_is_no_part_of_the_signal() -> None:
    assert status.signal_of(0x80 | 11) == 11


def test_a_signal_makes_the_status_of_its_death() -> None:
    assert status.of_signal(15) == ended(number=15)


def test_what_nobody_knows_is_255() -> None:
    assert status.said(status.UNKNOWN) == b"exit 255\n"


def test_the_last_field_of_stat_is_the_wait_status() -> None:
    line = b"7 (a b) c) Z " + b" ".join(b"%d" % number for number in range(48)) + b" 9472\n"
    assert status.from_stat(line) == 9472


@pytest.mark.parametrize("line", [b"", b"7 (sh) Z 1 2", b"7 (sh) Z " + b"x " * 49])
def test_a_stat_that_is_no_stat_tells_nothing(line: bytes) -> None:
    assert status.from_stat(line) == status.UNKNOWN


def test_the_kernel_keeps_the_status_of_a_zombie_in_its_stat() -> None:
    if sys.platform != "linux":
        pytest.skip("needs /proc: run it on Linux")
    pid = os.fork()
    if pid == 0:
        os._exit(37)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with open(f"/proc/{pid}/stat", "rb") as file:
        line = file.read()
    os.waitpid(pid, 0)
    assert status.from_stat(line) == 37 << 8
