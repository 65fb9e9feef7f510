"""All sessions of this user: found in the marks folder, advanced, and closed when they are over."""

import re
from pathlib import Path

from ptywrap import __version__, wire
from ptywrap.observe.actor import actor
from ptywrap.observe.claims import Outcome, Outer
from ptywrap.observe.commands import Finish, Start
from ptywrap.observe.outer import typed_in
from ptywrap.observe.session import BARE, Session, begin_of
from ptywrap.observe.ward import Ended, Ward

GRACE_NS = 50_000_000
"""How long a record waits for those of other files and for process events of the same moment."""
_AGAIN_NS = 10_000_000
_LAG_NS = 300_000_000
_STRAGGLER_NS = 1_500_000_000
_UNTOLD_NS = 1_000_000_000
_OUTCOMES = 256
_NAME = re.compile(r"([0-9a-f]{32})\.(pty|\d{1,10})")
_UNSEEN = ("lifecycle", "the observer had not started")
_NOT_HELD = 2
_REASONS = {
    1: ("pump", "the relay died with bytes in flight"),
    _NOT_HELD: ("lifecycle", "the command did not wait for the observer"),
    3: ("pump", "records could not be written"),
}


class Sessions:
    """The sessions of one marks folder."""

    def __init__(self, folder: Path, ward: Ward) -> None:
        self.ward = ward
        self.outcomes: dict[str, Outcome] = {}
        """Runs that are over."""
        self._folder = folder
        self._outer: dict[str, Outer] = {}
        self._asked = set(ward.sensors.followed)
        self._adopted: dict[str, int] = {}
        self._surviving: list[Session] = []

    def scan(self, now_ns: int) -> None:
        """Read what was appended, and take sessions that are new."""
        found: dict[str, list[int]] = {}
        for path in self._folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None:
                pids = found.setdefault(match[1], [])
                if match[2] != "pty":
                    pids.append(int(match[2]))
        active = self.ward.active
        begun = [(name, begin_of(self._folder / f"{name}.pty")) for name in found.keys() - active]
        taken = [(begin, name) for name, begin in begun if begin is not None]
        fresh: list[Session] = []
        for begin, name in sorted(taken, key=lambda one: one[0].at_ns):
            self.ward.teller.times.hear(begin.at_ns, begin.wall_ns)
            session = Session(self._folder, name, begin, self.ward.teller.times)
            active[name] = session
            fresh.append(session)
            self._own(session)
        # Only now, for there may be events of commands that were followed before they were known.
        self.ward.drain()
        for session in fresh:
            self._adopt(session, now_ns)
        for name, pids in found.items():
            known = active.get(name)
            if known is not None:
                accepted = [pid for pid in sorted(pids) if self._accepts(known, pid)]
                for pid in known.read(now_ns, accepted):
                    self.ward.look(known, pid)
                if known.unsaved:
                    known.save()

    def due_ns(self, now_ns: int) -> int | None:
        """Return the moment at which something waits to be done."""
        sessions = self.ward.active.values()
        dues = [one.due_ns + GRACE_NS for one in sessions if one.due_ns is not None]
        dues = [max(due, now_ns + _AGAIN_NS) if due < now_ns else due for due in dues]
        dues += [due for one in sessions if (due := self._over_ns(one)) is not None]
        looking = self.ward.due_ns()
        return min([*dues, looking] if looking is not None else dues, default=None)

    def advance(self, now_ns: int, *, flush: bool = False) -> None:
        """Close what is over by now; with `flush` without waiting for stragglers."""
        self.ward.settle(now_ns, flush=flush)
        # Runs first: the line they were typed in asks for them.
        for session in sorted(self.ward.active.values(), key=lambda one: not one.run):
            if not flush and self.ward.closing.claims.awaited(session):
                continue
            waited = session.due_ns is not None
            horizon_ns = now_ns if flush else now_ns - GRACE_NS
            if waited and not flush and self._early(session, now_ns):
                continue
            self.ward.steps(session, session.advance(horizon_ns))
            session.held.flush()
            if waited:
                session.save()
            over_ns = self._over_ns(session)
            if over_ns is not None and now_ns >= over_ns:
                self._over(session, now_ns)
        self._part()

    def lagging(self) -> bool:
        """Say whether kernel events of what has happened already are still on their way."""
        return any(one.due_ns and self.ward.lagging(one) for one in self.ward.active.values())

    def follow(self, pid: int) -> bool:
        """Take a command whose exec is held; False where nobody can tell of it."""
        sensors = self.ward.sensors
        if not sensors.ready:
            return False
        self._asked.add(pid)
        if not sensors.follows(pid):
            sensors.follow(pid)
            self.ward.drain()
        self.ward.network.executed(pid)
        return True

    def running(self) -> list[tuple[Session, Start]]:
        """Return the commands that run now."""
        found = []
        for session in self.ward.active.values():
            opened = [session.began] if session.run else session.commands.open()
            if session.name not in self._outer:
                found += [(session, start) for start in opened]
        return found

    def close(self) -> None:
        """Let go of everything; what is unfinished the next observer goes on with."""
        for session in self.ward.active.values():
            session.save()
            session.close(remove=False)
        self.ward.active.clear()

    def _early(self, session: Session, now_ns: int) -> bool:
        """Say whether a session waits for the ends of processes that are gone already."""
        due_ns = session.due_ns or now_ns
        if not due_ns + GRACE_NS <= now_ns < due_ns + _LAG_NS:
            return False
        return self.ward.lagging(session)

    # -- taking one ------------------------------------------------------------------------

    def _own(self, session: Session) -> None:
        """Take a session's shells, so that what the kernel tells of them is told to it."""
        ward, pid = self.ward, session.begin.shell_pid
        outer = typed_in(ward, session) if session.run else None
        if outer is not None:
            self._outer[session.name] = outer
            ward.typed.add(session.name)
            outer.session.launchers.add(outer.launcher)
            ward.closing.claims.expect(outer, session)
        for shell in session.commands.shells():
            ward.own(session, shell)
        ward.own(session, pid, run=session.run)
        if not ward.sensors.follows(pid):
            ward.sensors.follow(pid)
        session.actor = self._actor(session)
        session.hidden = ward.teller.recorder.ignores(session.line)
        if outer is None and not session.hidden:
            self._tell(session)

    def _adopt(self, session: Session, now_ns: int) -> None:
        ward, begin = self.ward, session.begin
        pid = begin.shell_pid
        self._adopted[session.name] = now_ns
        if session.fresh and not session.run:
            session.blind.append((begin.at_ns, now_ns))
            self._lose(session, begin.at_ns, now_ns, _UNSEEN)
        if session.fresh:
            ward.look(session, pid)
        # Who is in the tree was followed in time: his end is told, after all that came before it.
        if pid not in ward.tree.live and not ward.kernel.alive(pid):
            ward.ended.setdefault(session.name, Ended(now_ns, None))

    def _tell(self, session: Session, ended_at: int | None = None) -> None:
        begin, identity = session.begin, self.ward.identity
        self.ward.teller.recorder.tell(
            wire.Session(
                id=session.id,
                user=identity.user,
                host=identity.device,
                shell=begin.shell.rpartition("/")[2].lstrip("-") or None,
                terminal=begin.tty or None,
                boot_id=identity.boot_id,
                version=__version__,
                started_at=begin.wall_ns,
                ended_at=ended_at,
                sensors=self.ward.names,
            )
        )

    def _actor(self, session: Session) -> str:
        begin, kernel, rules = session.begin, self.ward.kernel, self.ward.teller.rules
        above = kernel.forebears(begin.keeper_pid or begin.shell_pid)
        environ = kernel.environ(begin.shell_pid, rules.ci_variables)
        terminal = begin.mode != BARE or session.name in self._outer
        return actor(above, environ, rules.agents, terminal=terminal)

    def _accepts(self, session: Session, pid: int) -> bool:
        """Say whether a shell's marks count: it must live in the session's tree, or have."""
        if pid in session.commands.shells():
            return True
        life = self.ward.tree.live.get(pid)
        if life is None:
            return not session.fresh and not self.ward.kernel.alive(pid)
        if self.ward.owners.get(life.shell) is not session:
            return False
        self.ward.own(session, pid)
        return True

    # -- the end of one --------------------------------------------------------------------

    def _over_ns(self, session: Session) -> int | None:
        """Return when a session counts as over: kernel and wrapper said so, or one of them did."""
        gone = self.ward.ended.get(session.name)
        if session.end is not None:
            known = self.ward.network.settled_ns(session)
            return known if gone is not None else session.end.at_ns + _STRAGGLER_NS
        return gone.at_ns + _UNTOLD_NS if gone is not None else None

    def _over(self, session: Session, now_ns: int) -> None:
        ward = self.ward
        ward.steps(session, session.advance(now_ns))
        end = self._ending(session, now_ns)
        if session.run:
            self._run_over(session, end)
        else:
            pid = session.begin.shell_pid
            ward.steps(session, session.commands.gone(pid, end.at_ns, end.status))
            ward.closing.over(session)
            self._told(session, end)
        ward.ended.pop(session.name, None)
        ward.typed.discard(session.name)
        self._outer.pop(session.name, None)
        self._adopted.pop(session.name, None)
        self._asked.discard(session.begin.shell_pid)
        del ward.active[session.name]
        session.close(remove=True)
        self._surviving.append(session)

    def _ending(self, session: Session, now_ns: int) -> Ended:
        """Return when and how it ended: the kernel's time, the status that was waited for."""
        gone, end = self.ward.ended.get(session.name), session.end
        if end is None:
            return gone or Ended(now_ns, None)
        at_ns = min(gone.at_ns, end.at_ns) if gone is not None else end.at_ns
        status = end.status if end.status >= 0 else gone.status if gone is not None else None
        return Ended(at_ns, status)

    def _run_over(self, session: Session, end: Ended) -> None:
        outer, closing = self._outer.get(session.name), self.ward.closing
        if outer is not None:
            # Else the line before could still seem to be the one that runs.
            self.ward.steps(outer.session, outer.session.advance(session.begin.at_ns))
        with self.ward.teller.recorder.holding() as facts:
            outcome = self._ran(session, end, outer)
        outcome.facts = facts
        closing.claims.conclude(session, outer, outcome)
        self.outcomes[session.name] = outcome
        while len(self.outcomes) > _OUTCOMES:
            del self.outcomes[next(iter(self.outcomes))]

    def _ran(self, session: Session, end: Ended, outer: Outer | None) -> Outcome:
        begin = session.begin
        adopted_ns = self._adopted.get(session.name, begin.at_ns)
        late = any(lost.reason == _NOT_HELD for lost in session.losses)
        if (begin.shell_pid not in self._asked or late) and session.fresh:
            session.blind.append((begin.at_ns, adopted_ns))
            if not session.losses:
                self._lose(session, begin.at_ns, adopted_ns, _UNSEEN)
        since_ns = min(max(session.executed or 0, begin.at_ns), end.at_ns)
        start = session.began._replace(at_ns=since_ns)
        finish = Finish(start, end.at_ns, end.status, (), None, private=False, seen="mark")
        outcome = self.ward.closing.ran(session, finish, outer)
        self._told(session, end)
        return outcome

    def _told(self, session: Session, end: Ended) -> None:
        """Tell what a session's pump lost, and that it is over."""
        for lost in session.losses:
            what = _REASONS.get(lost.reason, ("pump", ""))
            self._lose(session, session.begin.at_ns, lost.at_ns, what)
        self._tell(session, self.ward.teller.times.wall(end.at_ns))

    def _lose(self, session: Session, since_ns: int, until_ns: int, what: tuple[str, str]) -> None:
        since, until = (self.ward.teller.times.wall(at_ns) for at_ns in (since_ns, until_ns))
        loss = wire.Loss(
            session=session.id, sensor=what[0], since=since, until=until, reason=what[1]
        )
        self.ward.teller.recorder.tell(loss)

    def _part(self) -> None:
        """Leave sessions that are over once nothing of theirs lives, or no other session does."""
        for session in list(self._surviving):
            if not self.ward.active or not self.ward.survivors(session):
                self._surviving.remove(session)
                self.ward.disown(session)
