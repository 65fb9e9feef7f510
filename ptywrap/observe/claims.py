"""Runs typed in a session: line and run are one command, and what the line hides, the run does too.

Only the line's end says whether it is private: until then what is to be told of a run is in memory.
"""

from typing import NamedTuple

from ptywrap import wire
from ptywrap.observe.account import Entries
from ptywrap.observe.commands import HOOKED, Finish
from ptywrap.observe.digest import Digest
from ptywrap.observe.session import Session
from ptywrap.observe.telling import Key, Teller, since

MARKED = frozenset({"mark", "glance"})
"""By these a start is known of a line that zsh or fish were not told to keep to themselves."""


class Outer(NamedTuple):
    """The session a run was typed in: its shell, and the process this forked for it."""

    session: Session
    shell: int
    launcher: int


class Outcome:
    """What became of a run: told under `key`, None: recorded nowhere.

    `facts` wait to be told, `paused` says why nothing is.
    """

    def __init__(self, key: Key | None, *, paused: bool = False) -> None:
        self.key = key
        self.paused = paused
        self.facts: list[wire.Fact] = []


class Claim(NamedTuple):
    """A run that was typed in a session and is over; `at_ns` is when it began."""

    outer: Outer
    run: Session
    at_ns: int
    key: Key
    fact: wire.Command
    entries: Entries
    digest: Digest
    outcome: Outcome


class Claims:
    """The runs of every session, from their beginning to the end of the line that has them."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._claims: list[Claim] = []
        self._running: dict[str, tuple[Outer, Session]] = {}
        self._verdicts: dict[str, bool] = {}
        """Whether the line was private, of runs that went on after it."""

    def expect(self, outer: Outer, run: Session) -> None:
        """Take a run that has begun."""
        self._running[run.name] = (outer, run)

    def awaited(self, session: Session) -> bool:
        """Say whether a run is over by its own word, and only the kernel's is not there yet."""
        return any(
            outer.session is session and run.end is not None
            for outer, run in self._running.values()
        )

    def add(self, claim: Claim) -> None:
        """Take a run that is over."""
        self._claims.append(claim)

    def of(self, session: Session, finish: Finish) -> list[Claim]:
        """Return the runs of a line that has ended."""
        return [one for one in self._claims if _is_in(one.outer, one.at_ns, session, finish)]

    def taken(self, session: Session, key: Key) -> bool:
        """Say whether a run of a session is that command already."""
        return any(one.outer.session is session and one.key == key for one in self._claims)

    def conclude(self, run: Session, outer: Outer | None, outcome: Outcome) -> None:
        """Tell or drop what is held of a run that is over, if its line is known to be the one."""
        self._running.pop(run.name, None)
        private = self._verdicts.pop(run.name, None)
        if outcome.key is None or private:
            self._drop(run, outcome)
        elif outer is None or private is False or self._is_public(outer, run):
            self._tell(run, outcome)

    def judge(self, session: Session, finish: Finish, *, private: bool) -> None:
        """Tell or drop the runs of a line that has ended, and drop those before it.

        Of a line that starts with a space zsh and fish tell nothing at all: then the next one
        comes, and nobody has asked for the run.
        """
        before_ns, shell = since(finish.start), finish.start.shell_pid
        for claim in list(self._claims):
            if _is_in(claim.outer, claim.at_ns, session, finish):
                (self._drop if private else self._tell)(claim.run, claim.outcome)
            elif not _is_before(claim.outer, claim.at_ns, session, (shell, before_ns)):
                continue
            else:
                self._drop(claim.run, claim.outcome)
            self._claims.remove(claim)
        for name, (outer, run) in self._running.items():
            if _is_in(outer, run.begin.at_ns, session, finish):
                self._verdicts[name] = private
            elif _is_before(outer, run.begin.at_ns, session, (shell, before_ns)):
                self._verdicts.setdefault(name, True)

    def over(self, session: Session) -> None:
        """Drop the runs of a session that is over: no line told of them."""
        for claim in [one for one in self._claims if one.outer.session is session]:
            self._drop(claim.run, claim.outcome)
            self._claims.remove(claim)
        for name, (outer, _) in self._running.items():
            if outer.session is session:
                self._verdicts.setdefault(name, is_hooked(session))

    def _is_public(self, outer: Outer, run: Session) -> bool:
        """Say whether a line that runs can be none that is recorded nowhere."""
        if not is_hooked(outer.session):
            return True
        start = outer.session.commands.running(outer.shell)
        known = start is not None and start.by in MARKED and start.at_ns <= run.begin.at_ns
        return known and not self._teller.recorder.ignoring

    def _tell(self, run: Session, outcome: Outcome) -> None:
        facts, outcome.facts = outcome.facts, []
        for fact in facts:
            self._teller.recorder.keep(fact)
        if outcome.key is not None:
            run.spans[-1:] = [(*run.spans[-1][:3], outcome.key.id)] if run.spans else []

    def _drop(self, run: Session, outcome: Outcome) -> None:
        self._teller.unlearn(outcome.facts)
        outcome.key, outcome.facts = None, []
        run.spans[-1:] = [(*run.spans[-1][:3], None)] if run.spans else []


def is_hooked(session: Session) -> bool:
    """Say whether a session's shell is one that tells its lines."""
    return session.begin.shell.rpartition("/")[2].lstrip("-") in HOOKED


def _is_in(outer: Outer, at_ns: int, session: Session, finish: Finish) -> bool:
    start = finish.start
    typed_here = outer.session is session and outer.shell == start.shell_pid
    return typed_here and since(start) <= at_ns <= finish.end_ns


def _is_before(outer: Outer, at_ns: int, session: Session, line: tuple[int, int]) -> bool:
    shell, since_ns = line
    return outer.session is session and outer.shell == shell and at_ns < since_ns
