"""Tells a command: gathers its processes, words, checkout and totals, and makes them facts."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from ptywrap import wire
from ptywrap.observe import account, checkout, naming, path
from ptywrap.observe.account import Entries, Entry
from ptywrap.observe.checkout import Checkout
from ptywrap.observe.commands import Finish, Start
from ptywrap.observe.declared import Declared
from ptywrap.observe.digest import Digest
from ptywrap.observe.network_flows import Flows, nameless
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.session import BARE, Session
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Life, Tree
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

    `entries` and `flows` are to be told, `before` were; `living` outlive it. `cpu` is of the run's
    own rusage or of the shell's ledger; `line` is typed, or a run's words.
    """

    key: Key
    finish: Finish
    entries: Entries
    before: Entries
    living: Sequence[Life]
    digest: Digest
    cpu: account.Cpu
    line: str | None
    blind: bool
    flows: Flows = Flows()


class Teller:
    """Makes facts of commands; knows words, checkouts, clocks, and where facts go."""

    def __init__(self, recorder: Recorder, rules: Rules, times: Times, tree: Tree) -> None:
        self.recorder = recorder
        self.rules = rules
        self.times = times
        self.tree = tree
        self._declared = Declared()
        self._repos: set[tuple[str, str]] = set()

    def entry(self, life: Life, session: Session) -> Entry:
        """Return a process that ended as it is held: its row already private."""
        fact = account.process(life, session.id, self.times)
        return account.entry(life, wire.encode(self.recorder.private(fact)))

    def early(self, life: Life, session: Session, key: Key) -> None:
        """Tell a process of a run as it ends; only what the path needs of it is held."""
        fact = self.recorder.private(account.process(life, key.session, self.times, key.id))
        entry = account.entry(life)
        if isinstance(fact, wire.Process):
            session.digest = session.digest or Digest(session.begin.shell_pid)
            session.digest.add(fact, whole=entry.whole)
        if not session.hidden and not self.recorder.was_paused(session.begin.at_ns):
            self.recorder.keep(fact)
        session.held.add(entry)

    def process(self, life: Life, key: Key, *, words: bool = True) -> None:
        """Tell one process of a command that is known, or of none (id 0)."""
        fact = account.process(life, key.session, self.times, key.id)
        self.recorder.tell(fact if words and key.id else wordless(fact))

    def flow(self, row: bytes, key: Key, *, words: bool = True) -> None:
        """Tell a flow that was held, of a command that is known, or of none (id 0)."""
        fact = wire.decode(row) if row else None
        if isinstance(fact, wire.Flow):
            fact = structs.replace(fact, session=key.session, command=key.id)
            self.recorder.keep(fact if words else nameless(fact))

    def start(self, session: Session, start: Start, key: Key) -> None:
        """Tell that a command has begun; its line is told with its end alone."""
        place = checkout.checkout(start.cwd) if start.cwd else None
        named = self.called(None, _ran_by(session), (start.cwd, place))
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
        self.recorder.tell(self._placed(fact, place))

    def called(
        self, line: str | None, ran: Sequence[naming.Ran], where: tuple[str | None, Checkout | None]
    ) -> naming.Name:
        """Return what a command is called, by what the manifests where it ran declare, too."""
        cwd, place = where
        declared = self._declared.names(place.root if place else None, cwd)
        return naming.name(line, ran, self.rules, declared)

    def end(self, session: Session, story: Story) -> wire.Command:
        """Tell an ended command, and those of its processes that were not told; return the fact.

        They are added to the story's digest.
        """
        for entry in story.entries:
            row = session.held.row(entry)
            fact = wire.decode(row) if row else None
            if isinstance(fact, wire.Process):
                self._process_of(story, fact, whole=entry.whole)
        for life in story.living:
            self.process(life, story.key, words=story.finish.private is not None)
            fact = account.process(life, story.key.session, self.times, story.key.id)
            story.digest.add(fact, whole=False)
        for flow in story.digest.traffic.take(story.flows, story.key):
            self.recorder.keep(nameless(flow) if story.finish.private is None else flow)
        command = self._command(session, story)
        self.recorder.tell(command)
        return command

    def unlearn(self, facts: Sequence[wire.Fact]) -> None:
        """Take back that these were told: they went nowhere."""
        for fact in facts:
            if isinstance(fact, wire.Project):
                self._repos.discard((fact.repo, fact.alias))

    def started_at(self, start: Start) -> int:
        """Return when a command began, ns since the epoch: as its mark says, where one does."""
        return start.mark_ns if start.by == "mark" else self.times.wall(start.at_ns)

    def _process_of(self, story: Story, fact: wire.Process, *, whole: bool) -> None:
        key = story.key
        fact = structs.replace(fact, session=key.session, command=key.id)
        story.digest.add(fact, whole=whole)
        self.recorder.keep(wordless(fact) if story.finish.private is None else fact)

    def _command(self, session: Session, story: Story) -> wire.Command:
        finish, key, digest = story.finish, story.key, story.digest
        start = finish.start
        cpu = account.chosen(story.cpu, digest.cpu())
        split = _split(story, cpu)
        ran = _ran_by(session) if session.executed else digest.ran()
        place = checkout.checkout(start.cwd) if start.cwd else None
        named = self.called(story.line, ran, (start.cwd, place))
        exit_status, signal = self._ending(session, story)
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
            peak_rss_bytes=cpu.peak_rss_bytes or digest.peak_rss_bytes,
            read_bytes=cpu.read_bytes,
            write_bytes=cpu.write_bytes,
            **digest.traffic.moved()._asdict(),
            process_count=digest.number or (None if story.blind else 0),
            completeness=_completeness(story),
            split=split,
            other_reasons={"unknown": split.other_ns} if split.other_ns else {},
            wait_ns=self._wait_ns(session, finish, named.wait),
        )
        return self._placed(fact, place)

    def _wait_ns(self, session: Session, finish: Finish, wait: str) -> int | None:
        if session.begin.mode == BARE:
            return None
        return session.attention.wait_ns(finish.start.at_ns, finish.end_ns, wait)

    def _ending(self, session: Session, story: Story) -> tuple[int | None, int | None]:
        """Return status or signal: a run's are the kernel's, a shell's what `$?` said.

        128 + n means a signal only where the kernel says that one of the topmost died of it.
        """
        finish = story.finish
        if session.run or finish.seen == "gone":
            return account.ending(finish.status)
        status = finish.status
        if status is None or status <= 128:
            return status, None
        killed = status - 128 in story.digest.signals()
        return (None, status - 128) if killed else (status, None)

    def _placed(self, fact: wire.Command, found: Checkout | None) -> wire.Command:
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


def _split(story: Story, cpu: account.Cpu) -> wire.Split:
    spans = _spans(story)
    pieces = path.pieces(spans, story.finish.start.at_ns, story.finish.end_ns)
    total_ns = None if cpu.user_ns is None else cpu.user_ns + (cpu.sys_ns or 0)
    return account.split(pieces, spans, total_ns)


def _spans(story: Story) -> list[path.Span]:
    both = (story.entries, story.before)
    places: dict[tuple[int, int], int] = {}
    for place, entry in enumerate(itertools.chain(*both)):
        places[entry.pid, entry.start_ticks] = place
    return [
        path.Span(
            entry.pid,
            entry.born_ns,
            entry.ended_ns,
            places.get((entry.ppid, entry.parent_ticks), -1),
            entry.cpu_ns,
        )
        for entry in itertools.chain(*both)
    ]


def _completeness(story: Story) -> str:
    if story.blind or story.finish.seen == "foreground":
        return "sampled"
    return story.digest.completeness
