"""Watches one made-up program through a lifecycle backend and keeps what was told of it.

The program is Python that waits for a byte before it begins, and prints what is true, one
`key value...` a line: ground truth by construction.
"""

import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from ptywrap.lifecycle.base import Backend, Event, Exec, Exit, Fork, Gap, Usage

PATIENCE_S = 10.0
QUIET_S = 0.25


class Story(NamedTuple):
    """What was told, in order, and what the program printed."""

    root: int
    events: list[Event]
    truth: list[list[str]]

    def values(self, key: str) -> list[list[str]]:
        """The words after each `key` that the program printed."""
        return [words[1:] for words in self.truth if words[0] == key]

    def pids(self, key: str) -> list[int]:
        """The first number after each `key`."""
        return [int(words[0]) for words in self.values(key)]

    def forks(self, pid: int | None = None) -> list[Fork]:
        """Births, of one pid or all but the root's."""
        return [e for e in self.events if isinstance(e, Fork) and _is(e.pid, pid, self.root)]

    def execs(self, pid: int) -> list[Exec]:
        """Programs a process ran, as last told."""
        told = {e.at: e for e in self.events if isinstance(e, Exec) and e.pid == pid}
        return [told[at] for at in sorted(told)]

    def exits(self, pid: int | None = None) -> list[Exit]:
        """Deaths, of one pid or all but the root's."""
        return [e for e in self.events if isinstance(e, Exit) and _is(e.pid, pid, self.root)]

    def gaps(self) -> list[Gap]:
        """Losses."""
        return [e for e in self.events if isinstance(e, Gap)]

    def of(self, pid: int) -> list[Fork | Exec | Exit | Usage]:
        """All that was told of one process."""
        return [e for e in self.events if not isinstance(e, Gap) and e.pid == pid]


def _is(pid: int, wanted: int | None, root: int) -> bool:
    return pid == wanted if wanted is not None else pid != root


def until(done: Callable[[], bool], pause: Callable[[], None], patience_s: float | None) -> bool:
    """Pause until something is so; False when patience ran out."""
    deadline = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
    while not done():
        if time.monotonic() > deadline:
            return False
        pause()
    return True


class Watch:
    """A backend at work: collects what it tells."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.events: list[Event] = []
        self.poller = select.poll()
        self.descriptor = backend.open()
        if self.descriptor is not None:
            self.poller.register(self.descriptor, select.POLLIN)

    def follow(self, pid: int) -> None:
        """Follow as an observer does: what lives already is told at once."""
        self.backend.follow(pid)
        self.read()

    def read(self) -> None:
        """Take what is there."""
        self.events.extend(self.backend.read())

    def until(self, done: Callable[[], bool], patience_s: float | None = None) -> bool:
        """Read until something is so; False when patience ran out."""
        return until(done, self.pause, patience_s)

    def pause(self) -> None:
        """Wait as the backend wants it, and read."""
        if self.descriptor is None:
            time.sleep(self.backend.period_ns / 1e9)
            self.read()
        elif self.poller.poll(20):
            self.read()

    def quiet(self, length_s: float = QUIET_S) -> None:
        """Read for a while."""
        deadline = time.monotonic() + length_s
        while time.monotonic() < deadline:
            self.pause()

    def all_ended(self) -> bool:
        """Whether everybody who was born has ended."""
        born = {e.pid for e in self.events if isinstance(e, Fork)}
        return born <= {e.pid for e in self.events if isinstance(e, Exit)}


def start(code: str, *, interpreter: str = sys.executable) -> subprocess.Popen[bytes]:
    """Start a program that waits for `go`."""
    before = "import os,sys,time,signal,threading\nos.read(0,1)\n"
    before += "def say(*words): os.write(1, (' '.join(map(str, words)) + '\\n').encode())\n"
    return subprocess.Popen(
        [interpreter, "-I", "-S", "-c", before + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def go(child: subprocess.Popen[bytes]) -> None:
    """Let a program begin."""
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.close()


def number(child: subprocess.Popen[bytes]) -> int:
    """The number in the next line that a program prints."""
    assert child.stdout is not None
    return int(child.stdout.readline().split()[1])


def said(child: subprocess.Popen[bytes]) -> list[list[str]]:
    """What a program printed, once it and all that hold its output have ended."""
    assert child.stdout is not None
    text = child.stdout.read().decode()
    child.stdout.close()
    return [line.split() for line in text.splitlines()]


def watch(backend: Backend, code: str) -> Story:
    """Run a program under a backend, from before its begin to the end of all its processes."""
    child = start(code)
    try:
        watching = Watch(backend)
        watching.follow(child.pid)
        go(child)
        watching.until(lambda: child.poll() is not None)
        watching.until(watching.all_ended, 3.0)
        watching.quiet()
        return Story(child.pid, watching.events, said(child))
    finally:
        end(child)
        backend.close()


def end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a program behind."""
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()
    child.kill()
    child.wait()
