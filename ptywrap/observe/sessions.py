"""All sessions of this user: finds them in the marks folder, brings each what concerns it."""

import logging
import re
from pathlib import Path
from typing import NamedTuple

from ptywrap import __version__, clock, wire
from ptywrap.lifecycle.base import Event, Exec, Exit, Fork, Gap
from ptywrap.observe import Kernel
from ptywrap.observe.actor import actor
from ptywrap.observe.closing import Closing
from ptywrap.observe.commands import Finish, Start
from ptywrap.observe.sensors import Sensors
from ptywrap.observe.session import BARE, Session, begin_of
from ptywrap.observe.telling import Key, Teller
from ptywrap.observe.tree import Life

_LOG = logging.getLogger(__name__)
GRACE_NS = 50_000_000
"""How long a record waits for those of other files and for process events of the same moment."""
_END_NS = 300_000_000
_NAME = re.compile(r"([0-9a-f]{32})\.(pty|\d{1,10})")


class Identity(NamedTuple):
    """Whose sessions these are, on which boot of which machine."""

    user: str
    device: str
    boot_id: str


class Outer(NamedTuple):
    """The session a run was typed in: its shell, and when what it typed was born."""

    session: Session
    shell: int
    top_ns: int


class Sessions:
    """The sessions under observation, by name."""

    def __init__(
        self, folder: Path, identity: Identity, sensors: Sensors, teller: Teller, kernel: Kernel
    ) -> None:
        self.active: dict[str, Session] = {}
        self.outcomes: dict[str, Key | None] = {}
        """Runs that were told, and under what; None: recorded nowhere."""
        self.closing = Closing(teller)
        self._folder = folder
        self._identity = identity
        self._sensors = sensors
        self._teller = teller
        self._tree = teller.tree
        self._kernel = kernel
        self._owners: dict[int, Session] = {}
        self._outer: dict[str, Outer] = {}
        self._ended: dict[str, tuple[int, int | None]] = {}
        self._asked: set[int] = set()
        self._surviving: list[Session] = []
        self._dirty: dict[int, int] = {}

    # -- what the folder says --------------------------------------------------------------

    def scan(self, now_ns: int) -> None:
        """Read what was appended, and take sessions that are new."""
        found: dict[str, list[int]] = {}
        for path in sorted(self._folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is not None:
                pids = found.setdefault(match[1], [])
                if match[2] != "pty":
                    pids.append(int(match[2]))
        fresh = [name for name in found if name not in self.active]
        taken = [self._take(name) for name in fresh]
        taken.sort(key=lambda session: session.begin.at_ns if session else 0)
        for session in taken:
            if session is not None:
                self._adopt(session, now_ns)
        for name, pids in found.items():
            known = self.active.get(name)
            if known is not None:
                accepted = [pid for pid in pids if self._accepts(known, pid)]
                for pid in known.read(now_ns, accepted):
                    self._look(known, pid)

    def due_ns(self) -> int | None:
        """Return the moment at which something waits to be done."""
        dues = [s.due_ns + GRACE_NS for s in self.active.values() if s.due_ns is not None]
        dues += [due for name in self.active if (due := self._over_ns(name)) is not None]
        dues += self._dirty.values()
        return min(dues, default=None)

    def advance(self, now_ns: int, *, flush: bool = False) -> None:
        """Close what is over by now; with `flush` without waiting for stragglers."""
        for pid, due_ns in list(self._dirty.items()):
            owner = self._owners.get(pid)
            if due_ns <= now_ns and owner is not None:
                self._look(owner, pid)
            if due_ns <= now_ns or owner is None:
                self._dirty.pop(pid, None)
        for session in list(self.active.values()):
            horizon_ns = now_ns if flush else now_ns - GRACE_NS
            waited = session.due_ns is not None
            self._steps(session, session.advance(horizon_ns))
            session.held.flush()
            if waited:
                session.save()
            over_ns = self._over_ns(session.name)
            if over_ns is not None and now_ns >= over_ns:
                self._over(session, now_ns)
        if not self.active:
            self._abandon()

    # -- what the kernel says --------------------------------------------------------------

    def observe(self, event: Event) -> None:
        """Take one lifecycle event."""
        if isinstance(event, Gap):
            self._lost(event)
            return
        life = self._tree.apply(event)
        if isinstance(event, Exec):
            self._executed(event)
        if life is not None:
            self._tree.closed.pop((life.pid, life.start_ticks), None)
            self._went(life)
        if isinstance(event, Fork):
            return

    def follow(self, name: str, pid: int) -> bool:
        """Take a command whose exec is held; False while nobody can tell of it."""
        if not self._sensors.ready:
            return False
        self._asked.add(pid)
        if pid not in self._owners and not self._sensors.follows(pid):
            self._sensors.follow(pid)
            self.drain()
        _LOG.debug("following for session %s", name[:8])
        return True

    def drain(self) -> None:
        """Take what the backends know by now."""
        for event in self._sensors.read():
            self.observe(event)

    def running(self) -> list[tuple[Session, Start]]:
        """Return the commands that run now."""
        return [(s, start) for s in self.active.values() for start in s.commands.open()]

    def close(self) -> None:
        """Let go of everything; what is unfinished the next observer goes on with."""
        for session in self.active.values():
            session.save()
            session.close(remove=False)
        self.active.clear()

    # -- taking a session ------------------------------------------------------------------

    def _take(self, name: str) -> Session | None:
        begin = begin_of(self._folder / f"{name}.pty", Path.read_bytes)
        if begin is None:
            return None
        times = self._teller.times
        times.note(begin.at_ns, begin.wall_ns)
        session = Session(self._folder, name, begin, times)
        self.active[name] = session
        return session

    def _adopt(self, session: Session, now_ns: int) -> None:
        begin = session.begin
        pid = begin.shell_pid
        self._owners[pid] = session
        for shell in session.commands.shells():
            self._owners[shell] = session
            self._tree.shell(shell)
        outer = self._typed_in(session) if session.run else None
        if outer is not None:
            self._outer[session.name] = outer
        self._tree.shell(pid, run=session.run)
        if not self._sensors.follows(pid):
            self._sensors.follow(pid)
        self.drain()
        session.actor = self._actor(session)
        self._told(session)
        if pid not in self._asked:
            self._unseen(session, now_ns)
        if session.fresh:
            self._look(session, pid)
            if session.run:
                start = Start(pid, begin.at_ns, begin.at_ns, begin.cwd, "begin")
                self._begun(session, start)
        if not self._kernel.alive(pid):
            self._ended.setdefault(session.name, (now_ns, None))

    def _unseen(self, session: Session, now_ns: int) -> None:
        """Tell that nobody looked between the start of a session and now."""
        begin_ns = session.begin.at_ns
        if not session.fresh or now_ns <= begin_ns:
            return
        if session.run:
            self.closing.blind.append((begin_ns, now_ns))
        wall = self._teller.times.wall
        self._teller.recorder.tell(
            wire.Loss(
                session=session.id,
                sensor="lifecycle",
                since=wall(begin_ns),
                until=wall(now_ns),
                reason="the observer had not started",
            )
        )

    def _told(self, session: Session, ended_at: int | None = None) -> None:
        begin = session.begin
        self._teller.recorder.tell(
            wire.Session(
                id=session.id,
                user=self._identity.user,
                host=self._identity.device,
                shell=begin.shell.rpartition("/")[2].lstrip("-") or None,
                terminal=begin.tty or None,
                boot_id=self._identity.boot_id,
                version=__version__,
                started_at=begin.wall_ns,
                ended_at=ended_at,
                sensors=self._sensors.names,
            )
        )

    def _actor(self, session: Session) -> str:
        begin = session.begin
        rules = self._teller.rules
        forebears = self._kernel.forebears(begin.keeper_pid or begin.shell_pid)
        environ = self._kernel.environ(begin.shell_pid, rules.ci_variables)
        names = [name for _, name in forebears]
        return actor(names, environ, rules.agents, terminal=self._terminal(session))

    def _terminal(self, session: Session) -> bool:
        outer = self._outer.get(session.name)
        return session.begin.mode != BARE or outer is not None

    def _typed_in(self, session: Session) -> Outer | None:
        """Return the session in whose shell this run was typed: shell, launcher, keeper, command."""
        parent = self.active.get(session.begin.parent)
        if parent is None:
            return None
        line = list(self._tree.above(session.begin.keeper_pid))[:2]
        for life in line:
            if life.ppid in parent.commands.shells():
                return Outer(parent, life.ppid, life.top_ns)
        return None

    def _accepts(self, session: Session, pid: int) -> bool:
        """Say whether a shell's marks count: it must live, or have lived, in the session's tree."""
        if pid == session.begin.shell_pid or pid in session.commands.shells():
            return True
        life = self._tree.live.get(pid)
        if life is None:
            return not session.fresh and not self._kernel.alive(pid)
        if self._owners.get(life.shell) is not session:
            return False
        self._owners[pid] = session
        self._tree.shell(pid)
        return True

    # -- what happened in one --------------------------------------------------------------

    def _executed(self, event: Exec) -> None:
        session = self._owners.get(event.pid)
        life = self._tree.live.get(event.pid)
        if session is None or session.run or life is None or life.execs < 2:
            return
        self._steps(session, session.commands.replaced(event.pid, event.at))

    def _went(self, life: Life) -> None:
        """Bring an ended process to the session it belongs to."""
        owner = self._owners.get(life.pid)
        session = self._owners.get(life.shell)
        if owner is not None and life.pid == owner.begin.shell_pid:
            self._ended.setdefault(owner.name, (life.ended_ns or 0, life.status))
            if not owner.run:
                session = None
                self._teller.process(life, Key(owner.id, 0))
        elif owner is not None:
            self._steps(owner, owner.commands.gone(life.pid, life.ended_ns or 0, life.status))
            self._tree.unshell(life.pid)
            del self._owners[life.pid]
        if session is not None:
            self._route(session, life)

    def _route(self, session: Session, life: Life) -> None:
        for shell, since_ns, until_ns, command in session.spans:
            if life.shell == shell and since_ns <= life.top_ns <= until_ns:
                if command is not None:
                    self._teller.process(life, Key(session.id, command))
                return
        session.held.add(self._teller.entry(life, session))
        if life.ppid == life.shell and not session.run:
            self._dirty[life.shell] = clock.monotonic_ns() + 2_000_000

    def _steps(self, session: Session, steps: list[Start | Finish]) -> None:
        for step in steps:
            if isinstance(step, Finish):
                self.closing.typed(session, step)
            else:
                self._begun(session, step)

    def _begun(self, session: Session, start: Start) -> None:
        """Tell a start, unless it may yet turn out to be one that is recorded nowhere."""
        recorder = self._teller.recorder
        sure = session.run or (start.by == "mark" and not recorder.ignoring)
        if sure and not recorder.was_paused(start.at_ns) and session.name not in self._outer:
            self._teller.start(session, start, self.closing.key(session, start))

    def _look(self, session: Session, pid: int) -> None:
        reading = self._kernel.reading(pid)
        if reading is not None and not session.run:
            session.readings.setdefault(pid, []).append(reading)

    def _lost(self, gap: Gap) -> None:
        self.closing.blind.append((gap.since, gap.until))
        del self.closing.blind[:-256]
        wall = self._teller.times.wall
        self._teller.recorder.tell(
            wire.Loss(
                session=wire.host_session(self._identity.device, self._identity.boot_id),
                sensor=gap.source,
                since=wall(gap.since),
                until=wall(gap.until),
                missed=gap.missed,
                reason=gap.reason,
            )
        )

    # -- the end of one --------------------------------------------------------------------

    def _over_ns(self, name: str) -> int | None:
        """Return when a session counts as over: both the kernel and the wrapper said so, or late."""
        session = self.active[name]
        ended = self._ended.get(name)
        if session.end is not None and ended is not None:
            return 0
        if session.end is not None:
            return session.end.at_ns + _END_NS
        return ended[0] + 1_000_000_000 if ended is not None else None

    def _over(self, session: Session, now_ns: int) -> None:
        self._steps(session, session.advance(now_ns))
        ended_ns, status = self._ending(session, now_ns)
        if session.run:
            self._run_over(session, ended_ns, status)
        else:
            pid = session.begin.shell_pid
            self._steps(session, session.commands.gone(pid, ended_ns, status))
            self.closing.over(session)
        self._losses(session)
        self._told(session, self._teller.times.wall(ended_ns))
        for table in (self._ended, self._outer):
            table.pop(session.name, None)
        del self.active[session.name]
        session.close(remove=True)
        self._survive(session)

    def _ending(self, session: Session, now_ns: int) -> tuple[int, int | None]:
        seen = self._ended.get(session.name)
        if session.end is not None:
            status = session.end.status if session.end.status >= 0 else None
            at_ns = seen[0] if seen is not None and seen[0] <= session.end.at_ns else None
            return at_ns or session.end.at_ns, status if status is not None else seen and seen[1]
        return seen if seen is not None else (now_ns, None)

    def _run_over(self, session: Session, ended_ns: int, status: int | None) -> None:
        begin = session.begin
        life = self._tree.live.get(begin.shell_pid)
        started_ns = self._execs.pop(begin.shell_pid, begin.at_ns)
        del life
        start = Start(begin.shell_pid, begin.at_ns, min(started_ns, ended_ns), begin.cwd, "begin")
        finish = Finish(start, ended_ns, status, (), None, private=False, seen="mark")
        outer = self._outer.get(session.name)
        self.outcomes[session.name] = self.closing.ran(session, finish, outer)

    def _losses(self, session: Session) -> None:
        del session

    def _survive(self, session: Session) -> None:
        """Go on watching what a session left behind, as long as any session lives."""
        if any(self._owners.get(life.shell) is session for life in self._tree.live.values()):
            self._surviving.append(session)

    def _abandon(self) -> None:
        """Let the kernel be silent: no session lives."""
