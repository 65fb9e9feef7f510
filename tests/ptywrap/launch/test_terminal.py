"""Raw mode, and a terminal's descriptor of our own."""

import os
import termios
from collections.abc import Iterator

import pytest

from ptywrap.launch import terminal

IUTF8 = 0o40000  # asm-generic/termbits.h; Python has no name for it


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Yield master and slave of a pty."""
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_raw_mode_keeps_every_bit_that_is_not_about_it(pair: tuple[int, int]) -> None:
    saved = termios.tcgetattr(pair[1])
    saved[0] |= termios.IXANY | IUTF8
    saved[3] |= termios.TOSTOP
    raw = terminal.raw(saved)
    assert isinstance(raw[0], int)
    assert isinstance(raw[3], int)
    assert raw[0] & (termios.IXANY | IUTF8) == termios.IXANY | IUTF8
    assert raw[3] & termios.TOSTOP


def test_raw_mode_passes_every_byte_both_ways(pair: tuple[int, int]) -> None:
    master, slave = pair
    termios.tcsetattr(slave, termios.TCSANOW, terminal.raw(termios.tcgetattr(slave)))
    every = bytes(range(256))
    os.write(master, every)
    inward = os.read(slave, 4096)
    os.write(slave, every)
    assert (inward, os.read(master, 4096)) == (every, every)


def test_raw_mode_changes_nothing_of_what_it_was_given(pair: tuple[int, int]) -> None:
    saved = termios.tcgetattr(pair[1])
    terminal.raw(saved)
    assert saved == termios.tcgetattr(pair[1])


def test_a_descriptor_of_our_own_does_not_block_and_leaves_the_other_as_it_is(
    pair: tuple[int, int],
) -> None:
    ours = terminal.reopened(pair[1], os.O_RDWR)
    try:
        assert (os.get_blocking(ours), os.get_blocking(pair[1])) == (False, True)
        assert not os.get_inheritable(ours)
        assert os.fstat(ours).st_rdev == os.fstat(pair[1]).st_rdev
    finally:
        os.close(ours)


def test_the_inner_terminal_tells_how_it_takes_input(pair: tuple[int, int]) -> None:
    master, slave = pair
    modes = termios.tcgetattr(slave)
    assert terminal.modes(master) == (True, True)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    assert terminal.modes(master) == (True, False)


def test_what_is_no_terminal_tells_nothing() -> None:
    reader, writer = os.pipe()
    assert terminal.modes(reader) is None
    os.close(reader)
    os.close(writer)


def test_a_parent_in_our_session_can_continue_us() -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os._exit(10 + terminal.job_control(os.getppid()))
    _pid, ended = os.waitpid(pid, 0)
    here = terminal.job_control(os.getppid()) or os.getsid(os.getppid()) != os.getsid(0)
    assert (os.waitstatus_to_exitcode(ended), here) == (10, True)
