"""Whose processes are whose: brings what the kernel tells to the session it belongs to."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from ptywrap import clock, wire
from ptywrap.lifecycle.base import EXACT, Event, Exec, Gap
from ptywrap.observe import naming
from ptywrap.observe.backlog import Backlog
from ptywrap.observe.base import Kernel
from ptywrap.observe.checkout import Checkout
from ptywrap.observe.closing import Closing
from ptywrap.observe.commands import Finish, Start, Step
from ptywrap.observe.expenses import Expenses
from ptywrap.observe.fold import Gone, Replaced
from ptywrap.observe.identity import Identity
from ptywrap.observe.naming import Ran
from ptywrap.observe.network import Network
from ptywrap.observe.network_owners import Owners
from ptywrap.observe.sensors import Senses
from ptywrap.observe.session import Session
from ptywrap.observe.telling import Key, Teller, since, within
from ptywrap.observe.tree import Life, named

_REAPED_NS = 2_000_000
"""A child's end is told before its shell has reaped it."""
_MOST_LOOKS = 64
_STARTING_NS = 2_000_000_000


class Ended(NamedTuple):
    """The end of a session's shell or run, as the kernel told it."""

    at_ns: int
    status: int | None


class Ward:
    """The sessions alive, and the shells of theirs by pid."""

    def __init__(self, identity: Identity, senses: Senses, teller: Teller, kernel: Kernel) -> None:
        self.identity = identity
        self.sensors = senses.sensors
        self.teller = teller
        self.kernel = kernel
        self.tree = teller.tree
        self.expenses = Expenses(self.tree, kernel, self._runs)
        self.active: dict[str, Session] = {}
        self.owners: dict[int, Session] = {}
        owners = Owners(self.tree, self.owners)
        self.network = Network(senses.sources, owners, teller, identity)
        self.closing = Closing(teller, self.network)
        self.ended: dict[str, Ended] = {}
        self.typed: set[str] = set()
        """Runs that were typed in a session: what they are called is told by its marks."""
        self._dirty: dict[int, int] = {}
        self._backlog = Backlog()

    @property
    def descriptors(self) -> list[int]:
        """What to poll."""
        ends = self.expenses.descriptor
        own = [] if ends is None else [ends]
        return [*self.sensors.descriptors, *self.network.descriptors, *own]

    @property
    def names(self) -> list[str]:
        """Who tells, of births and deaths first."""
        return [*self.sensors.names, *self.network.names]

    def hears(self, ready: set[int]) -> bool:
        """Say whether all that woke us was of one kind, and is done: no other work is due."""
        if ready and ready <= set(self.network.descriptors):
            self.network.read()
            return True
        if self.expenses.descriptor not in ready:
            return False
        self.expenses.hear()
        return len(ready) == 1

    def close(self) -> None:
        """Let go of what was opened."""
        self.expenses.close()
        self.sensors.close()
        self.network.close()

    def own(self, session: Session, shell: int, *, run: bool = False) -> None:
        """Take a pid as a shell (or the run) of a session."""
        self.owners[shell] = session
        self.tree.shell(shell, run=run)

    def disown(self, session: Session) -> None:
        """Forget a session's shells and what lives below them."""
        for pid in [pid for pid, owner in self.owners.items() if owner is session]:
            del self.owners[pid]
            self.tree.unshell(pid)
            self.tree.drop(pid)
        self.expenses.prune()
        self.sensors.leave(session.begin.shell_pid)

    def survivors(self, session: Session) -> bool:
        """Say whether something lives that belongs to a session."""
        return any(self._is_of(life, session) for life in self.tree.live.values())

    def lagging(self, session: Session) -> bool:
        """Say whether the end of a process or a flow of a session is still to be told."""
        if self.network.missing_ns(session):
            return True
        living = [life for life in self.tree.live.values() if self._is_of(life, session)]
        return any(not self.kernel.alive(life.pid) for life in living[:_MOST_LOOKS])

    def _is_of(self, life: Life, session: Session) -> bool:
        return self.owners.get(life.shell) is session

    def drain(self) -> None:
        """Take what the backends know by now."""
        expenses = self.expenses
        expenses.complete = self.sensors.complete
        events = self.sensors.read()
        for event in events:
            self._observe(event)
        if events:
            expenses.read(clock.monotonic_ns())
            self._backlog.busy(clock.monotonic_ns())
        self.network.read()
        self._release()

    def _release(self, *, flush: bool = False) -> None:
        """Bring those to their sessions who have ended and of whom is known what they used."""
        for life in self.expenses.ready(clock.monotonic_ns(), flush=flush):
            self.tree.closed.pop((life.pid, life.start_ticks), None)
            self._went(life)
        self._backlog.settle(clock.monotonic_ns(), flush=flush)

    def _runs(self, pid: int) -> bool:
        """Say whether a living process is part of a command that runs."""
        life = self.tree.live.get(pid)
        session = None if life is None else self.owners.get(life.shell)
        if life is None or session is None:
            return False
        return session.run or session.commands.running(life.shell) is not None

    def steps(self, session: Session, steps: Sequence[Step]) -> None:
        """Tell what began and close what ended."""
        over = session.end is not None or session.name in self.ended
        if over or any(isinstance(step, Finish) for step in steps):
            self._release(flush=True)
        for step in steps:
            if isinstance(step, Finish):
                self.closing.typed(session, step)
            else:
                self.begun(session, step)

    def begun(self, session: Session, start: Start) -> None:
        """Tell a start, unless it may yet turn out to be one that is recorded nowhere.

        bash tells of a line that started with a space only when it is over.
        """
        recorder = self.teller.recorder
        if session.hidden:
            return
        sure = session.run or (start.by in {"mark", "glance"} and not recorder.ignoring)
        if sure and not recorder.was_paused(start.at_ns) and session.name not in self.typed:
            self.teller.start(session, start, self.closing.key(session, start))

    def look(self, session: Session, pid: int) -> None:
        """Read what a shell's children used so far."""
        reading = self.kernel.reading(pid)
        if reading is not None and not session.run:
            session.readings.setdefault(pid, []).append(reading)

    def called(self, session: Session, start: Start, place: Checkout | None) -> naming.Name:
        """Return what a running command is called by what it executed so far."""
        shell, since_ns = start.shell_pid, since(start)
        living = [life for life in self.tree.below(shell) if within(shell, since_ns, 1 << 62, life)]
        ran = [Ran(life.argv, life.born_ns, 1) for life in living]
        if session.run:
            ran = [Ran(session.begin.argv, 0, 1)]
        return self.teller.called(None, ran, (start.cwd, place))

    def due_ns(self) -> int | None:
        """Return when a shell is to be looked at, or a command to be told again."""
        dues = [*self._dirty.values(), self.closing.lately.due_ns(), self.expenses.due_ns()]
        dues += [self._backlog.due_ns(), self.network.due_ns()]
        return min([due for due in dues if due is not None], default=None)

    def settle(self, now_ns: int, *, flush: bool = False) -> None:
        """Look at the shells that have reaped something since; tell again what has grown."""
        self.expenses.look(now_ns)
        self._release(flush=flush)
        running = any(one.run or one.commands.open() for one in self.active.values())
        self.network.settle(now_ns, running=running, alone=not self.active)
        self.closing.lately.settle(now_ns, flush=flush)
        for pid, due_ns in list(self._dirty.items()):
            session = self.owners.get(pid)
            if due_ns > now_ns:
                continue
            del self._dirty[pid]
            if session is not None:
                self.look(session, pid)

    def lost(self, since_ns: int, until_ns: int, loss: tuple[str, int | None, str]) -> None:
        """Tell that nobody saw what happened between two moments; sensor, missed, reason."""
        self.closing.blind.append((since_ns, until_ns))
        del self.closing.blind[:-256]
        wall = self.teller.times.wall
        sensor, missed, reason = loss
        self.teller.recorder.tell(
            wire.Loss(
                session=self.identity.host_session,
                sensor=sensor,
                since=wall(since_ns),
                until=wall(until_ns),
                missed=missed,
                reason=reason,
            )
        )

    def _observe(self, event: Event) -> None:
        self.expenses.saw(event)
        if isinstance(event, Gap):
            self.lost(event.since, event.until, (event.source, event.missed, event.reason))
            return
        life = self.tree.apply(event)
        if isinstance(event, Exec):
            self.network.executed(event.pid)
            self._executed(event)
        if life is None:
            return
        if life.pid not in self.owners:
            self.expenses.keep(life, clock.monotonic_ns())
            return
        self.expenses.conclude(life)
        self.tree.closed.pop((life.pid, life.start_ticks), None)
        self._went(life)

    def _executed(self, event: Exec) -> None:
        session = self.owners.get(event.pid)
        life = self.tree.live.get(event.pid)
        if session is None or life is None or event.completeness != EXACT:
            return
        if session.run and session.executed is None:
            session.executed = event.at
            self.begun(session, session.began)
        elif session.run:
            return
        elif life.execs > 1 and event.at - session.begin.at_ns > _STARTING_NS:
            session.queue(event.at, Replaced(event.pid))

    def _went(self, life: Life) -> None:
        """Bring an ended process to the session it belongs to."""
        self.network.ended(life)
        owner = self.owners.get(life.pid)
        session = self.owners.get(life.shell)
        if owner is not None and life.pid == owner.begin.shell_pid:
            self.ended.setdefault(owner.name, Ended(life.ended_ns or 0, life.status))
            if owner.run and _is_wrapper(life):
                ran = life.status is None or life.status >> 8 not in {126, 127}
                life.argv, life.exe = owner.begin.argv if ran else None, None
                life.name = named(None, life.argv, None)
            if not owner.run:
                self.teller.process(life, Key(owner.id, 0))
                return
        elif owner is not None:
            owner.queue(life.ended_ns or 0, Gone(life.pid, life.status))
            self.tree.unshell(life.pid)
            del self.owners[life.pid]
        if session is not None:
            self._route(session, life)

    def _route(self, session: Session, life: Life) -> None:
        """Tell a process whose command is known; hold it until it is."""
        if session.is_ours(life) or self.closing.lately.late(session, life, clock.monotonic_ns()):
            return
        for shell, since_ns, until_ns, command in session.spans:
            if within(shell, since_ns, until_ns, life):
                if command is not None:
                    self.teller.process(life, Key(session.id, command))
                return
        early = session.executed is not None and session.name not in self.typed
        now_ns = clock.monotonic_ns()
        word = self._early if early else self._hold
        self._backlog.add(now_ns, functools.partial(word, session, life))
        if early:
            return
        if life.ppid == life.shell and not session.run:
            self._dirty.setdefault(life.shell, now_ns + _REAPED_NS)

    def _early(self, session: Session, life: Life) -> None:
        self.teller.early(life, session, self.closing.key(session, session.began))

    def _hold(self, session: Session, life: Life) -> None:
        session.held.add(self.teller.entry(life, session))


def _is_wrapper(life: Life) -> bool:
    """Say whether a run's process was only ever seen as the fork of ours that became it."""
    return any(word.endswith("/launch/wrapper.py") for word in life.argv or ())
