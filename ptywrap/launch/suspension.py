"""Stopping with the shell and going on with it (terminal.md 3.5, suspend)."""

import posix

import _signal
from ptywrap.launch.terminal import Terminal


def stop_group(terminal: Terminal) -> None:
    """Give the terminal back and stop our whole group; return when we are continued.

    SIGSTOP: a SIGTSTP is discarded for orphaned groups, and the outer shell watches the launcher.
    """
    terminal.restore()
    posix.kill(0, _signal.SIGSTOP)
    resumed(terminal)


def resumed(terminal: Terminal) -> None:
    """Take the terminal again after a SIGCONT; in the background (`bg`) stop once more."""
    while not terminal.in_foreground():
        posix.kill(0, _signal.SIGSTOP)
    terminal.make_raw()


def possible(above: int) -> bool:
    """Whether job control stands above us: the launcher's parent is in our session."""
    try:
        return posix.getsid(above) == posix.getsid(0)
    except OSError:
        return False
