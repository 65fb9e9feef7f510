"""The netlink reader child: reads sockets it was handed, adds argv to each exec, feeds a pipe.

Its worth is to be awake before a short process is gone, and to be small: it runs as a file under
`python -I -S`, imports C modules only, has an interpreter lock of its own and knows no sessions.
Execs come by one socket and wake it; forks and exits come by another and are taken in passing: who
runs seldom is let in at once by the scheduler when it does matter.

What goes into the pipe are the records that `records.py` describes. A second pipe, for whoever must
look at a process while it lives, hints at each exec: u64, pid and (above it) a hash of argv[0].
"""

import gc
import posix
import select
import sys
import time
from errno import ENOBUFS

assert sys.platform == "linux"

EVENT, ARGV, PLACE, BACK, UNTIL, OVERRUN, EMPTY, SETTLED = range(16, 24)
HAS_ARGV, ARGV_CUT, HAS_PLACE, EXECS_WAIT = 1, 2, 4, 8

_MESSAGE = 76  # nlmsghdr 16, cn_msg 20, proc_event 40: always whole
_FORK = 0x1
_ARGV_BYTES = 4096
_DOUBT_NS = 3_000_000
"""An argument list read this shortly before the next exec of its process may belong to that."""
_RETRY_NS, _SETTLE_NS = 50_000, 500_000_000
_PASS_NS, _AGE_NS = 8_000_000, 60_000_000  # so long the others wait for us, and all in the buffer
_FULL, _CROWD, _QUIET_MS = 48 * 1024, 128, 12
# With few CPUs, and those busy, the kernel does not look for an idle one when it wakes us.
_FEW_CPUS, _SHUN_NS = 8, 4_000_000


class _Exec:
    """An exec that may yet be corrected: what was read for it, and when."""

    __slots__ = ("argv", "pid", "placed_ns", "read_ns", "stamp")

    def __init__(self, pid: int, stamp: int, read_ns: int, argv: bytes | None) -> None:
        self.pid, self.stamp, self.read_ns, self.argv, self.placed_ns = pid, stamp, read_ns, argv, 0


