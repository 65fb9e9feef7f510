"""The netlink reader child: reads sockets it was handed, adds argv to each exec, feeds a pipe.

Its worth is to be awake before a short process is gone, and to be small: it runs as a file under
`python -I -S`, imports C modules only, has an interpreter lock of its own and knows no sessions.

What goes into the pipe are records: `=HBB` (length of all, kind, flags) and a body.

    EVENT    bytes 24 to 76 of the connector's message (struct cn_msg from `seq` on and struct
             proc_event, linux/cn_proc.h); after an exec, its argument list as /proc gives it
    ARGV     pid u32, time of the exec u64, argument list: one that was there at the second try
    PLACE    pid u32, time of the exec u64, exe NUL cwd
    OVERRUN  the kernel dropped messages (ENOBUFS); what was queued before the hole still follows
    EMPTY    the first moment after OVERRUN (or after a restart) at which nothing was queued
    SETTLED  half a second later
    FOREIGN  a message of the second socket, as it is
    VOID     nothing: a record that turned out to be wrong before it was sent
"""

import gc
import posix
import select
import sys
import time
from errno import ENOBUFS

assert sys.platform == "linux"

VOID, EVENT, ARGV, PLACE, OVERRUN, EMPTY, SETTLED, FOREIGN = range(16, 24)
HAS_ARGV, ARGV_CUT = 1, 2

_MESSAGE = 76  # nlmsghdr 16, cn_msg 20, proc_event 40: always whole
_FORK, _EXEC = 0x1, 0x2
_ARGV_BYTES = 4096
_DOUBT_NS = 3_000_000
"""An argument list read this shortly before the next exec of its process may belong to that."""
_RETRY_NS = 50_000
_AGE_NS = 60_000_000
_FULL = 48 * 1024
_SETTLE_NS = 500_000_000


class _Exec:
    """An exec whose record is still ours to correct: where it is, when and what was read."""

    __slots__ = ("argv", "offset", "pid", "place", "placed_ns", "read_ns", "stamp")

    def __init__(self, pid: int, stamp: int, read_ns: int, argv: bytes | None) -> None:
        self.pid = pid
        self.stamp = stamp
        self.read_ns = read_ns
        self.argv = argv
        self.offset = -1
        self.place = -1
        self.placed_ns = 0


