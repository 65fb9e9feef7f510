"""Starts, hears and ends the scanner."""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys

from netsniff.sources import scan_records
from netsniff.sources.scan_records import Held, Told

assert sys.platform == "linux"

_MEMORY_BYTES = 128 << 20
_PIPE_BYTES = 1 << 20
_FIRST = 3
"""The first descriptor the scanner is given."""
_ENVIRONMENT = {"LC_ALL": "C"}
_SLICE_NS = 100_000
_NUMBERS = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # struct sched_attr, first version: 48 bytes


class ScanProcess:
    """A running scanner; `pipe` is readable when it has something to say or has ended."""

    def __init__(self, deaths: int, asking: int = -1) -> None:
        """Start it; `asking`: a socket of another network namespace to ask by. Raises OSError."""
        self.pipe, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.set_blocking(self._orders.fileno(), False)
        os.set_blocking(writer, True)  # where we lag, the kernel's queue fills, and counts
        with contextlib.suppress(OSError):  # a user may have used up pipe-user-pages-soft
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        given = [deaths, orders.fileno(), writer, *([asking] if asking >= 0 else [])]
        # select(2) knows small numbers alone, and ours may be large.
        moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _FIRST + len(given)) for each in given]
        numbers = [*range(_FIRST, _FIRST + len(given)), *([] if asking >= 0 else [-1])]
        script = os.path.join(os.path.dirname(__file__), "scanner.py")
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", script, *map(str, numbers)],
                _ENVIRONMENT,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, each, number)
                    for each, number in zip(moved, numbers, strict=False)
                ],
                setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                setsigmask=[],
                # A session is a scheduling group (sched(7), autogroup): ours must not pay for the
                # time of who started it.
                setsid=True,
            )
        except OSError:
            os.close(self.pipe)
            self._orders.close()
            raise
        finally:
            for each in (writer, *moved):
                os.close(each)
            orders.close()
        self._tail = b""
        _hasten(self.pid)
        with contextlib.suppress(OSError):
            resource.prlimit(self.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))

    def order(self, kind: int, number: int = 0) -> None:
        """Give an order; one that does not listen any more is noticed by `take`."""
        along = [number] if kind == scan_records.HEAR and number >= 0 else []
        with contextlib.suppress(OSError):
            socket.send_fds(self._orders, [scan_records.order(kind, max(number, 0))], along)

    def take(self) -> tuple[list[Held | Told], bool]:
        """Return the whole records that are there, at most a pipe's worth, and whether it ended.

        Raises scan_records.Torn.
        """
        parts = [self._tail]
        size, ended = 0, False
        while size < _PIPE_BYTES:
            try:
                data = os.read(self.pipe, _PIPE_BYTES // 4)
            except BlockingIOError:
                break
            if not data:
                ended = True
                break
            size += len(data)
            parts.append(data)
        whole = b"".join(parts)
        found, used = scan_records.decode(whole)
        self._tail = whole[used:]
        return found, ended

    def stop(self) -> None:
        """End it and reap it; once it has ended, that is nothing."""
        if self.pipe < 0:
            return
        os.close(self.pipe)
        self.pipe = -1
        self._orders.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _hasten(pid: int) -> None:
    """Let it run as soon as it is woken: before all others (root), else by a short slice (6.12)."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        number = _NUMBERS.get(os.uname().machine)
        if number is not None:
            wanted = ctypes.c_char_p(_ATTRIBUTES.pack(48, 0, 0, 0, 0, _SLICE_NS, 0, 0))
            ctypes.CDLL(None).syscall(number, pid, wanted, 0)
