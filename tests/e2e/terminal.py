"""A terminal for tests: a real pty, raw bytes, and waits that poll for what they wait for.

`PTYWRAP_TEST_LAUNCHER` puts another program into the launcher's place (`script`, say), to see
that a test can fail.
"""

import fcntl
import os
import re
import select
import shlex
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "ptywrap" / "launch" / "ptywrap.sh"
LAUNCHER = shlex.split(os.environ.get("PTYWRAP_TEST_LAUNCHER", str(PRODUCT)))
PROMPT = rb"ready> "
# What every wait grants a busy machine; no test asserts it.
PATIENCE_S = float(os.environ.get("PTYWRAP_TEST_PATIENCE_S", "20"))
# How finely a wait looks at what has no descriptor to poll.
STEP_MS = 2
# No pattern that is waited for spans more output than this.
REACH_BYTES = 16384
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<=>]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>]|\([A-Z])")

Attributes = list[int | list[bytes | int]]


class Start(NamedTuple):
    """How a program starts on its terminal; `before` runs in the child just before exec."""

    rows: int = 24
    columns: int = 80
    cwd: Path | None = None
    standard_error: int | None = None
    before: Callable[[], None] | None = None


class Terminal:
    """The outer side of a pty, with one program as the session leader on its inner side."""

    def __init__(
        self, argv: list[str], environment: Mapping[str, str], start: Start | None = None
    ) -> None:
        """Start `argv` on a pty of its own."""
        start = start or Start()
        self.master, self.slave = os.openpty()
        self.resize(start.rows, start.columns)
        self.at_first = self.attributes()
        self.output = bytearray()
        self.position = 0
        self.status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(argv, environment, self.slave, start)
        os.set_blocking(self.master, False)

    def attributes(self) -> Attributes:
        """Return the terminal's termios, as the next program on it would find them."""
        return termios.tcgetattr(self.slave)

    def raw(self) -> bool:
        """Tell whether the terminal is in raw mode: someone relays."""
        flags = self.attributes()[3]
        assert isinstance(flags, int)
        return not flags & (termios.ICANON | termios.ECHO | termios.ISIG)

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size; the kernel tells the foreground group."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def foreground(self) -> int:
        """Return the foreground process group of the terminal."""
        return os.tcgetpgrp(self.master)

    def read_once(self, wait_ms: int = STEP_MS) -> bytes:
        """Return what the program has written, empty if that is nothing within `wait_ms`."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        if not poll.poll(wait_ms):
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            # EIO: the inner side is closed; EAGAIN: it was a hang-up of nobody.
            return b""
        self.output += data
        return data

    def send(self, data: bytes) -> None:
        """Type `data`: writing comes first, reading goes on whenever writing must wait."""
        left = memoryview(data)
        deadline = time.monotonic() + PATIENCE_S
        while left:
            try:
                left = left[os.write(self.master, left) :]
            except BlockingIOError:
                self.read_once()
            assert time.monotonic() < deadline, f"{len(left)} bytes never went in"

    def line(self, text: str) -> None:
        """Type a line and Enter."""
        self.send(text.encode() + b"\r")

    def until(self, pattern: bytes, within_s: float = PATIENCE_S) -> bytes:
        """Return the output from where the last wait ended to the end of `pattern`."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + within_s
        since = self.position
        while not (found := expression.search(self.output, since)):
            since = max(since, len(self.output) - REACH_BYTES)
            seen = bytes(self.output[self.position :][-2000:])
            assert time.monotonic() < deadline, f"no {pattern!r} in {seen!r}"
            self.read_once()
        start, self.position = self.position, found.end()
        return bytes(self.output[start : self.position])

    def ask(self, line: str, pattern: bytes, within_s: float = PATIENCE_S) -> bytes:
        """Type a line and return the output up to `pattern`, which the line must not hold."""
        self.line(line)
        return self.until(pattern, within_s)

    def ended(self) -> bool:
        """Tell whether the program has ended, without waiting; its status is kept."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        return self.status is not None

    def stream(self, within_s: float = PATIENCE_S) -> Iterator[bytes]:
        """Yield the output until the program has ended and all of it is read."""
        deadline = time.monotonic() + within_s
        while True:
            over = self.ended()
            data = self.read_once(0 if over else STEP_MS)
            if data:
                yield data
            elif over:
                return
            assert time.monotonic() < deadline, f"no end; seen {bytes(self.output[-2000:])!r}"

    def finish(self, within_s: float = PATIENCE_S) -> int:
        """Read to the end and return the raw wait status."""
        for _data in self.stream(within_s):
            pass
        assert self.status is not None
        return self.status

    def close_window(self) -> None:
        """Close the window, as a terminal emulator does: the kernel hangs up."""
        for descriptor in (self.slave, self.master):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self.slave = -1

    def close(self) -> None:
        """Close the window and end what ran in it."""
        self.close_window()
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            _pid, self.status = os.waitpid(self.pid, 0)


def _become(argv: list[str], environment: Mapping[str, str], slave: int, start: Start) -> None:
    """Turn this freshly forked child into `argv` on `slave`; never returns."""
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(slave, descriptor)
        if start.standard_error is not None:
            os.dup2(start.standard_error, 2)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        # CPython ignores these two from its start; a terminal does not.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        if start.cwd is not None:
            os.chdir(start.cwd)
        if start.before is not None:
            start.before()
        os.execvpe(argv[0], argv, dict(environment))
    except OSError as error:
        os.write(2, f"{argv[0]}: {error}\r\n".encode())
    finally:
        os._exit(127)


def plain(output: bytes) -> bytes:
    """Return output without its escape sequences."""
    return ESCAPES.sub(b"", output)


def exit_code(status: int) -> int:
    """Return a raw wait status as shells say it, but death by signal as its negative."""
    return os.waitstatus_to_exitcode(status)


def wait_for(claim: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Tell whether `claim` comes true in time."""
    deadline = time.monotonic() + within_s
    nothing = select.poll()
    while not claim():
        if time.monotonic() > deadline:
            return False
        nothing.poll(STEP_MS)
    return True


def best_s(measure: Callable[[], float], bar_s: float, rounds: int = 3) -> float:
    """Return the best of up to `rounds` measurements; one that meets the bar is enough."""
    best = measure()
    for _round in range(rounds - 1):
        if best <= bar_s:
            break
        best = min(best, measure())
    return best
