"""The default engine: one DuckDB file, one owner, rows by day (storage.md 3.6 and 3.7)."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from ingest.store import duckdb_pages as pages
from ingest.store import duckdb_roll as roll
from ingest.store import rows, turns
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
    Unstorable,
)
from ingest.store.duckdb_erase import forget, retire, shed
from ingest.store.duckdb_export import export
from ingest.store.duckdb_file import failure, open_file, remove_damaged, rewrite, statement
from ingest.store.duckdb_runs import fetch, owned, run, tree
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

Answer = TypeVar("Answer")
Work = Callable[[DuckDBPyConnection], Answer]
MEMORY_BYTES = 256 << 20
REWRITTEN_AT_ONCE_BYTES = 4 << 30
_HOUR_NS = 3_600_000_000_000
_NIGHT_HOUR = 3
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
        self.rewritten_at_once_bytes = REWRITTEN_AT_ONCE_BYTES
        self._loader: Any = None
        self._writing = asyncio.Lock()
        self._writer = turns.behind("writer")
        self._available = asyncio.Event()
        self._available.set()
        self._reading: set[asyncio.Future[Any]] = set()

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Add what is new of the batches and the progress, in one transaction."""
        # Loading needs numpy, which a question alone does not wait for.
        from ingest.store.duckdb_load import Loader  # noqa: PLC0415

        self._loader = loader = self._loader or Loader()
        with loader.attempt():
            return await self._write(lambda cursor: loader.add(cursor, batches, progress))

    async def position(self) -> tuple[int, int]:
        """Return the number and offset of the newest progress, zeros where there was none."""
        row = (await self._rows("position"))[0]
        return row["journal_number"], row["journal_offset"]

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        return Totals(**(await self._rows("totals"))[0])

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Return which of these batch ids have been added."""
        found = await self._rows("known", ids=list(batches))
        return frozenset(row["id"] for row in found)

    async def log(self, question: LogQuestion) -> Log:
        """Return commands, newest first."""
        values = {**question._asdict(), **owned(question.owner)}
        del values["owner"]
        found = await self._rows("log", {"columns": _LOG_COLUMNS}, **values)
        unique = await self._unique([row["id"] for row in found], question.owner)
        return Log([rows.answer(row) for row in found], unique)

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        return await self.log(LogQuestion(limit=limit, since_at=since_at, owner=owner))

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table, in one state of the store."""
        return await self._read(lambda cursor: export(cursor, owner), seconds=None)

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Return the run of the command an id's hex prefix or `last` names."""
        return await self._read(lambda cursor: run(cursor, command, owner))

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Return the processes of a command in the order of their birth."""
        return await self._read(lambda cursor: tree(cursor, session, command, owner))

    async def templates(self, window: Window) -> Templates:
        """Return what each template cost."""
        return await self._read(lambda cursor: pages.templates(cursor, window))

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Return what one template cost on each day."""
        return await self._read(lambda cursor: pages.daily(cursor, window, template))

    async def weekly(self, window: Window) -> Periods:
        """Return what each ISO week cost."""
        return await self._read(lambda cursor: pages.weekly(cursor, window))

    async def programs(self, window: Window) -> list[Program]:
        """Return the programs that took most CPU."""
        return await self._read(lambda cursor: pages.programs(cursor, window))

    async def remotes(self, window: Window) -> Remotes:
        """Return the hosts that were spoken to."""
        return await self._read(lambda cursor: pages.remotes(cursor, window))

    async def medians(self, window: Window) -> list[Median]:
        """Return the closed weeks within the window."""
        return await self._read(lambda cursor: pages.medians(cursor, window))

    async def unique(self, commands: Sequence[int]) -> int:
        """Return how many hex digits tell each of these ids from every stored command's."""
        return await self._unique(commands, None)

    async def _unique(self, commands: Sequence[int], owner: Owner | None) -> int:
        starts = sorted({one >> 48 for one in commands})
        near = await self._rows("near", starts=starts, **owned(owner))
        return rows.shortest(commands, [row["id"] for row in near])

    async def fold(self, now_at: int) -> None:
        """Fold what was touched, once an hour; at night write a large file anew if that is due."""
        await self._write(lambda cursor: roll.fold(cursor, now_at))
        if now_at // _HOUR_NS % 24 == _NIGHT_HOUR and await self._rows("rewrite_due"):
            await self._rewrite()

    async def counts(self) -> Counts:
        """Return what is there."""

        def work(cursor: DuckDBPyConnection) -> Counts:
            row = cursor.execute(statement("counts")).fetchone() or ()
            return Counts._make((*row, _size(cursor)))

        return await self._read(work)

    async def settle(self) -> None:
        """Write a checkpoint: what was added no longer needs the WAL, nor the segments."""
        async with self._writing:
            await self._done(lambda cursor: cursor.execute("CHECKPOINT"), None, self._writer)

    async def close(self) -> None:
        """Settle and let go."""
        async with self._writing:
            self._connection.close()
            self._writer.shutdown()

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
            return await self._done(within, None, self._writer)

    async def _rows(
        self, name: str, words: dict[str, str] | None = None, **values: Any
    ) -> list[Row]:
        text = statement(name, **(words or {}))
        return await self._read(lambda cursor: fetch(cursor, text, values))

    async def _read(self, work: Work[Answer], seconds: float | None = _QUERY_SECONDS) -> Answer:
        """Answer a question beside others; one that takes too long is interrupted."""
        return await self._done(work, seconds, None)

    async def _done(
        self, work: Work[Answer], seconds: float | None, threads: Executor | None
    ) -> Answer:
        """Do work on a cursor of its own in a thread, of these or of those for questions."""
        await self._available.wait()
        try:
            cursor = self._connection.cursor()
        except duckdb.ConnectionException as error:  # another question met damage meanwhile
            raise failure(self.path, error) from error

        def whole() -> Answer:
            # Closed by its own thread: who waits for it may be gone before it is done.
            with cursor:
                return work(cursor)

        task = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(threads, whole))
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
        except asyncio.CancelledError:
            cursor.interrupt()
            raise

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Return the median ns of ended runs of templates that ran at least three times."""
        found = await self._rows("usual", templates=list(templates), since_at=since_at)
        return {row["template"]: row["usually_ns"] for row in found}

    async def forget(self, scope: Scope) -> Forgotten:
        """Remove the rows of a scope, then write the file anew without their bytes.

        A service's large file is written anew at night: until then nobody can ask.
        """
        forgotten = await self._write(lambda cursor: forget(cursor, scope))
        if scope.owner and await self._read(_size) > self.rewritten_at_once_bytes:
            await self._write(lambda cursor: cursor.execute(statement("rewrite_later")))
        else:
            await self._rewrite()
        return forgotten

    async def _rewrite(self) -> None:
        async with self._writing:
            self._available.clear()
            try:
                if self._reading:
                    await asyncio.wait(self._reading)
                self._connection.close()
                await asyncio.to_thread(rewrite, self.path)
                self._connection, _ = open_file(self.path, self._memory_bytes)
                self._loader = None
                remove_damaged(self.path)
            finally:
                self._available.set()
        await self._write(lambda cursor: cursor.execute(statement("rewrite_done")))

    async def retire(self, keep: Keep) -> int:
        """Remove what is older than it is to be kept, then the oldest days until the file fits."""
        gone = await self._write(lambda cursor: retire(cursor, keep))
        for _ in range(_SHED_DAYS if keep.most_bytes is not None else 0):
            if await self._read(_size) <= (keep.most_bytes or 0):
                break
            gone += await self._write(lambda cursor: shed(cursor, keep))
            await self.settle()
        return gone


_LOG_COLUMNS = ", ".join(f'"{name}"' for name in rows.ANSWERED)


def _size(cursor: DuckDBPyConnection) -> int:
    """Return the bytes of the blocks in use."""
    row = cursor.execute(statement("size")).fetchone()
    return int(row[0]) if row else 0
