"""Starts, hears and ends the netlink reader child."""

import contextlib
import fcntl
import os
import resource
import signal
import sys

from ptywrap.lifecycle import reader, scheduling
from ptywrap.lifecycle.records import Record, decode

assert sys.platform == "linux"

SLICE_NS = 100_000
_MEMORY_BYTES = 64 << 20
_PIPE_BYTES = 1 << 20
_ENVIRONMENT = {"LC_ALL": "C"}


class ReaderProcess:
    """A running reader; `pipe` is readable when it has something to say or has ended."""

    def __init__(self, execs: int, lives: int, hints: int = -1, *, resync: bool) -> None:
        self.pipe, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)  # where we lag, the kernel's queue fills, and counts
        with contextlib.suppress(OSError):  # a user may have used up pipe-user-pages-soft
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        kept = [each for each in (execs, lives, hints, writer) if each >= 0]
        words = [str(number) for number in (execs, lives, hints, writer, int(resync))]
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", str(reader.__file__), *words],
                _ENVIRONMENT,
                # Onto itself: that clears close-on-exec.
                file_actions=[(os.POSIX_SPAWN_DUP2, each, each) for each in kept],
                setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                setsigmask=[],
                # A session is a scheduling group (sched(7), autogroup): ours must not pay for the
                # time the observer takes.
                setsid=True,
            )
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            os.close(writer)
        self._tail = b""
        self.slice_ns = scheduling.hasten(self.pid, SLICE_NS)
        with contextlib.suppress(OSError):
            resource.prlimit(self.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))

    def take(self) -> tuple[list[Record], bool]:
        """Return the whole records that are there, at most a pipe's worth, and whether it ended."""
        parts = [self._tail]
        size = 0
        ended = False
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
        found, used = decode(whole)
        self._tail = whole[used:]
        return found, ended

    def stop(self) -> None:
        """End it and reap it."""
        os.close(self.pipe)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
