"""The small exact engine: rows in dictionaries, for tests, demos and where no file may be kept."""

from collections.abc import Sequence
from functools import partial
from statistics import median_low
from typing import Any

from ingest.store import memory_pages as pages
from ingest.store import memory_rows, rows
from ingest.store.base import (
    Batch,
    Counts,
    Forgotten,
    Keep,
    Log,
    LogQuestion,
    Progress,
    Row,
    Run,
    Scope,
    StoreError,
    Totals,
)
from ingest.store.forget import goes_itself
from ingest.store.memory_held import Held, birth
from ingest.store.memory_rows import DAY_NS, owned
from ingest.store.questions import (
    Median,
    Owner,
    Periods,
    Program,
    Remotes,
    Templates,
    Window,
)
from ingest.store.tables import CHILDREN, SHAPES
from ptywrap import wire

_RUNS = 3
Key = tuple[Any, ...]


def open_store(path: str, memory_bytes: int = 0) -> "Memory":
    """Return an empty store; it takes neither a path nor a limit."""
    if path or memory_bytes < 0:
        raise StoreError(f"memory: has no path, not {path}", "say `memory:`")
    return Memory()


class Memory:
    """All rows of all tables, by the tables' keys."""

    def __init__(self) -> None:
        self.repaired: tuple[str, ...] = ()
        self._batches: dict[Key, Batch] = {}
        self._held = Held()
        self._today = 0
        self._position = (0, 0)
        self._totals = Totals(0, 0, 0, 0, 0)

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Add what is new of the batches."""
        for batch in batches:
            memory_rows.check(batch)
        fresh: dict[Key, Batch] = {}
        for batch in batches:
            if _batch_key(batch) not in self._batches:
                fresh[_batch_key(batch)] = batch
        for batch in sorted(fresh.values(), key=lambda batch: batch.number):
            self._held.boot(batch)
        before = (len(self._held.rows["commands"]), len(self._held.rows["processes"]))
        for key, batch in fresh.items():
            self._batches[key] = batch._replace(tables={})
            for name in SHAPES:
                if name in batch.tables:
                    self._held.take(batch, name)
        if progress is not None:
            repeated = progress.repeated + len(batches) - len(fresh)
            progress = progress._replace(repeated=repeated)
        self._count(before, len(fresh), progress)
        return len(fresh)

    async def position(self) -> tuple[int, int]:
        """Return the number and offset of the newest progress."""
        return self._position

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        return frozenset(batches) & {batch.id for batch in self._batches.values()}

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        aliased = self._held.aliased(question.repo)
        found = [row for row in self._held.newest() if memory_rows.fits(row, question, aliased)]
        found = found[: question.limit]
        others = self._held.rows["commands"].values()
        mine = [row["id"] for row in others if owned(row, question.owner)]
        unique = rows.shortest([row["id"] for row in found], mine)
        return Log([rows.answer(row) for row in found], unique)

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        return await self.log(LogQuestion(limit=limit, since_at=since_at, owner=owner))

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table."""
        out = {}
        for name in SHAPES:
            mine = [row for row in self._held.rows[name].values() if owned(row, owner)]
            out[name] = [rows.exported(name, row) for row in mine]
        for name, child in CHILDREN.items():
            parents = self._held.rows[child.parent]
            lists = self._held.lists[name]
            mine = [row for key in lists if owned(parents[key], owner) for row in lists[key]]
            out[name] = [rows.exported(name, row) for row in mine]
        past = [row for row in self._held.rolled("commands") if owned(row, owner)]
        everything = Window(-(1 << 30), 1 << 30, owner.tenant)
        weeks = pages.medians(past, everything, self._today)
        out["person_week"] = [rows.exported("person_week", one._asdict()) for one in weeks]
        return out

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        mine = (row for row in self._held.newest() if owned(row, owner))
        if command == "last":
            found = [row for row in mine if not rows.own_verb(row)][:1]
        else:
            found = [row for row in mine if memory_rows.named(row, command)]
        if len(found) != 1:
            return Run(len(found))
        row = found[0]
        return Run(1, row["session"], row["id"], self._held.run(row))

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        told = self._held.where("commands", session=session, id=command)
        by_machine = sorted((row["tenant"], row["device"]) for row in told if owned(row, owner))
        if not by_machine:
            return []
        tenant, device = by_machine[0]
        key = {"tenant": tenant, "device": device, "session": session, "command": command}
        return [
            rows.process(row) for row in sorted(self._held.where("processes", **key), key=birth)
        ]

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        return rows.shortest(commands, [row["id"] for row in self._held.rows["commands"].values()])

    async def templates(self, window: Window) -> Templates:
        """Return what each template cost."""
        return pages.templates(self._held.rolled("commands"), window)

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Return what one template cost on each day."""
        return pages.daily(self._held.rolled("commands"), window, template)

    async def weekly(self, window: Window) -> Periods:
        """Return what each ISO week cost."""
        return pages.weekly(self._held.rolled("commands"), window)

    async def programs(self, window: Window) -> list[Program]:
        """Return the programs that took most CPU."""
        return pages.programs(self._held.rows["processes"].values(), window)

    async def remotes(self, window: Window) -> Remotes:
        """Return the hosts that were spoken to."""
        return pages.remotes(self._held.rolled("flows"), window)

    async def medians(self, window: Window) -> list[Median]:
        """Return the closed weeks within the window."""
        return pages.medians(self._held.rolled("commands"), window, self._today)

    async def fold(self, now_at: int) -> None:
        """Remember what day it is: weeks before it are over."""
        self._today = max(self._today, now_at // DAY_NS)

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        return self._totals

    async def counts(self) -> Counts:
        """Return what is there."""
        times = [
            row["started_at"]
            for row in self._held.rows["commands"].values()
            if row["started_at"] is not None
        ]
        losses = self._held.rows["losses"].values()
        return Counts(
            commands=len(self._held.rows["commands"]),
            processes=len(self._held.rows["processes"]),
            flows=len(self._held.rows["flows"]),
            losses=len(losses),
            missed=sum(row["missed"] or 0 for row in losses),
            batches=len(self._batches),
            first_at=min(times, default=None),
            last_at=max(times, default=None),
            bytes=0,
        )

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of ended runs of templates that ran at least three times."""
        lengths: dict[str, list[int]] = {}
        for row in self._held.rows["commands"].values():
            ended = row["wall_ns"] is not None and row["exit_status"] == 0
            if ended and row["template"] in templates and (row["started_at"] or 0) >= since_at:
                length = row["wall_ns"] - (row["suspended_ns"] or 0)
                lengths.setdefault(row["template"], []).append(length)
        return {name: median_low(found) for name, found in lengths.items() if len(found) >= _RUNS}

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope, and what they were worth."""
        aliased = self._held.aliased(scope.repo)
        whose = scope._replace(owner=None)

        def itself(name: str, row: Row) -> bool:
            also = aliased.get(row["tenant"], ())
            return owned(row, scope.owner) and goes_itself(name, row.get, whose, also)

        told = self._held.rolled("commands")
        commands = {_of_command("commands", row) for row in told if itself("commands", row)}

        def goes(name: str, row: Row) -> bool:
            return _of_command(name, row) in commands or itself(name, row)

        gone = [row for name in SHAPES for row in self._held.drop(name, partial(goes, name))]
        for name, past in self._held.past.items():
            past[:] = [row for row in past if not itself(name, row)]
        if scope == Scope():
            self._batches.clear()
        return Forgotten(frozenset((row["session"], row["id"]) for row in gone if "line" in row))

    async def retire(self, keep: Keep) -> int:
        """Remove what is too old to be kept; what tenants' rows were worth stays."""
        days_told = sorted({row["day"] for row in self._held.rows["commands"].values()})
        if len(days_told) < 2:
            return 0
        await self.fold(keep.today * DAY_NS)
        today = min(keep.today, days_told[-2])
        total = 0
        for name in SHAPES:
            details = name in ("processes", "flows", "samples")
            days = keep.details_days if details else keep.commands_days
            gone = self._held.drop(name, partial(_before, today - days))
            if name in self._held.past:
                self._held.past[name] += [row for row in gone if row["tenant"]]
            total += len(gone)
        for name, days in (("commands", keep.rollups_days), ("flows", keep.flow_days)):
            past = self._held.past[name]
            past[:] = [row for row in past if not _before(today - days, row)]
        if keep.batches_days is not None:
            oldest = (keep.today - keep.batches_days) * DAY_NS
            old = [k for k, one in self._batches.items() if 0 < one.received_at < oldest]
            for key in old:
                del self._batches[key]
        return total

    async def settle(self) -> None:
        """Do nothing: there is no file."""

    async def close(self) -> None:
        """Do nothing: there is no file."""

    def _count(self, before: tuple[int, int], batches: int, progress: Progress | None) -> None:
        if progress is not None:
            self._position = (progress.number, progress.offset)
        totals = self._totals
        self._totals = Totals(
            totals.commands_stored + len(self._held.rows["commands"]) - before[0],
            totals.processes_stored + len(self._held.rows["processes"]) - before[1],
            totals.batches_stored + batches,
            totals.batches_repeated + (progress.repeated if progress else 0),
            totals.rows_rejected + (progress.rejected if progress else 0),
        )


def _batch_key(batch: Batch) -> Key:
    return batch.tenant, batch.device, batch.id


def _of_command(name: str, row: Row) -> Key:
    number = row["id"] if name == "commands" else row.get("command")
    return row["tenant"], row["device"], row.get("session"), number


def _before(day: int, row: Row) -> bool:
    return bool(row["day"] < day)
