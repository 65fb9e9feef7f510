"""Questions, answers and the protocol of a store of facts.

To add an engine: one file here with a class that has the methods of `Store`, a line in `ENGINES`
and a run of `tests/conformance/test_store.py`. It is given columns (`ingest.store.tables`) and
gives back facts, or rows ready for JSON: ids and sessions as hex, unknown as None.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

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
    columns: Mapping[str, Sequence[Any]]


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
    folder or above; `failed` is an exit status but 0 or a signal; `text` is literal, case ignored.
    """

    limit: int | None = None
    since_at: int | None = None
    repo: str | None = None
    cwd: str | None = None
    failed: bool = False
    text: str | None = None


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
    """What to forget: everything, or what began at or after `since_at`, or what is of `repo`."""

    since_at: int | None = None
    repo: str | None = None


class Forgotten(NamedTuple):
    """The commands that went, by (session, id); their segments must go too."""

    commands: frozenset[tuple[bytes, int]]


class Keep(NamedTuple):
    """How long rows are kept: days counted from `today` (days since the epoch), and file bytes."""

    today: int
    commands_days: int = 396
    details_days: int = 40
    most_bytes: int = 2 << 30


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


class Store(Protocol):
    """Where facts rest; one owner at a time.

    `repaired` names the damaged files that were moved aside at opening; their rows are to be added
    again, which is what batch ids are for.
    """

    repaired: tuple[str, ...]

    async def add(self, batches: Sequence[Batch]) -> int:
        """Add all of the batches or none; return how many were new.

        A batch whose id is known is passed over. A fact told again replaces the former.
        """
        ...

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        ...

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        ...

    async def show(self, command: str) -> Run:
        """Return the run of the command an id's hex prefix or `last` names.

        `last` is the newest command that is not one of our own verbs.
        """
        ...

    async def tree(self, session: bytes, command: int) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
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

    async def settle(self) -> None:
        """Make what was added independent of where it came from (a checkpoint)."""
        ...

    async def close(self) -> None:
        """Settle and let go."""
        ...
