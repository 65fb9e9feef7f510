"""Shells under observation, opened and typed into as a user would."""

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.bench import programs
from scripts.bench.outer import Outer
from scripts.bench.stand import Stand

PROMPT = b"READY> "


def opened(at: Stand) -> Outer:
    """Open one observed shell and wait for its prompt."""
    shell = programs.interactive(at.folder, "bash")
    outer = Outer(at.launcher, at.home.environ | {"SHELL": shell})
    outer.until(PROMPT)
    return outer


@contextmanager
def several(at: Stand, number: int) -> Iterator[list[Outer]]:
    """Open shells, each of which has run a command, and hang up on them in the end."""
    outers: list[Outer] = []
    try:
        for _ in range(number):
            outers.append(opened(at))
            command(outers[-1], b"/bin/true")
        yield outers
    finally:
        for outer in outers:
            outer.hang_up()


def command(outer: Outer, line: bytes, limit_s: float = 20.0) -> None:
    """Type a line and wait for the next prompt."""
    outer.send(line + b"\r")
    outer.until(PROMPT, limit_s)
