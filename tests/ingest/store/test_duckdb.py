"""What only the DuckDB engine has to promise: its file, its bars, its columns."""

import asyncio
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from ingest import store
from ingest.store.base import Keep, LogQuestion, StoreError
from ingest.store.duckdb import open_store
from ingest.store.duckdb_file import open_file
from ingest.store.tables import CHILDREN, LEADING, SHAPES, kinds
from tests import build
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command

_MEMORY = 128 << 20
_KINDS = {
    "BIGINT": "int",
    "BOOLEAN": "bool",
    "VARCHAR": "text",
    "BLOB": "bytes",
    "VARCHAR[]": "texts",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    return tmp_path / "data" / "history.duckdb"


@pytest.fixture
def asked(path: Path) -> Iterator[Asked]:
    """Yield a store over an empty file."""
    made = Asked(store.open(f"duckdb://{path}"))
    yield made
    made.close()


def _columns(path: Path, table: str) -> dict[str, str]:
    with open_file(path, _MEMORY).connection as connection:
        found = connection.execute(f'DESCRIBE "{table}"').fetchall()
    return {row[0]: row[1] for row in found}


@pytest.mark.parametrize("table", [*SHAPES, *CHILDREN])
def test_a_table_has_the_columns_that_the_facts_are_told_in(path: Path, table: str) -> None:
    columns = _columns(path, table)
    leading = [columns.pop(name) for name in LEADING]
    told = {name: _KINDS[kind] for name, kind in columns.items()}
    assert (told, leading[0], leading[-1]) == (kinds(table), "DATE", "BIGINT")


def test_a_file_of_an_older_ptywrap_grows_the_columns_it_lacks(path: Path) -> None:
    with open_file(path, _MEMORY).connection as connection:
        connection.execute("ALTER TABLE commands DROP COLUMN own_cpu_ns")
    assert _columns(path, "commands")["own_cpu_ns"] == "BIGINT"


def test_the_file_and_its_folder_are_their_owners_alone(asked: Asked, path: Path) -> None:
    asked.tell(1, a_command(1))
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]
    assert modes == [0o600, 0o700]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY commands TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SET enable_external_access = true",
        "SET memory_limit = '9GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_sql_reaches_no_other_file_and_no_setting(path: Path, statement: str) -> None:
    with open_file(path, _MEMORY).connection as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_what_was_added_is_there_after_it_is_opened_again(path: Path) -> None:
    first = Asked(store.open(f"duckdb://{path}"))
    first.tell(1, a_command(1))
    first.close()
    second = Asked(store.open(f"duckdb://{path}"))
    lines = second.lines()
    second.close()
    assert lines == ["make test"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(StoreError, match="cannot be"):
        store.open(f"duckdb://{tmp_path}/file/history.duckdb")


def test_a_file_over_its_bound_loses_the_oldest_details_first(asked: Asked) -> None:
    for age in range(6, -1, -1):
        at = build.AT - age * DAY_NS
        command = a_command(age, started_at=at)
        processes = [
            build.a_process(pid=pid, command=command.id, started_at=at, start_ticks=600)
            for pid in range(1, 3)
        ]
        batch = a_batch(9 - age, command, *processes, boot=f"boot {age}", wall_ns=at)
        asked.add(batch)
    asked.do(asked.store.settle())
    asked.do(asked.store.retire(Keep(build.AT // DAY_NS, most_bytes=1)))
    counts = asked.do(asked.store.counts())
    assert counts.processes < 14
    assert asked.log()[0]["started_at"] == build.AT


def test_a_question_that_nobody_waits_for_is_given_up(path: Path) -> None:
    opened = open_store(str(path))
    asked = Asked(opened)
    long = "SELECT count(*) FROM range(100000) AS a, range(100000) AS b WHERE a.range <> b.range"

    async def given_up() -> float:
        asking = asyncio.create_task(opened._read(lambda cursor: cursor.execute(long)))
        await asyncio.sleep(0.2)
        asking.cancel()
        before = time.monotonic()
        await asyncio.wait({asking})
        await asyncio.get_running_loop().shutdown_default_executor()
        return time.monotonic() - before

    seconds = asked.do(given_up())
    asked.loop.set_default_executor(ThreadPoolExecutor())
    asked.close()
    assert seconds < 5


def test_questions_are_answered_while_batches_are_added(asked: Asked) -> None:
    async def both() -> list[int]:
        async def add() -> None:
            for number in range(8):
                await asked.store.add([a_batch(number, a_command(number))])

        adding = asyncio.create_task(add())
        seen = []
        while not adding.done():
            seen.append(len((await asked.store.log(LogQuestion())).commands))
        await adding
        return seen

    seen = asked.do(both())
    assert (seen == sorted(seen), len(asked.log())) == (True, 8)