class Reader:
    """The loop; `execs` blocks for the time-out its maker gave it, `lives` and `hints` never do."""

    def __init__(self, sockets: tuple[int, int], hints: int, pipe: int, *, resync: bool) -> None:
        self.execs, self.lives = sockets
        self.hints, self.pipe, self.behind = hints, pipe, resync
        self.settle_ns = 0
        self.vector = [bytearray(8192)]
        view = memoryview(self.vector[0])
        self.words = view.cast("I")
        self.stamp = view[44:52].cast("Q")
        self.body = view[24:_MESSAGE]
        self.arguments = [bytearray(_ARGV_BYTES + 1)]
        self.plain = _head(EVENT, 0, len(self.body))
        self.buffer = bytearray()
        self.cpus = posix.sched_getaffinity(0)
        self.shunned, self.shunned_ns = -1, 0
        self.crowded = False
        self.last = self.newest = self.oldest = self.passed = self.told = 0
        self.known: dict[int, _Exec] = {}
        self.later: list[_Exec] = []
        self.queued, self.idle = select.poll(), select.poll()
        self.queued.register(self.execs, select.POLLIN)
        for each in sockets:
            self.idle.register(each, select.POLLIN)
        self.idle.register(pipe, 0)  # POLLERR: the observer is gone

    def run(self) -> None:
        """Serve until the other end of the pipe is closed."""
        while True:
            self.attend()
            ready = self.idle.poll(_SETTLE_NS // 1_000_000 if self.settle_ns else None)
            if any(descriptor == self.pipe for descriptor, _ in ready):
                return

    def attend(self) -> None:
        """Take execs as they come, and the rest in passing, until all has been quiet."""
        readv, execs, vector, stamp = posix.readv, self.execs, self.vector, self.stamp
        self.oldest = self.passed = time.monotonic_ns()
        while True:
            if self.crowded and self.idle.poll(_QUIET_MS) and not self.queued.poll(0):
                self.take_lives(whole=False)
                self.flush_when_due()
                continue
            try:
                size = readv(execs, vector)
            except BlockingIOError:
                if self.rest():
                    return
                continue
            except OSError as error:
                self.overrun(error)
                continue
            if size >= _MESSAGE:
                self.exec(self.words[13], stamp[0])
            if (self.later or self.behind) and not self.queued.poll(0):
                self.breathe()
            if self.last - self.passed > _PASS_NS:
                self.passed = self.last
                self.take_lives(whole=False)
                self.flush_when_due()

    def rest(self) -> bool:
        """Send what there is; say whether that is all, so that we may sleep until woken."""
        # An exec that came this moment may be of a process whose exit is taken below.
        until = time.monotonic_ns() - 1_000_000
        if self.behind:
            self.caught_up()
        self.flush(until)
        self.later.clear()
        return self.newest <= self.told and not self.behind

    def exec(self, pid: int, stamp: int) -> None:
        """Add an exec with the arguments its process has right now."""
        size, now = self.read_arguments(pid), time.monotonic_ns()
        argv = bytes(self.arguments[0][:size]) if size > 0 else None
        if self.hints >= 0:
            self.hint(pid, argv or b"")
        if pid in self.known:
            self.correct(pid, stamp, argv)
        seen = self.known[pid] = _Exec(pid, stamp, now, argv)
        self.last, self.newest = stamp, max(self.newest, stamp)
        if self.words[10] != self.shunned and 1 < len(self.cpus) <= _FEW_CPUS:
            self.shun(self.words[10], now)
        self.buffer += _head(EVENT, _flags(size), len(self.body) + len(argv or b""))
        self.buffer += self.body
        self.buffer += argv or b""
        if size >= 0:  # else it is gone already
            self.later.append(seen)

    def hint(self, pid: int, argv: bytes) -> None:
        """Tell of an exec; it is not heard of where there is no room or nobody."""
        name = hash(argv.partition(b"\0")[0].rpartition(b"/")[2]) & 0xFFFFFFFF
        try:
            posix.write(self.hints, (pid | name << 32).to_bytes(8, sys.byteorder))
        except OSError:
            return

    def take_lives(self, *, whole: bool) -> None:
        """Take forks and exits, all of them or until an exec is waiting."""
        readv, lives, vector, words = posix.readv, self.lives, self.vector, self.words
        taken = 0
        while True:
            try:
                size = readv(lives, vector)
            except BlockingIOError:
                break
            except OSError as error:
                self.overrun(error)
                continue
            if size >= _MESSAGE:
                stamp = self.stamp[0]
                if words[9] == _FORK and words[15] in self.known:
                    self.correct(words[15], stamp, None)
                self.newest = max(self.newest, stamp)
                self.buffer += self.plain
                self.buffer += self.body
            taken += 1
            if not whole and not taken & 7 and self.queued.poll(0):
                break
        self.crowded = taken > _CROWD

    def overrun(self, error: OSError) -> None:
        if error.errno != ENOBUFS:
            raise error
        self.buffer += _head(OVERRUN, 0, 0)
        self.behind = True

    def shun(self, cpu: int, now: int) -> None:
        """Leave the CPU of the last exec, whose process would have to be stopped for us to run."""
        if now - self.shunned_ns > _SHUN_NS and posix.sched_getscheduler(0) == posix.SCHED_OTHER:
            self.shunned, self.shunned_ns = cpu, now
            try:
                posix.sched_setaffinity(0, self.cpus - {cpu})
            except OSError:  # the others were taken from us meanwhile
                self.cpus = {cpu}

    def read_arguments(self, pid: int) -> int:
        """Return how many bytes of /proc/PID/cmdline are in `arguments`; -1: no such process."""
        try:
            descriptor = posix.open("%d/cmdline" % pid, posix.O_RDONLY)  # noqa: UP031 the fastest
        except OSError:
            return -1
        try:
            return posix.readv(descriptor, self.arguments)
        except OSError:
            return -1
        finally:
            posix.close(descriptor)

    def correct(self, pid: int, stamp: int, argv: bytes | None) -> None:
        """Take back what was read for the last exec of a pid if it may belong to what came next.

        The next exec replaces the memory before its event is sent. So what was read after that
        event is wrong, and what was read shortly before is in doubt if it looks the same.
        """
        seen = self.known[pid]
        if stamp < seen.stamp:  # its own birth, which came by the other socket
            return
        since = stamp - seen.read_ns
        flags = 0
        if since <= 0 or (since < _DOUBT_NS and argv in {seen.argv, None}):
            flags |= HAS_ARGV
        if seen.placed_ns and stamp - seen.placed_ns < _DOUBT_NS:
            flags |= HAS_PLACE
        if flags:
            self.add_late(BACK, seen.pid, seen.stamp, b"", flags)

    def breathe(self) -> None:
        if self.behind:
            self.caught_up()
        elif self.later:
            seen = self.later.pop()
            if self.known.get(seen.pid) is seen:
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
            seen.argv = bytes(self.arguments[0][:size])
            self.add_late(ARGV, seen.pid, seen.stamp, seen.argv, _flags(size))

    def place(self, seen: _Exec) -> None:
        try:
            exe = posix.readlink(b"%d/exe" % seen.pid)
            cwd = posix.readlink(b"%d/cwd" % seen.pid)
        except OSError:
            return
        seen.placed_ns = time.monotonic_ns()
        self.add_late(PLACE, seen.pid, seen.stamp, exe + b"\0" + cwd, 0)

    def add_late(self, kind: int, pid: int, stamp: int, body: bytes, flags: int) -> None:
        self.buffer += _head(kind, flags, 12 + len(body))
        self.buffer += pid.to_bytes(4, sys.byteorder)
        self.buffer += stamp.to_bytes(8, sys.byteorder)
        self.buffer += body

    def caught_up(self) -> None:
        """Say that nothing is queued after an overrun, and half a second later that it was so."""
        self.behind = False
        self.take_lives(whole=True)
        self.buffer += _head(EMPTY, 0, 0)
        self.settle_ns = time.monotonic_ns() + _SETTLE_NS
        self.flush(time.monotonic_ns() - _DOUBT_NS)

    def flush_when_due(self) -> None:
        if len(self.buffer) > _FULL or self.newest - self.oldest > _AGE_NS:
            self.flush(time.monotonic_ns() - _DOUBT_NS)

    def flush(self, until: int) -> None:
        """Write all there is; what came before `until` is whole, but for what may be in doubt."""
        if self.queued.poll(0):
            until = min(until, self.last - _DOUBT_NS)
        self.take_lives(whole=True)
        self.known = {pid: seen for pid, seen in self.known.items() if seen.read_ns > until}
        until = max(0, min([until, *(seen.stamp - 1 for seen in self.known.values())]))
        if self.buffer or self.newest > self.told:
            self.add_late(UNTIL, 0, until, b"", EXECS_WAIT if self.queued.poll(0) else 0)
            self.told, self.oldest = until, self.newest
        if self.settle_ns and time.monotonic_ns() > self.settle_ns:
            self.settle_ns = 0
            self.buffer += _head(SETTLED, 0, 0)
        posix.write(self.pipe, self.buffer)  # it blocks until all is written
        self.buffer.clear()


def _head(kind: int, flags: int, size: int) -> bytes:
    return (4 + size).to_bytes(2, sys.byteorder) + bytes((kind, flags))


def _flags(size: int) -> int:
    if size <= 0:
        return 0
    return HAS_ARGV | (ARGV_CUT if size > _ARGV_BYTES else 0)


def main(arguments: list[str]) -> None:
    """Run: the sockets of execs, of forks and exits; hints or -1; the pipe; 1 to resync."""
    gc.disable()  # nothing here makes a cycle
    posix.chdir("/proc")  # one path component less to look up; no user's folder is held
    execs, lives, hints, pipe, resync = (int(word) for word in arguments)
    try:
        Reader((execs, lives), hints, pipe, resync=bool(resync)).run()
    except BrokenPipeError:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
