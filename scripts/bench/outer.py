"""The terminal side of a measurement: a pty, whoever runs in it, and nothing between."""

import fcntl
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_READ = 65536


class Ended(NamedTuple):
    """How a run went: seconds from start to reaped, bytes shown, CPU of all it waited for."""

    seconds: float
    shown: int
    cpu_s: float
    status: int


class Outer:
    """A process in a pty of its own, seen from the terminal."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self.descriptor = os.forkpty()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], list(argv), dict(environ))
            finally:
                os._exit(127)
        size = struct.pack("4H", 24, 80, 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, size)

    def until(self, mark: bytes, limit_s: float = 20.0) -> bytes:
        """Read until `mark` was shown; return all that was. TimeoutError says what came instead."""
        shown = bytearray()
        deadline = time.perf_counter() + limit_s
        while mark not in shown:
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise TimeoutError(f"no {mark!r} in {bytes(shown[-200:])!r}")
            try:
                shown += os.read(self.descriptor, _READ)
            except OSError:
                raise TimeoutError(f"it ended without {mark!r}: {bytes(shown[-200:])!r}") from None
        return bytes(shown)

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self.descriptor, keys)

    def echo_us(self) -> float:
        """Type one key; return microseconds until it is shown."""
        before = time.perf_counter_ns()
        os.write(self.descriptor, b"k")
        os.read(self.descriptor, 1)
        return (time.perf_counter_ns() - before) / 1000

    def end(self) -> Ended:
        """Read to the end of file and reap."""
        shown = 0
        while True:
            try:
                part = os.read(self.descriptor, _READ)
            except OSError:
                break
            if not part:
                break
            shown += len(part)
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.perf_counter() - self.started
        os.close(self.descriptor)
        return Ended(seconds, shown, usage.ru_utime + usage.ru_stime, status)

    def hang_up(self) -> None:
        """Close the window, then make sure."""
        os.close(self.descriptor)
        deadline = time.perf_counter() + 1.0
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.perf_counter() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)


def descendants(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for one in found:
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def pss_bytes(pid: int) -> int:
    """Return a process's proportional set size (proc_pid_smaps(5)); 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def switches(pid: int) -> int:
    """Return how often a process was woken or preempted so far."""
    total = 0
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if "ctxt_switches" in line:
                    total += int(line.split()[1])
    except OSError:
        pass
    return total
