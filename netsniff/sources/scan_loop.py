"""The scanner's loop: looks at newborn processes and at the kernel's table of sockets, and tells.

What it writes and what it is told is described by scan_records.py.
"""

import _socket
import errno
import posix
import select
import sys
import time

from netsniff.sources import diag_socket, scan_records, scan_table, schedule, search
from netsniff.sources.holders import Hold, Stray

assert sys.platform == "linux"


_NEAR_NS = 3_000_000
"""With a look due so soon nothing wakes us: a storm of execs must not, each time."""
_FULL, _AGE_NS = 48 * 1024, 50_000_000
_DRAIN_NS, _RESTING_NS = 10_000_000, 1_000_000_000
_AWAKE_NS = 500_000_000
_MOST_NEW = 64
_DATAGRAM = 4096
_SETTLE_NS = 4_000_000
"""The kernel tells of a destroyed socket from a work queue, so much later at most."""
_CONNECTS_NS = 100_000
"""From a socket's birth to its place in the table."""


class Scanner:
    """The loop."""

    def __init__(self, deaths: int, orders: int, pipe: int, asking: int = -1) -> None:
        self.deaths, self.hints, self.pipe = deaths, -1, pipe
        self.orders = _socket.socket(fileno=orders)
        elsewhere = asking >= 0  # in another network namespace, where users have other numbers
        opened = _socket.socket(fileno=asking) if elsewhere else None
        user = posix.geteuid()
        owner = user if user and not elsewhere else None
        self.table = scan_table.Table(diag_socket.Questions(opened), owner, counted=not elsewhere)
        self.search = search.Search(owner, self.tell)
        now = time.monotonic_ns()
        self.pace = schedule.Pace(now)
        self.budget = schedule.busy_budget(now, time.thread_time_ns())
        self.buffer = bytearray()
        self.oldest_ns = now
        self.drained_ns = self.tabled_ns = 0
        self.flushes: list[tuple[int, int]] = []
        self.resting = self.spared = False
        self.lull = schedule.Lull()
        self.deaf_ns = self.awake_ns = 0
        """Until when an exec keeps us from resting: it may be of a command that nobody told of."""
        self.rich = True
        """Whether there is processor time left to look closely."""
        self.waiting = [orders]
        self.opened = b""
        self.patience_ns = _CONNECTS_NS
        self.loads = posix.open("loadavg", posix.O_RDONLY)
        self.newest = self.last_pid()

    def run(self) -> None:
        """Serve until the one who gives orders is gone."""
        _be_punctual()
        while self.sleep():
            now = time.monotonic_ns()
            self.rich = self.budget.allows(now, time.thread_time_ns())
            if self.hints >= 0:
                self.take_hints(now)
            self.search.look(now)
            if not self.spared:
                self.read_when_due(now)
            elif not self.rests(now) and now - self.tabled_ns >= self.pace.full_pause_ns:
                self.read_table(now, full=True)
            if now - self.drained_ns >= (_RESTING_NS if self.rests(now) else _DRAIN_NS):
                self.drain(now)
            self.send_when_due(now)

    def sleep(self) -> bool:
        """Wait until something is due or somebody calls; False: nobody is there any more."""
        now = time.monotonic_ns()
        due = self.search.next_ns()
        until = self.next_ns(now, due)
        heard = self.waiting
        if self.deaf_ns > now:
            until, heard = min(until, self.deaf_ns), heard[:1]
        elif (due is not None and due - now < _NEAR_NS) or (self.resting and not self.rich):
            heard = heard[:1]
        ready, _, _ = select.select(heard, [], [], max(0, until - now) / 1e9)
        return self.take_orders() if heard[0] in ready else True

    def rests(self, now: int) -> bool:
        return self.resting and now >= self.awake_ns

    def next_ns(self, now: int, due: int | None) -> int:
        """Return when something is due."""
        if self.rests(now):
            found = [self.drained_ns + _RESTING_NS]
        elif self.spared:
            found = [self.tabled_ns + self.pace.full_pause_ns, self.drained_ns + 2 * _DRAIN_NS]
        else:
            found = [self.pace.due_ns(now, rich=self.rich), self.drained_ns + 2 * _DRAIN_NS]
        if due is not None:
            found.append(due)
        if self.buffer:
            found.append(self.oldest_ns + _AGE_NS)
        found += [at for _, at in self.flushes]
        return min(found)

    def take_hints(self, now: int) -> None:
        """Take the processes that called exec."""
        try:
            data = posix.read(self.hints, 32768)
        except BlockingIOError:
            return
        if not data:
            self.hear([])
        if self.resting and self.rich:
            self.awake_ns = now + _AWAKE_NS
        interesting = False
        for pid, name in scan_records.hints(data):
            if self.rich:
                interesting = self.search.born(pid, name, now) or interesting
            else:
                self.search.arrived(pid)
        self.pace.event_ns = now
        self.deaf_ns = now + self.lull.after(interesting=interesting)

    def take_orders(self) -> bool:
        """Do as we are told; False: there is nobody to tell us."""
        data, along, _, _ = self.orders.recvmsg(4096, _socket.CMSG_SPACE(4))
        now = time.monotonic_ns()
        for kind, number in scan_records.orders(data):
            if kind == scan_records.HEAR:
                self.hear([int.from_bytes(each[:4], sys.byteorder) for _, _, each in along])
            elif kind == scan_records.FLUSH:
                self.flushes.append((number, now + _SETTLE_NS))
            elif kind == scan_records.REST:
                self.rest(now)
            elif kind == scan_records.SPARE:
                self.spared = bool(number)
                self.search.forget()
            elif kind == scan_records.HURRY:
                if self.resting:
                    self.resting = False
                    self.budget = schedule.busy_budget(now, time.thread_time_ns())
                if not self.spared:
                    self.search.arrived(number)
                    self.pace.event_ns = now
                    self.pace.want(now)
        return bool(data)

    def rest(self, now: int) -> None:
        """Look no more."""
        if not self.resting:
            self.resting, self.awake_ns = True, 0
            self.budget = schedule.resting_budget(now, time.thread_time_ns())
            self.search.forget()

    def hear(self, brought: list[int]) -> None:
        """Take a pipe of hints for the one we have."""
        if self.hints >= 0:
            posix.close(self.hints)
        self.hints = brought[0] if brought else -1
        self.waiting = [self.orders.fileno(), *brought]

    def last_pid(self) -> int:
        """Return the pid that was given last in this namespace, proc_loadavg(5)."""
        return int(posix.pread(self.loads, 128, 0).rpartition(b" ")[2])

    def read_when_due(self, now: int) -> None:
        """Read the table of sockets when it is time, and look for the holders of new ones."""
        looking, pace = self.search, self.pace
        if looking.wanted_ns is not None:
            pace.want(looking.wanted_ns)
            looking.wanted_ns, self.patience_ns = None, _CONNECTS_NS
        if self.rests(now) or pace.due_ns(now, rich=self.rich) > now:
            return
        self.take_newcomers(now)
        full = now - self.tabled_ns >= pace.full_pause_ns
        opened = self.table.opened()
        if full or not opened or opened != self.opened:
            self.opened = opened
            self.read_table(now, full=full)
        else:
            pace.asked(now)
            looking.holders.complete_ns = now
        if looking.holders.waiting:
            self.patience_ns *= 2
            pace.want(time.monotonic_ns() + self.patience_ns)
        looking.seek(pace.asked_ns)

    def take_newcomers(self, now: int) -> None:
        """Take the processes that are new since we last asked: not all of them come by exec."""
        newest = self.last_pid()
        if newest != self.newest:
            pids = range(max(self.newest + 1, newest - _MOST_NEW), newest + 1)
            if any([self.search.arrived(pid) for pid in pids]):
                self.pace.event_ns = now
            self.newest = newest

    def read_table(self, now: int, *, full: bool) -> None:
        """Read the table of sockets once, and tell of it if it is read in full."""
        before = time.thread_time_ns()
        table, holders = self.table, self.search.holders
        table.read(holders, full=full)
        for inode, cookie, message in table.fresh:
            self.pace.fresh_ns = now
            hold = holders.shown(inode, cookie, message, now)
            if hold is not None:
                self.tell(Stray(cookie, message, now), hold)
        holders.keep(table.inodes, now)
        if full:
            self.tabled_ns = now
            for messages in table.moved:
                self.write(scan_records.record(scan_records.TABLE, now, messages))
            self.write(scan_records.whole(now, table.cookies))
        self.pace.read(time.monotonic_ns(), time.thread_time_ns() - before, full=full)

    def tell(self, stray: Stray, hold: Hold) -> None:
        """Tell who holds a socket."""
        self.write(
            scan_records.held(
                scan_records.Held(
                    hold.seen_ns,
                    stray.cookie,
                    hold.ticks,
                    hold.pid,
                    hold.parent,
                    hold.confidence,
                    stray.message,
                    hold.name,
                )
            )
        )

    def drain(self, now: int) -> None:
        """Take all that was destroyed."""
        self.drained_ns = now
        found = []
        while True:
            try:
                found.append(posix.read(self.deaths, _DATAGRAM))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.write(scan_records.record(scan_records.OVERRUN, now))
                self.tabled_ns = 0
                self.pace.want(now)
            if len(found) >= 256:
                self.write(scan_records.record(scan_records.CLOSED, now, b"".join(found)))
                self.send()
                found.clear()
        if found:
            self.write(scan_records.record(scan_records.CLOSED, now, b"".join(found)))

    def write(self, data: bytes) -> None:
        if not self.buffer:
            self.oldest_ns = time.monotonic_ns()
        self.buffer += data

    def send_when_due(self, now: int) -> None:
        """Send what has waited long enough, or what was asked for."""
        over = [number for number, at in self.flushes if at <= now]
        if over:
            self.flushes = [each for each in self.flushes if each[1] > now]
            self.read_table(now, full=True)
            self.drain(now)
            for number in over:
                self.write(scan_records.flushed(now, number))
            self.send()
        elif len(self.buffer) > _FULL or (self.buffer and now - self.oldest_ns >= _AGE_NS):
            self.send()

    def send(self) -> None:
        if self.buffer:
            posix.write(self.pipe, self.buffer)  # it blocks until all is written
            self.buffer.clear()


def _be_punctual() -> None:
    """Have our sleeps end when they should, not up to 50 us later: proc_pid_timerslack_ns(5)."""
    try:
        slack = posix.open("self/timerslack_ns", posix.O_WRONLY)
    except OSError:  # not compiled in
        return
    posix.write(slack, b"1000")
    posix.close(slack)
