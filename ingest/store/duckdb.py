"""The default engine: one DuckDB file, one owner, rows by day (storage.md 3.6 and 3.7)."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

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
    Unstorable,
)
from ingest.store.duckdb_erase import forget, retire, shed
from ingest.store.duckdb_file import failure, open_file, remove_damaged, rewrite, statement
from ptywrap import wire

Answer = TypeVar("Answer")
Work = Callable[[DuckDBPyConnection], Answer]
MEMORY_BYTES = 256 << 20
_QUERY_SECONDS = 10.0
_SHED_DAYS = 7
_DATA_ERRORS = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.ProgrammingError,
    duckdb.NotSupportedError,
    OverflowError,
    UnicodeError,
    TypeError,
    ValueError,
)


def open_store(path: str, memory_bytes: int = MEMORY_BYTES) -> "DuckDB":
    """Open or make the file at an absolute path; StoreError when it cannot be had."""
    return DuckDB(Path(path), memory_bytes)


class DuckDB:
    """The owner of a file: writes one at a time, questions beside them on cursors of their own."""

    def __init__(self, path: Path, memory_bytes: int) -> None:
        self.path = path
        self._memory_bytes = memory_bytes
        self._connection, self.repaired = open_file(path, memory_bytes)
        self._writing = asyncio.Lock()
        self._available = asyncio.Event()
        self._available.set()
        self._reading: set[asyncio.Task[Any]] = set()

    async def add(self, batches: Sequence[Batch]) -> int:
        """Add what is new of the batches, in one transaction."""
        # Loading needs numpy, which a question alone does not wait for.
        from ingest.store.duckdb_load import load  # noqa: PLC0415

        known = await self.known([batch.id for batch in batches])
        fresh = list({batch.id: batch for batch in batches if batch.id not in known}.values())
        if fresh:
            await self._write(lambda cursor: load(cursor, fresh))
        return len(fresh)

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        found = await self._rows("known", ids=list(batches))
        return frozenset(row["id"] for row in found)

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        found = await self._rows("log", {"columns": _LOG_COLUMNS}, **question._asdict())
        unique = await self.unique([row["id"] for row in found])
        return Log([rows.answer(row) for row in found], unique)

    async def show(self, command: str) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        keys = await (self._last() if command == "last" else self._by_prefix(command))
        if len(keys) != 1:
            return Run(len(keys))
        session, number = keys[0]
        return Run(1, session, number, await self._read(lambda cursor: _facts(cursor, *keys[0])))

    async def tree(self, session: bytes, command: int) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        return await self._read(lambda cursor: _tree(cursor, session, command))

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        starts = sorted({one >> 48 for one in commands})
        near = await self._rows("near", starts=starts)
        return rows.shortest(commands, [row["id"] for row in near])

    async def counts(self) -> Counts:
        """Return what is there."""

        def work(cursor: DuckDBPyConnection) -> Counts:
            row = cursor.execute(statement("counts")).fetchone() or ()
            size = cursor.execute(statement("size")).fetchone() or (0,)
            return Counts._make((*row, int(size[0])))

        return await self._read(work)

    async def settle(self) -> None:
        """Write a checkpoint: what was added no longer needs the WAL, nor the segments."""
        async with self._writing:
            await self._read(lambda cursor: cursor.execute("CHECKPOINT"), seconds=None)

    async def close(self) -> None:
        """Settle and let go."""
        async with self._writing:
            self._connection.close()

    async def _write(self, work: Work[Answer]) -> Answer:
        def within(cursor: DuckDBPyConnection) -> Answer:
            cursor.execute("BEGIN")
            try:
                answer = work(cursor)
                cursor.execute("COMMIT")
            except _DATA_ERRORS as error:
                cursor.execute("ROLLBACK")
                raise Unstorable(str(error)) from error
            return answer

        async with self._writing:
            return await self._read(within, seconds=None)

    async def _rows(
        self, name: str, words: dict[str, str] | None = None, **values: Any
    ) -> list[Row]:
        text = statement(name, **(words or {}))
        return await self._read(lambda cursor: _fetch(cursor, text, values))

    async def _read(self, work: Work[Answer], seconds: float | None = _QUERY_SECONDS) -> Answer:
        """Do work on a cursor of its own in a thread; one that takes too long is interrupted."""
        await self._available.wait()
        cursor = self._connection.cursor()
        task = asyncio.create_task(asyncio.to_thread(work, cursor))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
            if not done:
                cursor.interrupt()
            return await task
        except duckdb.InterruptException:
            raise StoreError("the question took too long", "ask for less") from None
        except duckdb.Error as error:
            raise failure(self.path, error) from error
        finally:
            cursor.close()

    async def _last(self) -> list[tuple[bytes, int]]:
        limit = 64
        while True:
            found = await self._rows("newest", limit=limit)
            for row in found:
                if not rows.own_verb(row):
                    return [(row["session"], row["id"])]
            if len(found) < limit:
                return []
            limit *= 16

    async def _by_prefix(self, prefix: str) -> list[tuple[bytes, int]]:
        if not rows.is_prefix(prefix):
            return []
        low, high = (_signed(int(prefix.ljust(16, digit), 16)) for digit in "0f")
        found = await self._rows("by_id", low=low, high=high)
        return [(row["session"], row["id"]) for row in found]

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of ended runs of templates that ran at least three times."""
        found = await self._rows("usual", templates=list(templates), since_at=since_at)
        return {row["template"]: row["usually_ns"] for row in found}

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope, then write the file anew without their bytes."""
        forgotten = await self._write(lambda cursor: forget(cursor, scope))
        async with self._writing:
            self._available.clear()
            try:
                if self._reading:
                    await asyncio.wait(self._reading)
                self._connection.close()
                await asyncio.to_thread(rewrite, self.path)
                self._connection, _ = open_file(self.path, self._memory_bytes)
                remove_damaged(self.path)
            finally:
                self._available.set()
        return forgotten

    async def retire(self, keep: Keep) -> int:
        """Remove what is older than it is to be kept, then the oldest days until the file fits."""
        gone = await self._write(lambda cursor: retire(cursor, keep))
        for _ in range(_SHED_DAYS):
            if (await self.counts()).bytes <= keep.most_bytes:
                break
            gone += await self._write(lambda cursor: shed(cursor, keep))
            await self.settle()
        return gone


_LOG_COLUMNS = ", ".join(f'"{name}"' for name in rows.ANSWERED)


def _facts(cursor: DuckDBPyConnection, session: bytes, command: int) -> list[wire.Fact]:
    key = {"session": session, "id": command}
    row = _fetch(cursor, statement("command"), key)[0]
    since = row["started_at"] or 0
    window = {"since_at": since, "until_at": since + (row["wall_ns"] or 0)}
    facts: list[wire.Fact] = [
        rows.command(
            row,
            _fetch(cursor, statement("daemons"), key),
            _fetch(cursor, statement("other_reasons"), key),
        )
    ]
    found = _fetch(cursor, statement("session"), {"session": session})
    facts += map(rows.session, found)
    facts += _tree(cursor, session, command)
    facts += map(rows.flow, _fetch(cursor, statement("flows"), key))
    facts += map(rows.sample, _fetch(cursor, statement("samples"), key))
    facts += map(rows.loss, _fetch(cursor, statement("losses"), window))
    for host in _fetch(cursor, statement("hosts"), {"until_at": window["until_at"]}):
        place = {"device": host["device"], "at": host["at"]}
        facts.append(rows.host(host, _fetch(cursor, statement("caches"), place)))
    return facts


def _tree(cursor: DuckDBPyConnection, session: bytes, command: int) -> list[wire.Process]:
    key = {"session": session, "id": command}
    text = statement("processes")
    found: list[Row] = []
    for window in _fetch(cursor, statement("days"), key):
        expected = window.pop("process_count") or 0
        found = _fetch(cursor, text, {**key, **window})
        if len(found) < expected:
            # The days are those of a clock that was set in between, or the rest is not there.
            found = _fetch(cursor, text, {**key, "day": None, "until_day": None})
    return [rows.process(row) for row in found]


def _fetch(cursor: DuckDBPyConnection, text: str, values: dict[str, Any]) -> list[Row]:
    found = cursor.execute(text, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
