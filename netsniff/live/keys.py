"""Reads keys one by one while a table is shown, and gives the terminal back as it was."""

import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator


def ours(descriptor: int) -> bool:
    """Say whether it is a terminal that is ours to draw on: we are not in its background."""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextlib.contextmanager
def single() -> Iterator[int | None]:
    """Yield the descriptor on which keys come without Enter; None where there is no terminal.

    Ctrl-C stays a signal. A process in the background is not the terminal's owner: to change its
    mode would stop us (SIGTTOU), so no keys are read there.
    """
    try:
        descriptor = sys.stdin.fileno()
        if not ours(descriptor):
            yield None
            return
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, AttributeError, termios.error):
        yield None
        return
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def pressed(descriptor: int) -> str:
    """Return the key that is there, "" at the end of the terminal."""
    return os.read(descriptor, 64)[:1].decode("ascii", "replace")
