"""Tells a command: gathers its processes, words, checkout and totals, and makes them facts."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from ptywrap import wire
from ptywrap.observe import account, checkout, naming, path
from ptywrap.observe.account import Entry
from ptywrap.observe.commands import Finish, Start
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.session import BARE, Session
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Life, Tree, worst
from ptywrap.templates import Rules

_SLACK_NS = 300_000
"""A mark's wall time is put on the monotonic clock through a pair read one after the other."""
_TICK_NS = 10_000_000
_EARLIER_NS = {"glance": 15_000_000, "foreground": 100_000_000}
"""A mark without a time is dated by its file, whose time comes in steps of the kernel's tick; the
foreground is looked at only some time after Enter."""


class Key(NamedTuple):
    """What a command is told under."""

    session: bytes
    id: int


class Story(NamedTuple):
    """Everything about one ended command that the facts are made of.

    `living` outlive it. `cpu` is of the run's own rusage or of the shell's ledger, `root` the shell
    whose children the topmost processes are; `line` is typed, or a run's words.
    """

    key: Key
    finish: Finish
    entries: Sequence[Entry]
    living: Sequence[Life]
    cpu: account.Cpu
    line: str | None
    blind: bool


class Teller:
    """Makes facts of commands; knows words, checkouts, clocks, and where facts go."""

    def __init__(self, recorder: Recorder, rules: Rules, times: Times, tree: Tree) -> None:
        self.recorder = recorder
        self.rules = rules
        self.times = times
        self.tree = tree
        self._repos: set[tuple[str, str]] = set()

    def entry(self, life: Life, session: Session) -> Entry:
        """Return a process that ended as it is held: its row already private."""
        fact = account.process(life, session.id, self.times)
        cost = life.cost
        cpu_ns = None if cost.user_ns is None else cost.user_ns + (cost.sys_ns or 0)
        return Entry(
            life.shell,
            life.pid,
            life.ppid,
            life.start_ticks,
            life.parent_ticks or 0,
            life.top_ns,
            life.born_ns,
            life.ended_ns or life.born_ns,
            cpu_ns,
            cost.source in account.WHOLE,
            life.loose,
            wire.encode(self.recorder.private(fact)),
        )

    def process(self, life: Life, key: Key, *, words: bool = True) -> None:
        """Tell one process of a command that is known, or of none (id 0)."""
        fact = account.process(life, key.session, self.times, key.id)
        self.recorder.tell(fact if words and key.id else wordless(fact))

    def start(self, session: Session, start: Start, key: Key) -> None:
        """Tell that a command has begun; its line is told with its end alone."""
        named = naming.name(None, _ran_by(session), self.rules)
        fact = wire.Command(
            session=key.session,
            id=key.id,
            shell_pid=start.shell_pid,
            shape=named.shape,
            template=named.template,
            category=named.category,
            started_at=self.started_at(start),
            actor=session.actor,
            cwd=start.cwd,
        )
        self.recorder.tell(self._placed(fact, start.cwd))

    def end(self, session: Session, story: Story, known: int | None = None) -> wire.Command:
        """Tell an ended command and its processes; return the fact.

        Told again, only the first `known` entries are new.
        """
        processes = self._told(story, known)
        fact = self._command(session, story, processes)
        self.recorder.tell(fact)
        return fact

    def started_at(self, start: Start) -> int:
        """Return when a command began, ns since the epoch: as its mark says, where one does."""
        return start.mark_ns if start.by == "mark" else self.times.wall(start.at_ns)

    def _told(self, story: Story, known: int | None) -> list[wire.Process]:
        """Tell the processes of a command, the ended and those that go on."""
        facts: list[wire.Process] = []
        for place, entry in enumerate(story.entries):
            fact = wire.decode(entry.row) if entry.row else None
            if isinstance(fact, wire.Process):
                key = story.key
                fact = structs.replace(fact, session=key.session, command=key.id)
                facts.append(fact)
                if known is None or place < known:
                    self.recorder.keep(wordless(fact) if story.finish.private is None else fact)
        for life in story.living:
            if known is None:
                self.process(life, story.key, words=story.finish.private is not None)
            facts.append(account.process(life, story.key.session, self.times, story.key.id))
        return facts

    def _command(
        self, session: Session, story: Story, processes: list[wire.Process]
    ) -> wire.Command:
        finish, key = story.finish, story.key
        start = finish.start
        cpu = account.chosen(story.cpu, account.summed(processes, story.entries))
        split = _split(story, cpu)
        ran = _ran_by(session) if session.executed else _ran(story, processes)
        named = naming.name(story.line, ran, self.rules)
        exit_status, signal = self._ending(session, finish, processes)
        asleep_ns = self.times.asleep(start.at_ns, finish.end_ns)
        fact = wire.Command(
            session=key.session,
            id=key.id,
            line=story.line,
            shell_pid=start.shell_pid,
            shape=named.shape,
            template=named.template,
            category=named.category,
            cwd=start.cwd,
            actor=session.actor,
            started_at=self.started_at(start),
            wall_ns=finish.end_ns - start.at_ns + asleep_ns,
            suspended_ns=asleep_ns,
            exit_status=exit_status,
            signal=signal,
            cpu_user_ns=cpu.user_ns,
            cpu_sys_ns=cpu.sys_ns,
            peak_rss_bytes=cpu.peak_rss_bytes or _peak(processes),
            read_bytes=cpu.read_bytes,
            write_bytes=cpu.write_bytes,
            process_count=len(processes) or (None if story.blind else 0),
            completeness=_completeness(story, processes),
            split=split,
            other_reasons={"unknown": split.other_ns} if split.other_ns else {},
            wait_ns=self._wait_ns(session, finish, named.wait),
        )
        return self._placed(fact, start.cwd)

    def _wait_ns(self, session: Session, finish: Finish, wait: str) -> int | None:
        if session.begin.mode == BARE:
            return None
        return session.attention.wait_ns(finish.start.at_ns, finish.end_ns, wait)

    def _ending(
        self, session: Session, finish: Finish, processes: Sequence[wire.Process]
    ) -> tuple[int | None, int | None]:
        """Return status and signal: a run's are the kernel's, a shell's what `$?` said."""
        if session.run or finish.seen == "gone":
            return account.ending(finish.status)
        status = finish.status
        if status is None or status <= 128:
            return status, None
        top = {p.signal for p in processes if p.ppid == finish.start.shell_pid}
        return status, status - 128 if status - 128 in top else None

    def _placed(self, fact: wire.Command, cwd: str | None) -> wire.Command:
        found = checkout.checkout(cwd) if cwd else None
        if found is None:
            return fact
        for alias in found.aliases:
            if (found.repo, alias) not in self._repos:
                self._repos.add((found.repo, alias))
                self.recorder.tell(wire.Project(repo=found.repo, alias=alias))
        return structs.replace(fact, repo=found.repo, branch=found.branch, commit=found.commit)


