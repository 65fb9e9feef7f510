"""Closes commands: which processes were theirs, which runs were the typed line, what is private."""

import functools
import itertools
from collections.abc import Sequence

from msgspec import structs

from ptywrap import clock, wire
from ptywrap.observe import account
from ptywrap.observe.account import Entries, Entry
from ptywrap.observe.claims import MARKED, Claim, Claims, Outcome, Outer, is_hooked
from ptywrap.observe.commands import Finish, Start
from ptywrap.observe.digest import Digest
from ptywrap.observe.lately import Lately
from ptywrap.observe.network import Network
from ptywrap.observe.network_flows import Flows
from ptywrap.observe.session import Session
from ptywrap.observe.telling import Key, Story, Teller, latest, since, within, wordless
from ptywrap.observe.tree import Life

_LATE_NS = 60_000_000_000
_command_id = functools.lru_cache(maxsize=256)(wire.command_id)
"""Asked for at every process that ends."""


class Closing:
    """Closes what sessions ended. `blind` are spans in which nobody looked, CLOCK_MONOTONIC ns."""

    def __init__(self, teller: Teller, network: Network) -> None:
        self.teller = teller
        self.lately = Lately(teller)
        network.late = self.lately.late_flow
        self._network = network
        self.blind: list[tuple[int, int]] = []
        self.claims = Claims(teller)
        self._before: dict[tuple[bytes, int], tuple[tuple[str, ...] | None, ...]] = {}

    def key(self, session: Session, start: Start) -> Key:
        """Return what a command is told under."""
        return Key(session.id, _command_id(session.id, start.shell_pid, start.mark_ns))

    def typed(self, session: Session, finish: Finish) -> None:
        """Close a command that a shell ran."""
        start = finish.start
        shell, since_ns, until_ns = start.shell_pid, since(start), finish.end_ns
        self._between(session, shell, since_ns)
        entries = session.held.take(lambda entry: within(shell, since_ns, until_ns, entry))
        living = [life for life in self.teller.tree.below(shell) if _in(life, finish)]
        claims = self.claims.of(session, finish)
        rest, living = _others(session, claims, entries, living)
        key = claims[0].key if claims else self.key(session, start)
        private = self._private(session, finish, rest, living, claims)
        flows = self._flows(session, finish)
        if living:
            session.spans.append((shell, since_ns, until_ns, None if private else key.id))
        self.claims.judge(session, finish, private=private)
        if not private:
            fact = claims[0].fact if claims and not rest and not flows.flows else None
            if fact is not None:
                self.teller.recorder.tell(structs.replace(fact, line=finish.text or fact.line))
            else:
                self._tell(session, finish, (key, claims), (rest, living, flows))
        session.held.commit()
        session.flows.commit()
        self._forget(session, finish)

    def ran(self, session: Session, finish: Finish, outer: Outer | None) -> Outcome:
        """Close a run that may have been typed in a session; it waits for `conclude`."""
        shell = finish.start.shell_pid
        entries = session.held.take(lambda entry: entry.shell == shell)
        living = self.teller.tree.below(shell)
        key = self.key(session, finish.start)
        if outer is not None:
            key = self._outer_key(outer, session.begin.at_ns) or key
        recorder = self.teller.recorder
        paused = recorder.paused or recorder.was_paused(finish.start.at_ns)
        flows = self._network.take(session, lambda entry: entry.shell == shell, finish.end_ns)
        if session.hidden or paused:
            session.held.commit()
            session.flows.commit()
            session.spans.append((shell, 0, 1 << 62, None))
            return Outcome(None, paused=paused)
        digest = session.digest or Digest(shell)
        blind = self._blind(session, finish)
        line = session.line or None
        story = Story(key, finish, entries, (), living, digest, _cost(session), line, blind, flows)
        fact = self.teller.end(session, story)
        session.held.commit()
        session.flows.commit()
        session.spans.append((shell, 0, 1 << 62, None))
        outcome = Outcome(key)
        if outer is None:
            self.lately.add(session, story, clock.monotonic_ns())
        else:
            at_ns = session.begin.at_ns
            self.claims.add(Claim(outer, session, at_ns, key, fact, entries, digest, outcome))
        return outcome

    def over(self, session: Session) -> None:
        """Let go of what a session that is over leaves unassigned."""
        for shell in session.commands.shells():
            self._between(session, shell, 1 << 62)
            self._before.pop((session.id, shell), None)
        self.claims.over(session)

    def _outer_key(self, outer: Outer, at_ns: int) -> Key | None:
        """Return the typed command that a run is, unless another run is it already."""
        session = outer.session
        start = session.commands.running(outer.shell)
        if start is None or start.at_ns > at_ns:
            return None
        key = self.key(session, start)
        return None if self.claims.taken(session, key) else key

    def _tell(
        self,
        session: Session,
        finish: Finish,
        known_as: tuple[Key, Sequence[Claim]],
        processes: tuple[Entries, Sequence[Life], Flows],
    ) -> None:
        (key, claims), (entries, living, flows) = known_as, processes
        shell = finish.start.shell_pid
        readings = session.readings.get(shell, [])
        cpu = account.spent(readings, finish.start.at_ns, finish.end_ns)
        while len(readings) > 1 and readings[1].at_ns <= finish.end_ns:
            readings.pop(0)
        before = claims[0].entries if claims else ()
        digest = claims[0].digest if claims else Digest(shell)
        blind = self._blind(session, finish)
        words = (finish.text, blind, flows)
        story = Story(key, finish, entries, before, living, digest, cpu, *words)
        self.teller.end(session, story)
        self.lately.add(session, story, clock.monotonic_ns())

    def _private(
        self,
        session: Session,
        finish: Finish,
        entries: Entries,
        living: Sequence[Life],
        claims: Sequence[Claim],
    ) -> bool:
        """Say whether a command is to be recorded nowhere.

        Where bash cannot say whether a line started with a space or repeated the one before it,
        the programs it ran tell: a repetition runs the same.
        """
        recorder = self.teller.recorder
        slot = (session.id, finish.start.shell_pid)
        before = self._before.get(slot)
        ran = (
            *_programs(session, finish, entries, living),
            *(one.run.begin.argv for one in claims),
        )
        if finish.private or recorder.ignores(finish.text):
            return True
        if recorder.was_paused(finish.start.at_ns):
            return True
        if claims and finish.seen == "gone" and is_hooked(session):
            # The shell did not live to tell its line.
            return finish.start.by not in MARKED or recorder.ignoring
        if finish.private is None and (not ran or ran != before):
            return True
        self._before[slot] = ran
        return False

    def _flows(self, session: Session, finish: Finish) -> Flows:
        """Return the flows of a command; what is no command's own is left where it is."""
        shell, since_ns, until_ns = finish.start.shell_pid, since(finish.start), finish.end_ns
        tops = session.tops

        def wanted(entry: Entry) -> bool:
            return within(shell, since_ns, until_ns, entry) and entry.top_ns not in tops

        found = self._network.take(session, wanted, until_ns)
        return found._replace(flows=list(found.flows))

    def _between(self, session: Session, shell: int, until_ns: int) -> None:
        """Tell what a shell ran for its prompt, without words, where no private line hides there.

        zsh and fish write nothing at all for a line that starts with a space.
        """
        teller = self.teller
        open_ = session.commands.running(shell)
        until_ns = min(until_ns, since(open_)) if open_ else until_ns
        bash = session.begin.shell.rpartition("/")[2] == "bash"
        left = session.held.take(lambda entry: entry.shell == shell and latest(entry) < until_ns)
        for entry in left:
            row = session.held.row(entry) if bash else b""
            fact = wire.decode(row) if row else None
            if isinstance(fact, wire.Process) and not teller.recorder.was_paused(entry.born_ns):
                teller.recorder.keep(wordless(fact))
        session.held.commit()
        flows = session.flows.take(lambda entry: entry.shell == shell and latest(entry) < until_ns)
        for entry in flows if bash else ():
            if not teller.recorder.was_paused(entry.born_ns):
                teller.flow(session.flows.row(entry), Key(session.id, 0), words=False)
        session.flows.commit()

    def _blind(self, session: Session, finish: Finish) -> bool:
        start_ns, end_ns = finish.start.at_ns, finish.end_ns
        spans = [*self.blind, *session.blind]
        return any(since < end_ns and start_ns < until for since, until in spans)

    def _forget(self, session: Session, finish: Finish) -> None:
        session.tops = {at for at in session.tops if at > finish.start.at_ns - _LATE_NS}
        living = self.teller.tree.live.values()
        session.spans = [
            span
            for span in session.spans
            if any(within(span[0], span[1], span[2], life) for life in living)
        ]
        opened = [start.at_ns for start in session.commands.open()]
        session.attention.forget(min([finish.end_ns, *opened]))


