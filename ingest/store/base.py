"""Questions, answers and the protocol of a store of facts.

To add an engine: one file here with a class that has the methods of `Store`, a line in `ENGINES`
and a run of `tests/conformance/test_store.py`. It is given columns (`ingest.store.tables`) and
gives back facts, or rows ready for JSON: ids and sessions as hex, unknown as None.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ingest.store.arrays import Values
from ingest.store.questions import (
    Median,
    Owner,
    Periods,
    Program,
    Remotes,
    Templates,
    Window,
)
from ptywrap import wire

Row = dict[str, Any]


class StoreError(Exception):
    """The store cannot do it now; two lines for a user: what, and what to do.

    `reopen`: closing and opening it again may help, for that is when damage is repaired.
    """

    def __init__(self, what: str, hint: str, *, reopen: bool = False) -> None:
        super().__init__(what)
        self.hint = hint
        self.reopen = reopen


class Unstorable(Exception):
    """These batches can never be added as they are; adding them one by one tells which."""


class Table(NamedTuple):
    """Rows of one kind as columns of equal length; a column that is absent is unknown in all."""

    rows: int
    columns: Mapping[str, Values]


class Batch(NamedTuple):
    """What one segment holds, and under which clocks; `id` makes adding it repeatable.

    `number` is the segment's: of two tellings of one fact the one with the higher number stands.
    `digest` is the SHA-256 of the bytes it came as, `skew_ns` their arrival minus their sending.
    """

    id: str
    device: str
    boot: str
    number: int
    wall_ns: int
    boottime_ns: int
    tables: Mapping[str, Table]
    digest: bytes = b""
    received_at: int = 0
    skew_ns: int = 0
    tenant: str = ""
    person: str = ""
    team: str = ""


class LogQuestion(NamedTuple):
    """Which commands, newest first: all where everything is None.

    `since_at` is ns since the epoch; `repo` is a whole name, its last part or an alias; `cwd` is a
    folder or above; `failed` is an exit status but 0 or a signal; `text` is literal, case ignored;
    `owner` is whose, everybody's where it is None.
    """

    limit: int | None = None
    since_at: int | None = None
    repo: str | None = None
    cwd: str | None = None
    failed: bool = False
    text: str | None = None
    owner: Owner | None = None


class Log(NamedTuple):
    """Rows of commands, and how many hex digits tell each of them from every stored command."""

    commands: list[Row]
    unique: int


class Run(NamedTuple):
    """The facts of one command; `matches` is how many commands the asked id fits."""

    matches: int
    session: bytes = b""
    id: int = 0
    facts: Sequence[wire.Fact] = ()

    def record(self) -> Row | None:
        """Return the run record of interfaces.md section 2."""
        return wire.run_record(self.facts, (self.session, self.id))


class Scope(NamedTuple):
    """What to forget: everything, or what began at or after `since_at`, or what is of `repo`.

    With an `owner` only of that person: rows, and the person's share of every rollup. Batch ids
    stay, so that what is sent again is not stored again.
    """

    since_at: int | None = None
    repo: str | None = None
    owner: Owner | None = None


class Forgotten(NamedTuple):
    """The commands that went, by (session, id); their segments must go too."""

    commands: frozenset[tuple[bytes, int]]


class Keep(NamedTuple):
    """How long rows are kept: days counted from `today` (days since the epoch), and file bytes.

    Details are processes, flows and samples; None is for good. The defaults are a laptop's.
    """

    today: int
    commands_days: int = 396
    details_days: int = 40
    most_bytes: int | None = 2 << 30
    flow_days: int = 100
    rollups_days: int = 396
    batches_days: int | None = None


SERVICE = Keep(today=0, commands_days=100, details_days=7, most_bytes=None, batches_days=60)
"""What a service keeps, for its `today` to be put in."""


class Counts(NamedTuple):
    """What the store holds."""

    commands: int
    processes: int
    flows: int
    losses: int
    missed: int
    batches: int
    first_at: int | None
    last_at: int | None
    bytes: int


class Totals(NamedTuple):
    """What a service took in since it began; what is deleted later stays counted."""

    commands_stored: int
    processes_stored: int
    batches_stored: int
    batches_repeated: int
    rows_rejected: int


class Progress(NamedTuple):
    """Where in a journal a group ends, and what else is counted with it in the one transaction.

    `number` and `offset` are the journal's position behind the group.
    """

    number: int
    offset: int
    repeated: int = 0
    rejected: int = 0


class Store(Protocol):
    """Where facts rest; one owner at a time.

    `repaired` names the damaged files that were moved aside at opening; their rows are to be added
    again, which is what batch ids are for.
    """

    repaired: tuple[str, ...]

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Add all of the batches or none; return how many were new.

        A batch whose id is known is passed over. A fact told again replaces the former. Progress
        is kept with them, and stands alone where there are no batches.
        """
        ...

    async def position(self) -> tuple[int, int]:
        """Return the number and offset of the newest progress, zeros where there was none."""
        ...

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        ...

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        ...

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        ...

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table, weekly medians and rollups included."""
        ...

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Return the run of the command an id's hex prefix or `last` names, of an owner if given.

        `last` is the newest command that is not one of our own verbs.
        """
        ...

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        ...

    async def templates(self, window: Window) -> Templates:
        """Return what each template cost: the chokepoints."""
        ...

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Return what one template cost on each day."""
        ...

    async def weekly(self, window: Window) -> Periods:
        """Return what each ISO week cost that has a day in the window, of the window's days."""
        ...

    async def programs(self, window: Window) -> list[Program]:
        """Return the programs that took most CPU; `by` and `repo` are not looked at."""
        ...

    async def remotes(self, window: Window) -> Remotes:
        """Return the hosts that were spoken to; `by` and `repo` are not looked at."""
        ...

    async def medians(self, window: Window) -> list[Median]:
        """Return the closed weeks within the window, also those whose rows are gone."""
        ...

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        ...

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of the well-ended runs since then, of templates with three or more.

        Time in which a run was suspended is no part of it.
        """
        ...

    async def counts(self) -> Counts:
        """Return what is there."""
        ...

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope so that no file of the store holds a byte of them."""
        ...

    async def retire(self, keep: Keep) -> int:
        """Remove what is older than it is to be kept; return how many rows that were."""
        ...

    async def fold(self, now_at: int) -> None:
        """Bring rollups up to date: each minute, by whoever owns a service's store."""
        ...

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        ...

    async def settle(self) -> None:
        """Make what was added independent of where it came from (a checkpoint)."""
        ...

    async def close(self) -> None:
        """Settle and let go."""
        ...
