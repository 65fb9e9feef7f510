"""The small exact engine: rows in dictionaries, for tests, demos and where no file may be kept."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median_low
from typing import Any

from ingest.store import rows
from ingest.store.base import (
    Batch,
    Counts,
    Forgotten,
    Keep,
    Log,
    LogQuestion,
    Row,
    Run,
    Scope,
    StoreError,
    Table,
    Unstorable,
)
from ingest.store.forget import goes_itself
from ingest.store.tables import CHILDREN, SHAPES, kinds
from ptywrap import wire

_DAY_NS = 86_400_000_000_000
_RUNS = 3
_TYPES = {"int": int, "bool": bool, "text": str, "bytes": bytes, "texts": list}
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
        self._batches: set[str] = set()
        self._rows: dict[str, dict[Key, Row]] = {name: {} for name in SHAPES}
        self._lists: dict[str, dict[Key, list[Row]]] = {name: {} for name in CHILDREN}

    async def add(self, batches: Sequence[Batch]) -> int:
        """Add what is new of the batches."""
        for batch in batches:
            _check(batch)
        before = len(self._batches)
        for batch in batches:
            if batch.id not in self._batches:
                self._batches.add(batch.id)
                for name, table in batch.tables.items():
                    if name in SHAPES:
                        self._take(batch, name, table)
        return len(self._batches) - before

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        return frozenset(batches) & self._batches

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        aliased = self._aliased(question.repo)
        found = [row for row in self._newest() if _fits(row, question, aliased)]
        found = found[: question.limit]
        unique = await self.unique([row["id"] for row in found])
        return Log([rows.answer(row) for row in found], unique)

    async def show(self, command: str) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        if command == "last":
            found = [row for row in self._newest() if not rows.own_verb(row)][:1]
        else:
            found = [row for row in self._newest() if _named(row, command)]
        if len(found) != 1:
            return Run(len(found))
        row = found[0]
        facts = [
            rows.command(row, self._of(row, "daemons"), self._of(row, "other_reasons")),
            *self._parts(row),
        ]
        return Run(1, row["session"], row["id"], facts)

    async def tree(self, session: bytes, command: int) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        found = self._where("processes", session=session, command=command)
        return [
            rows.process(row)
            for row in sorted(found, key=lambda row: (row["start_ticks"], row["pid"]))
        ]

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        return rows.shortest(commands, [row["id"] for row in self._rows["commands"].values()])

    async def counts(self) -> Counts:
        """Return what is there."""
        times = [
            row["started_at"]
            for row in self._rows["commands"].values()
            if row["started_at"] is not None
        ]
        losses = self._rows["losses"].values()
        return Counts(
            commands=len(self._rows["commands"]),
            processes=len(self._rows["processes"]),
            flows=len(self._rows["flows"]),
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
        for row in self._rows["commands"].values():
            ended = row["wall_ns"] is not None and row["exit_status"] == 0
            if ended and row["template"] in templates and (row["started_at"] or 0) >= since_at:
                length = row["wall_ns"] - (row["suspended_ns"] or 0)
                lengths.setdefault(row["template"], []).append(length)
        return {name: median_low(found) for name, found in lengths.items() if len(found) >= _RUNS}

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope."""
        aliased = self._aliased(scope.repo)

        def itself(name: str, row: Row) -> bool:
            return goes_itself(name, row.get, scope, aliased)

        commands = frozenset(
            (row["session"], row["id"])
            for row in self._rows["commands"].values()
            if itself("commands", row)
        )

        def goes(name: str, row: Row) -> bool:
            number = row["id"] if name == "commands" else row.get("command")
            return (row["session"], number) in commands or itself(name, row)

        for name in SHAPES:
            self._drop(name, partial(goes, name))
        if scope == Scope():
            self._batches.clear()
        return Forgotten(commands)

    async def retire(self, keep: Keep) -> int:
        """Remove what is older than it is to be kept."""
        days_told = sorted({row["moment"] // _DAY_NS for row in self._rows["commands"].values()})
        if len(days_told) < 2:
            return 0
        today = min(keep.today, days_told[-2])
        total = 0
        for name in SHAPES:
            details = name in ("processes", "flows", "samples")
            days = keep.details_days if details else keep.commands_days
            oldest = (today - days) * _DAY_NS
            total += self._drop(name, partial(_before, oldest))
        return total

    async def settle(self) -> None:
        """Do nothing: there is no file."""

    async def close(self) -> None:
        """Do nothing: there is no file."""

    def _take(self, batch: Batch, name: str, table: Table) -> None:
        shape = SHAPES[name]
        taken = self._rows[name]
        kept: set[Key] = set()
        nothing = dict.fromkeys(column.name for column in shape.columns)
        leading = {"device": batch.device, "tenant": batch.tenant, "version": batch.number}
        for told in _rows(table):
            row = nothing | told | leading
            row["moment"] = _moment(batch, shape.moment, row)
            row.setdefault("session", b"")
            key = (batch.tenant, batch.device, *(row[part] for part in shape.key))
            if key not in taken or taken[key]["version"] <= batch.number:
                taken[key] = row
                kept.add(key)
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                self._take_lists(batch, child_name, kept)

    def _take_lists(self, batch: Batch, name: str, parents: set[Key]) -> None:
        lists = self._lists[name]
        for key in parents:
            lists.pop(key, None)
        if name not in batch.tables:
            return
        for row in _rows(batch.tables[name]):
            key = (batch.tenant, batch.device, *(row[part] for part in CHILDREN[name].key))
            if key in parents:
                lists.setdefault(key, []).append(row)

    def _drop(self, name: str, gone: Callable[[Row], bool]) -> int:
        keys = [key for key, row in self._rows[name].items() if gone(row)]
        for key in keys:
            del self._rows[name][key]
            for child_name, child in CHILDREN.items():
                if child.parent == name:
                    self._lists[child_name].pop(key, None)
        return len(keys)

    def _newest(self) -> list[Row]:
        found = self._rows["commands"].values()
        ordered = sorted(found, key=lambda row: (row["started_at"] or 0, row["id"]), reverse=True)
        return [row | self._who(row) for row in ordered]

    def _who(self, row: Row) -> Row:
        session = self._rows["sessions"].get((row["tenant"], row["device"], row["session"]), {})
        return {"user": session.get("user"), "shell": session.get("shell")}

    def _aliased(self, repo: str | None) -> list[str]:
        return [row["repo"] for row in self._rows["projects"].values() if row["alias"] == repo]

    def _of(self, row: Row, name: str) -> list[Row]:
        key = (row["tenant"], row["device"], row["session"], row["id"])
        return self._lists[name].get(key, [])

    def _where(self, name: str, **equal: Any) -> Iterator[Row]:
        for row in self._rows[name].values():
            if all(row[field] == value for field, value in equal.items()):
                yield row

    def _parts(self, row: Row) -> Iterator[wire.Fact]:
        key = {"session": row["session"], "command": row["id"]}
        yield from map(rows.session, self._where("sessions", id=row["session"]))
        yield from map(rows.process, self._where("processes", **key))
        yield from map(rows.flow, self._where("flows", **key))
        yield from map(rows.sample, self._where("samples", **key))
        since = row["started_at"] or 0
        until = since + (row["wall_ns"] or 0)
        for loss in self._rows["losses"].values():
            if loss["since"] <= until and (loss["until"] is None or loss["until"] >= since):
                yield rows.loss(loss)
        hosts = sorted(self._rows["hosts"].items(), key=lambda item: item[1]["at"])
        before = [item for item in hosts if item[1]["at"] <= until][-1:] or hosts[:1]
        for host_key, host in before:
            yield rows.host(host, self._lists["caches"].get(host_key, []))


def _check(batch: Batch) -> None:
    """Refuse a batch with a key that is unknown or a value of another kind than its column's."""
    for name, table in batch.tables.items():
        known = kinds(name)
        keys = SHAPES[name].key if name in SHAPES else CHILDREN[name].key
        for column, values in table.columns.items():
            kind = _TYPES[known[column]]
            for value in values:
                if not (isinstance(value, kind) or (value is None and column not in keys)):
                    raise Unstorable(f"{name}.{column} cannot hold {value!r}")


def _rows(table: Table) -> Iterator[Row]:
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        yield dict(zip(names, values, strict=True))


def _moment(batch: Batch, moment: str | None, row: Row) -> int:
    if "start_ticks" in row:
        return int(batch.wall_ns - batch.boottime_ns + row["start_ticks"] * 10_000_000)
    found = row.get(moment) if moment else None
    return int(batch.wall_ns if found is None else found)


def _fits(row: Row, question: LogQuestion, aliased: Sequence[str]) -> bool:
    tests = (
        question.since_at is None or (row["started_at"] or 0) >= question.since_at,
        question.repo is None or rows.of_repo(row["repo"], question.repo, aliased),
        question.cwd is None or _below(row["cwd"], question.cwd),
        not question.failed or bool(row["exit_status"]) or row["signal"] is not None,
        question.text is None
        or question.text.lower() in (row["line"] or row["shape"] or "").lower(),
    )
    return all(tests)


def _below(cwd: str | None, folder: str) -> bool:
    folder = folder.rstrip("/")
    return cwd is not None and (cwd == folder or cwd.startswith(folder + "/"))


def _named(row: Row, prefix: str) -> bool:
    return rows.is_prefix(prefix) and wire.hexadecimal(row["id"]).startswith(prefix)


def _before(at: int, row: Row) -> bool:
    return bool(row["moment"] < at)