def _in(life: Life, finish: Finish) -> bool:
    return within(finish.start.shell_pid, since(finish.start), finish.end_ns, life)


def _others(
    session: Session, claims: Sequence[Claim], entries: Entries, living: Sequence[Life]
) -> tuple[Entries, list[Life]]:
    """Return what a line ran besides runs: launchers and what they need are ours, not its own."""
    launchers = {claim.outer.launcher for claim in claims}
    every = itertools.chain[Entry | Life](entries, living)
    session.tops.update(one.top_ns for one in every if one.pid in launchers)
    tops = session.tops
    rest = entries if not tops else [entry for entry in entries if entry.top_ns not in tops]
    return rest, [life for life in living if life.top_ns not in tops]


def _cost(session: Session) -> account.Cpu:
    usage = session.rusage
    if usage is None:
        return account.Cpu()
    return account.Cpu(
        usage.user_us * 1000,
        usage.sys_us * 1000,
        usage.peak_rss_bytes,
        usage.read_bytes,
        usage.write_bytes,
    )


def _programs(
    session: Session, finish: Finish, entries: Entries, living: Sequence[Life]
) -> tuple[tuple[str, ...] | None, ...]:
    """Return what the topmost processes executed, in the order they were born."""
    found: list[tuple[int, tuple[str, ...] | None]] = []
    for entry in entries:
        row = session.held.row(entry) if entry.born_ns == entry.top_ns else b""
        fact = wire.decode(row) if row else None
        if isinstance(fact, wire.Process):
            found.append((entry.born_ns, tuple(fact.argv) if fact.argv else None))
    found += [(life.born_ns, life.argv) for life in living if life.ppid == finish.start.shell_pid]
    return tuple(argv for _, argv in sorted(found, key=lambda one: one[0]))