class Reader:
    """The loop; `connector` blocks for the time-out its maker gave it, `foreign` never does."""

    def __init__(self, connector: int, pipe: int, foreign: int, *, resync: bool) -> None:
        self.connector = connector
        self.pipe = pipe
        self.foreign = foreign
        self.behind = resync
        self.settle_ns = 0
        self.message = bytearray(8192)
        self.vector = [self.message]
        view = memoryview(self.message)
        self.words = view.cast("I")
        self.stamp = view[44:52].cast("Q")
        self.body = view[24:_MESSAGE]
        self.arguments = bytearray(_ARGV_BYTES + 1)
        self.argument_vector = [self.arguments]
        self.plain = _head(EVENT, 0, len(self.body))
        self.buffer = bytearray()
        self.oldest_ns = 0
        self.execs: dict[int, _Exec] = {}
        self.later: list[_Exec] = []
        self.queued = select.poll()
        self.queued.register(connector, select.POLLIN)
        self.idle = select.poll()
        self.idle.register(connector, select.POLLIN)
        self.idle.register(pipe, 0)  # POLLERR: the observer is gone
        if foreign >= 0:
            self.idle.register(foreign, select.POLLIN)

    def run(self) -> None:
        """Serve until the other end of the pipe is closed."""
        while True:
            self.drain()
            self.flush(quiet=True)
            wait = None
            if self.settle_ns:
                wait = max(0, (self.settle_ns - time.monotonic_ns()) // 1_000_000 + 1)
            for descriptor, _ in self.idle.poll(wait):
                if descriptor == self.pipe:
                    return
            self.pass_on()

    def drain(self) -> None:
        """Take messages until none came for the socket's receive time-out."""
        readv, connector, vector, event = posix.readv, self.connector, self.vector, self.event
        while True:
            try:
                size = readv(connector, vector)
            except BlockingIOError:
                if self.behind:
                    self.caught_up()
                return
            except OSError as error:
                if error.errno != ENOBUFS:
                    raise
                self.buffer += _head(OVERRUN, 0, 0)
                self.behind = True
                continue
            if size >= _MESSAGE:
                event()
            if (self.later or self.behind) and not self.queued.poll(0):
                self.breathe()

    def event(self) -> None:
        """Add one message to the buffer."""
        words = self.words
        stamp = self.stamp[0]
        buffer = self.buffer
        if not buffer:
            self.oldest_ns = stamp
        what = words[9]
        if what == _EXEC:
            self.exec(words[13], stamp)
        else:
            if what == _FORK and words[15] in self.execs:
                self.correct(words[15], stamp, None)
            buffer += self.plain
            buffer += self.body
        if len(buffer) > _FULL or stamp - self.oldest_ns > _AGE_NS:
            self.flush(quiet=False)

    def exec(self, pid: int, stamp: int) -> None:
        """Add an exec with the arguments its process has right now."""
        size = self.read_arguments(pid)
        now = time.monotonic_ns()
        argv = bytes(self.arguments[:size]) if size > 0 else None
        if pid in self.execs:
            self.correct(pid, stamp, argv)
        seen = self.execs[pid] = _Exec(pid, stamp, now, argv)
        seen.offset = len(self.buffer)
        self.buffer += _head(EVENT, _flags(size), len(self.body) + len(argv or b""))
        self.buffer += self.body
        if argv is not None:
            self.buffer += argv
        if size >= 0:  # else it is gone already
            self.later.append(seen)

    def read_arguments(self, pid: int) -> int:
        """Return how many bytes of /proc/PID/cmdline are in `arguments`; -1: no such process."""
        try:
            descriptor = posix.open("%d/cmdline" % pid, posix.O_RDONLY)  # noqa: UP031 the fastest
        except OSError:
            return -1
        try:
            return posix.readv(descriptor, self.argument_vector)
        except OSError:
            return -1
        finally:
            posix.close(descriptor)

    def correct(self, pid: int, stamp: int, argv: bytes | None) -> None:
        """Take back what was read for the last exec of a pid if it may belong to what came next.

        The next exec replaces the memory before its event is sent. So what was read after that
        event is wrong, and what was read shortly before is in doubt if it looks the same.
        """
        seen = self.execs.pop(pid)
        since = stamp - seen.read_ns
        if since <= 0 or (since < _DOUBT_NS and argv in {seen.argv, None}):
            self.buffer[seen.offset + 3] = 0
        if seen.place >= 0 and stamp - seen.placed_ns < _DOUBT_NS:
            self.buffer[seen.place + 2] = VOID

    def breathe(self) -> None:
        """Use a moment in which nothing is queued for what may wait."""
        if self.behind:
            self.caught_up()
        elif self.later:
            seen = self.later.pop()
            if self.execs.get(seen.pid) is not seen:
                return
            if seen.argv is None:
                self.retry(seen)
            self.place(seen)

    def retry(self, seen: _Exec) -> None:
        """Look once more at arguments that were empty: the new memory was not filled yet."""
        left = _RETRY_NS - (time.monotonic_ns() - seen.read_ns)
        if left > 0:
            time.sleep(left / 1e9)
        size = self.read_arguments(seen.pid)
        if size > 0:
            seen.read_ns = time.monotonic_ns()
            seen.argv = bytes(self.arguments[:size])
            seen.offset = len(self.buffer)
            self.add_late(ARGV, seen, seen.argv, _flags(size))

    def place(self, seen: _Exec) -> None:
        """Add exe and cwd; another user's are unreadable."""
        try:
            exe = posix.readlink(b"%d/exe" % seen.pid)
            cwd = posix.readlink(b"%d/cwd" % seen.pid)
        except OSError:
            return
        seen.place = len(self.buffer)
        seen.placed_ns = time.monotonic_ns()
        self.add_late(PLACE, seen, exe + b"\0" + cwd, 0)

    def add_late(self, kind: int, seen: _Exec, body: bytes, flags: int) -> None:
        """Add a record that belongs to an exec told before."""
        self.buffer += _head(kind, flags, 12 + len(body))
        self.buffer += seen.pid.to_bytes(4, sys.byteorder)
        self.buffer += seen.stamp.to_bytes(8, sys.byteorder)
        self.buffer += body

    def caught_up(self) -> None:
        """Say that the queue is empty after an overrun, and half a second later that it was."""
        self.behind = False
        self.buffer += _head(EMPTY, 0, 0)
        self.settle_ns = time.monotonic_ns() + _SETTLE_NS
        self.flush(quiet=False)

    def flush(self, *, quiet: bool) -> None:
        """Write the buffer; unless all is quiet, keep what the next exec may still correct."""
        if self.settle_ns and time.monotonic_ns() > self.settle_ns:
            self.settle_ns = 0
            self.buffer += _head(SETTLED, 0, 0)
        size = len(self.buffer)
        if not quiet and size < 2 * _FULL:
            doubtful_ns = time.monotonic_ns() - _DOUBT_NS
            young = [e.offset for e in self.execs.values() if e.read_ns > doubtful_ns]
            size = min(young, default=size)
        with memoryview(self.buffer) as view:
            done = 0
            while done < size:
                done += posix.write(self.pipe, view[done:size])
        self.keep(size)
        if self.foreign >= 0:
            self.pass_on()

    def keep(self, written: int) -> None:
        """Drop what was written and move what is known about the rest."""
        del self.buffer[:written]
        if not self.buffer:
            self.execs.clear()
            self.later.clear()
            return
        self.oldest_ns = time.monotonic_ns()
        for pid, seen in list(self.execs.items()):
            seen.offset -= written
            seen.place -= written
            if seen.offset < 0:
                del self.execs[pid]

    def pass_on(self) -> None:
        """Send the messages of the second socket as they are."""
        while self.foreign >= 0:
            try:
                message = posix.read(self.foreign, 32768)
            except BlockingIOError:
                return
            posix.write(self.pipe, _head(FOREIGN, 0, len(message)) + message)


def _head(kind: int, flags: int, size: int) -> bytes:
    return (4 + size).to_bytes(2, sys.byteorder) + bytes((kind, flags))


def _flags(size: int) -> int:
    if size <= 0:
        return 0
    return HAS_ARGV | (ARGV_CUT if size > _ARGV_BYTES else 0)


def main(arguments: list[str]) -> None:
    """Run with four numbers: connector, pipe, second socket or -1, and 1 to begin with a resync."""
    gc.disable()  # nothing here makes a cycle
    posix.chdir("/proc")  # one path component less to look up; no user's folder is held
    connector, pipe, foreign, resync = (int(word) for word in arguments)
    try:
        Reader(connector, pipe, foreign, resync=bool(resync)).run()
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