def wordless(fact: wire.Process) -> wire.Process:
    """Return a process without what was typed or where."""
    return structs.replace(fact, argv=None, cwd=None, argv_cut=False)


def since(start: Start) -> int:
    """Return from when on a process may belong to a command."""
    return start.at_ns - _EARLIER_NS.get(start.by, _SLACK_NS)


def within(shell: int, since_ns: int, until_ns: int, entry: Entry | Life) -> bool:
    """Say whether a process was part of what a shell ran between two moments."""
    late_ns = latest(entry)
    return entry.shell == shell and since_ns <= late_ns and entry.top_ns <= until_ns


def latest(entry: Entry | Life) -> int:
    """Return until when a process's topmost ancestor was born."""
    return entry.top_ns + (_TICK_NS if entry.loose else 0)


def _ran_by(session: Session) -> list[naming.Ran]:
    argv = session.begin.argv if session.run else ()
    return [naming.Ran(argv, 0, 0)] if argv else []


def _ran(story: Story, processes: Sequence[wire.Process]) -> list[naming.Ran]:
    """Return the topmost processes that executed something, each below those that only forked."""
    tops = [one for one in processes if one.ppid == story.finish.start.shell_pid]
    tops += [one for one in processes if one.pid == story.finish.start.shell_pid]
    children: dict[int, list[wire.Process]] = {}
    for one in processes:
        children.setdefault(one.ppid or 0, []).append(one)
    found = []
    seen = set()
    for one in tops:
        if (one.pid, one.start_ticks) in seen:
            continue
        seen.add((one.pid, one.start_ticks))
        if one.argv is None:
            tops.extend(children.get(one.pid, ()))
        else:
            born_ns = one.started_at or 0
            found.append(naming.Ran(tuple(one.argv), born_ns, one.wall_ns or 1 << 62))
    return found


def _split(story: Story, cpu: account.Cpu) -> wire.Split:
    spans = _spans(story.entries)
    pieces = path.pieces(spans, story.finish.start.at_ns, story.finish.end_ns)
    total_ns = None if cpu.user_ns is None else cpu.user_ns + (cpu.sys_ns or 0)
    return account.split(pieces, spans, total_ns)


def _spans(entries: Sequence[Entry]) -> list[path.Span]:
    places = {(entry.pid, entry.start_ticks): place for place, entry in enumerate(entries)}
    return [
        path.Span(
            entry.pid,
            entry.born_ns,
            entry.ended_ns,
            places.get((entry.ppid, entry.parent_ticks), -1),
            entry.cpu_ns,
        )
        for entry in entries
    ]


def _peak(processes: Sequence[wire.Process]) -> int | None:
    return max((p.peak_rss_bytes for p in processes if p.peak_rss_bytes is not None), default=None)


def _completeness(story: Story, processes: Sequence[wire.Process]) -> str:
    if story.blind or story.finish.seen == "foreground":
        return "sampled"
    return worst("exact", *(one.completeness or "sampled" for one in processes))
