"""Commands told lately: what the kernel tells late of one is added, and it is told again."""

from ptywrap import clock, wire
from ptywrap.observe.account import Entry
from ptywrap.observe.network_flows import Flows
from ptywrap.observe.session import Session
from ptywrap.observe.telling import Story, Teller, since, within
from ptywrap.observe.tree import Life

KEPT_NS = 2_000_000_000
"""On a busy machine process events come later than marks; never by as much as this."""
_QUIET_NS = 50_000_000
_MOST_ENTRIES = 5000


class _Told:
    """One command, and what came since it was told."""

    def __init__(self, session: Session, story: Story, now_ns: int) -> None:
        self.session = session
        self.story = story
        self.until_ns = now_ns + KEPT_NS
        self.late: list[Entry] = []
        self.flows: list[wire.Flow] = []
        self.late_ns = 0

    def has(self, session: Session, one: Entry | Life) -> bool:
        """Say whether a process, or a flow of one, is of this command."""
        finish = self.story.finish
        since_ns, until_ns = since(finish.start), finish.end_ns
        mine = within(finish.start.shell_pid, since_ns, until_ns, one)
        return self.session is session and mine


class Lately:
    """The commands of the last two seconds."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._told: list[_Told] = []

    def add(self, session: Session, story: Story, now_ns: int) -> None:
        """Keep a command that was told just now; one of very many processes is not told again."""
        if len(story.entries) + len(story.before) <= _MOST_ENTRIES:
            self._told.append(_Told(session, story, now_ns))

    def late(self, session: Session, life: Life, now_ns: int) -> bool:
        """Take a process that has ended; False if it is of no command told lately."""
        for told in self._told:
            if life in told.story.living:
                return False
            if not session.run and told.has(session, life):
                told.late.append(self._teller.entry(life, session))
                told.late_ns = now_ns
                return True
        return False

    def late_flow(self, session: Session, entry: Entry) -> bool:
        """Take a flow that is over; False if it is of no command told lately, or outlived it."""
        for told in self._told:
            if any(life.pid == entry.pid for life in told.story.living):
                return False
            fact = wire.decode(entry.row) if told.has(session, entry) else None
            if isinstance(fact, wire.Flow):
                told.flows.append(fact)
                told.late_ns = clock.monotonic_ns()
                return True
        return False

    def due_ns(self) -> int | None:
        """Return when a command is to be told again."""
        waiting = [told.late_ns for told in self._told if told.late or told.flows]
        return min(waiting) + _QUIET_NS if waiting else None

    def settle(self, now_ns: int, *, flush: bool = False) -> None:
        """Tell those again to which something was added, and forget those that are old."""
        for told in self._told:
            waits = bool(told.late or told.flows)
            if waits and (flush or now_ns >= told.late_ns + _QUIET_NS):
                self._again(told)
        self._told = [one for one in self._told if one.late or one.flows or one.until_ns > now_ns]

    def _again(self, told: _Told) -> None:
        story = told.story
        before = [*story.before, *story.entries]
        fresh = story._replace(entries=told.late, before=before, living=(), flows=Flows(told.flows))
        self._teller.end(told.session, fresh)
        told.story, told.late, told.flows = fresh, [], []
