"""Restores the terminal when everybody else of ours is dead; sits in a session of its own."""

import posix

from ptywrap.launch import errand
from ptywrap.launch.signals import signal
from ptywrap.launch.terminal import Terminal

GOODBYE = b"."
_HIGHEST = 1 << 16


def start(terminal: Terminal) -> tuple[int, int]:
    """Fork the guardian; return its pid and the pipe end whose last close wakes it.

    Outside the terminal's session, so that no SIGTTOU and no signal to our group stops it.
    """
    ours, theirs = posix.pipe()
    pid = posix.fork()
    if pid == 0:
        posix.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        errand.named("guard")
        _keep_only(ours, terminal.keys)
        if posix.read(ours, 1) != GOODBYE:
            terminal.restore()
        posix._exit(0)
    posix.close(ours)
    posix.set_blocking(theirs, False)
    return pid, theirs


def dismiss(descriptor: int) -> None:
    """Say goodbye: the terminal is as it should be."""
    try:
        posix.write(descriptor, GOODBYE)
    except OSError:
        pass
    posix.close(descriptor)


def _keep_only(*descriptors: int) -> None:
    """Close everything else: a pipe of the caller's must not stay open in us."""
    low = 0
    for descriptor in sorted(descriptors):
        posix.closerange(low, descriptor)
        low = descriptor + 1
    posix.closerange(low, _HIGHEST)
