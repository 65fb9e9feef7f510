"""Forks the user's shell or command first; everything else is imported after the fork.

A main file is compiled at each start, so this one is small. It runs under `python -I -S` with
the arguments of `errand.Errand`; only C modules are loaded before the fork (terminal.md 2).
"""

import _signal  # type: ignore[import-not-found]  # typeshed has no stub for it
import errno
import fcntl
import posix
import select
import sys
import termios
import time

STATUS = 5  # the launcher waits for its end of file
_NUMBERS = (STATUS, 8)  # of it and of the caller's stderr, unless the launcher names others
_DESCRIPTORS = 24
_OUR_FAULT = b"\xff\xff"  # leaving.OUR_FAULT
_CHILD: list[int] = []  # in the child: where its parent hears that it came to no exec
_LOADED = (errno, select, time)  # for the modules to come


def main() -> None:
    """Fork; the child becomes the shell, the parent its keeper."""
    status = _take_over()
    saved = None
    descriptors = [*posix.pipe(), *posix.pipe(), *posix.pipe()]
    if sys.argv[1] == "run" and not _in_front():
        sys.argv[1] = "bare"  # `ptywrap -- CMD &`: the terminal is another job's
    if sys.argv[1] == "shell" and not _in_front():
        raise BlockingIOError  # the real shell knows how to wait for its terminal
    if sys.argv[1] != "bare":
        saved = termios.tcgetattr(0)
        master, slave = posix.openpty()
        descriptors += [master, slave]
        termios.tcsetattr(slave, termios.TCSANOW, saved)
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    session = posix.urandom(16).hex()
    launcher = posix.getppid()
    pid = posix.fork()
    if pid == 0:
        _CHILD.append(descriptors[1])
    elif status != STATUS:
        _move(status)
    # Under -I the script's folder is not on the path. Last: nothing shadows the library.
    sys.path.append(__file__.rpartition("/ptywrap/launch/")[0])
    from ptywrap.launch import errand

    order = errand.Errand(sys.argv, session, launcher, descriptors, saved)
    if pid == 0:
        from ptywrap.launch import newborn

        newborn.become(order)
    elif order.relayed:
        from ptywrap.launch import keeper

        keeper.keep(order, pid)
    else:
        from ptywrap.launch import runner

        runner.run(order, pid)


def _take_over() -> int:
    """Take signals and descriptors as the launcher leaves them; return the status pipe's."""
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # ignored, it would take the status away
    # With fewer descriptors than this we would fail after the fork; now the launcher goes on alone.
    posix.close(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTORS))
    # Descriptor 2 is on /dev/null until here.
    status, errors = [int(word) for word in sys.argv[5] if word.isdigit()] or _NUMBERS
    try:
        posix.set_inheritable(status, False)
        posix.dup2(errors, 2)
        posix.close(errors)
    except OSError:
        pass  # no launcher above us: a test
    return status


def _move(status: int) -> None:
    """Have the status pipe where our modules expect it; 5 was the caller's, now the child's."""
    posix.dup2(status, STATUS, inheritable=False)
    posix.close(status)


def _in_front() -> bool:
    """Whether our job has the terminal."""
    try:
        return posix.tcgetpgrp(0) == posix.getpgrp()
    except OSError:
        return True  # nobody controls jobs on it


try:
    main()
except BaseException:  # noqa: BLE001 - one of the five tops: our fault is never the user's to read
    for descriptor in _CHILD:
        posix.write(descriptor, _OUR_FAULT)
    posix._exit(70)
