"""Commands told lately: what the kernel tells late of one is added, and it is told again."""

from ptywrap.observe.account import Entry
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
        self.late_ns = 0


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
            finish = told.story.finish
            if life in told.story.living:
                return False
            if told.session is session and within(
                finish.start.shell_pid, since(finish.start), finish.end_ns, life
            ):
                told.late.append(self._teller.entry(life, session))
                told.late_ns = now_ns
                return True
        return False

    def due_ns(self) -> int | None:
        """Return when a command is to be told again."""
        return min((told.late_ns + _QUIET_NS for told in self._told if told.late), default=None)

    def settle(self, now_ns: int, *, flush: bool = False) -> None:
        """Tell those again to which something was added, and forget those that are old."""
        for told in self._told:
            if told.late and (flush or now_ns >= told.late_ns + _QUIET_NS):
                self._again(told)
        self._told = [told for told in self._told if told.late or told.until_ns > now_ns]

    def _again(self, told: _Told) -> None:
        story = told.story
        fresh = story._replace(entries=told.late, before=[*story.before, *story.entries], living=())
        self._teller.end(told.session, fresh)
        told.story, told.late = fresh, []
