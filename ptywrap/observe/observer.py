"""The one loop: kernel events, mark files, questions, and a period for what nobody announces."""

import contextlib
import logging
import os
import select
import signal
import socket

from ptywrap import __version__, clock, host, paths, wire
from ptywrap.observe.asks import Asks, replying
from ptywrap.observe.base import Watch
from ptywrap.observe.nudge import Departures, Nudge, start_gently, start_shipper_gently
from ptywrap.observe.readiness import Ready
from ptywrap.observe.sessions import Sessions
from ptywrap.observe.ward import Ward

_LOG = logging.getLogger(__name__)
_AT_ONCE_NS = 100_000
_BEAT_NS = 200_000_000


class Observer:
    """Observes until the last session has been over for `idle_ns`, or a signal asks it to leave."""

    def __init__(self, ready: Ready, ward: Ward, watch: Watch, idle_ns: int) -> None:
        self._lock = ready.lock
        self._times = ward.teller.times
        self._ward = ward
        self._sessions = Sessions(ready.folder, ward)
        self._watch = watch
        self._control = ready.control
        self._control.reply = replying(Asks(self._sessions).table())
        self._backends: list[str] = []
        self._spool = ward.teller.recorder.spool
        self._nudge = Nudge(self._spool.folder, start_gently)
        self._departures = Departures(
            self._spool.folder, paths.enrolment_file(), start_shipper_gently
        )
        self._idle_ns = idle_ns
        self._idle_since_ns: int | None = clock.monotonic_ns()
        self._beaten_ns = 0
        self._wake, self._signals = socket.socketpair()
        self._poll = select.poll()
        self._polled: set[int] = set()

    def look(self) -> None:
        """Heed signals from now on, and take the sessions that are there."""
        self._heed()
        self._note()
        self._sessions.scan(clock.monotonic_ns())

    def begin(self, died_ns: int | None) -> None:
        """Tell the machine, and the hole since `died_ns` (wall time) if somebody died then."""
        self._note()
        ward = self._ward
        identity = ward.identity
        now_ns = clock.monotonic_ns()
        recorder = ward.teller.recorder
        recorder.tell(
            wire.Session(
                id=identity.host_session,
                user=identity.user,
                host=identity.device,
                boot_id=identity.boot_id,
                version=__version__,
                sensors=ward.names,
            )
        )
        recorder.tell(host.read(identity.device))
        if died_ns is not None:
            since_ns = min(self._times.monotonic(died_ns), now_ns)
            ward.lost(since_ns, now_ns, ("observer", None, "the observer ended without notice"))

    def run(self) -> None:
        """Observe, then let go of everything."""
        self._sessions.scan(clock.monotonic_ns())
        try:
            while not self._done():
                self._turn(self._wait())
        finally:
            self._close()

    def _turn(self, ready: set[int]) -> None:
        if self._ward.hears(ready):
            return
        now_ns = clock.monotonic_ns()
        self._note()
        self._ward.teller.recorder.heed(now_ns)
        self._ward.drain()
        self._note_backends()
        if self._watch.descriptor is None or self._watch.descriptor in ready:
            self._watch.take()
            self._sessions.scan(now_ns)
        self._sessions.advance(now_ns)
        self._control.serve(ready)
        self._spool.tick()
        self._own_up()
        self._nudge.settle(now_ns)
        self._departures.settle(now_ns)
        self._beat(now_ns)
        if self._ward.active:
            self._idle_since_ns = None
        elif self._idle_since_ns is None:
            self._idle_since_ns = now_ns

    def _note(self) -> None:
        """Read all clocks at once, or almost: not where we were interrupted between them."""
        for _ in range(3):
            before_ns = clock.monotonic_ns()
            wall_ns, boot_ns = clock.wall_ns(), clock.boottime_ns()
            if clock.monotonic_ns() - before_ns < _AT_ONCE_NS:
                self._times.note(before_ns, wall_ns, boot_ns)
                return

    def _note_backends(self) -> None:
        names = self._ward.names
        if names != self._backends:
            self._backends = names
            _LOG.info("lifecycle backends: %s", ", ".join(names) or "none")

    def _wait(self) -> set[int]:
        """Sleep until something happens or is due; return the descriptors that are ready."""
        wanted = {self._wake.fileno(), *self._control.descriptors}
        wanted.update(self._ward.descriptors)
        if self._watch.descriptor is not None:
            wanted.add(self._watch.descriptor)
        for descriptor in wanted - self._polled:
            self._poll.register(descriptor, select.POLLIN)
        for descriptor in self._polled - wanted:
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
        self._polled = wanted
        return {descriptor for descriptor, _ in self._poll.poll(self._sleep_ms())}

    def _sleep_ms(self) -> int | None:
        """Return how long nothing is due, None: for ever."""
        now_ns = clock.monotonic_ns()
        due = self._sessions.due_ns(now_ns)
        left = [due - now_ns] if due is not None else []
        spool = self._spool.tick()
        left += [spool] if spool is not None else []
        left += [ns for ns in (self._ward.sensors.period_ns, self._watch.period_ns) if ns]
        if self._control.waiting:
            left.append(20_000_000)
        if self._idle_since_ns is not None:
            left.append(self._idle_since_ns + self._idle_ns - now_ns)
        return max(min(left), 0) // 1_000_000 + 1 if left else None

    def _own_up(self) -> None:
        """Tell what the spool had to drop: a full disk is no secret."""
        if not self._spool.dropped:
            return
        self._ward.teller.recorder.own_up(self._ward.identity.host_session, clock.wall_ns())

    def _done(self) -> bool:
        if self._signalled():
            _LOG.info("asked to leave")
            return True
        since_ns = self._idle_since_ns
        return since_ns is not None and clock.monotonic_ns() - since_ns >= self._idle_ns

    def _beat(self, now_ns: int) -> None:
        """Leave on the lock file when we last looked: what a successor dates a hole by."""
        if now_ns - self._beaten_ns >= _BEAT_NS:
            self._beaten_ns = now_ns
            os.utime(self._lock)

    def _heed(self) -> None:
        self._wake.setblocking(False)  # noqa: FBT003 - its one parameter
        self._signals.setblocking(False)  # noqa: FBT003 - its one parameter
        signal.set_wakeup_fd(self._signals.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)

    def _signalled(self) -> bool:
        try:
            return bool(self._wake.recv(16))
        except BlockingIOError:
            return False

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        now_ns = clock.monotonic_ns()
        self._ward.drain()
        self._sessions.scan(now_ns)
        self._sessions.advance(now_ns, flush=True)
        self._sessions.close()
        self._control.close()
        self._watch.close()
        self._ward.close()
        self._own_up()
        self._spool.close()
