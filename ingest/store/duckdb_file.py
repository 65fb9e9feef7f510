"""The DuckDB file: opened behind bars, repaired when damaged, rewritten when told to forget."""

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from ingest.stable import sync
from ingest.store.base import StoreError
from ingest.store.tables import CHILDREN, SHAPES, kinds

TYPES = {
    "int": "BIGINT",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
    "bytes": "BLOB",
    "texts": "VARCHAR[]",
}
SCHEMA = 1
"""Raised when an older program must not write the file any more; new columns do not raise it."""

_KEPT_DAMAGED = 2
_TEMPORARY_BYTES = "512MB"
# Each checkpoint writes the last, partly filled row group of every table anew.
_CHECKPOINT_BYTES = "64MB"
_REWRITING = ".rewriting"
_TEMPORARY = ".tmp"
_SUSPECT = ".suspect"
_CORRUPT = ("orrupt", "checksum", "Could not read enough bytes")
_MASKING = threading.Lock()
# What DuckDB says when the file is well but cannot be had; anything else at opening is damage.
_NOT_DAMAGE = (
    ("conflicting lock", "another program has it open: close that one, then try again"),
    ("permission denied", "look at its owner and mode"),
    ("no space left", "free some disk, then try again"),
    ("read-only file system", "the disk is mounted read-only"),
    ("too many open files", "close some programs, then try again"),
    ("version number", "it was written by a newer DuckDB: update ptywrap"),
    ("newer version", "it was written by a newer DuckDB: update ptywrap"),
    ("out of memory", "close some programs, then try again"),
)


class Opened(NamedTuple):
    """The connection, and the damaged files that were moved aside to get it."""

    connection: DuckDBPyConnection
    repaired: tuple[str, ...]


def statement(name: str, **words: str) -> str:
    """Return the statement behind `-- name: NAME`, its words filled in."""
    text = _statements()[name]
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    return text


@cache
def _statements() -> dict[str, str]:
    files = ("duckdb_schema", "duckdb", "duckdb_load", "duckdb_rollups", "duckdb_pages")
    paths = [Path(__file__).with_name(f"{name}.sql") for name in files]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def failure(path: Path, error: duckdb.Error) -> StoreError:
    """Return what a failed question means; damage that shows only now is repaired at opening."""
    said = str(error)
    corrupt = any(words in said for words in _CORRUPT)
    if corrupt:
        Path(f"{path}{_SUSPECT}").touch(mode=0o600)
    gone = isinstance(error, duckdb.InternalError | duckdb.ConnectionException)
    reopen = corrupt or gone or "invalidated" in said
    hint = "try again" if reopen else "its log says where"
    return StoreError(f"the store failed: {said.splitlines()[0][:200]}", hint, reopen=reopen)


def open_file(path: Path, memory_bytes: int) -> Opened:
    """Open or make the file; a damaged WAL is moved aside, then a damaged file.

    StoreError: the file is well but cannot be had now.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        repaired = _swept(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened: {error.strerror}", "look at its folder"
        ) from None
    for victim in (*_both(path), None):
        try:
            return Opened(_open(path, memory_bytes), tuple(repaired))
        except (duckdb.Error, ValueError) as error:
            _refuse_if_well(path, error)
            if victim is None:
                raise StoreError(f"{path} cannot be made: {error}", "look at its folder") from None
            if victim.exists():
                repaired.append(_aside(path, victim))
    raise AssertionError("the last round returns or raises")


def _swept(path: Path) -> list[str]:
    """Remove what a kill left half done, and move aside what was damaged while it was open."""
    Path(f"{path}{_REWRITING}").unlink(missing_ok=True)
    shutil.rmtree(f"{path}{_TEMPORARY}", ignore_errors=True)
    suspect = Path(f"{path}{_SUSPECT}")
    if not suspect.exists():
        return []
    moved = [_aside(path, victim) for victim in _both(path) if victim.exists()]
    suspect.unlink()
    return moved


def rewrite(path: Path) -> None:
    """Write the file anew from its rows: DuckDB leaves the bytes of deleted rows in free blocks.

    The file must not be open. Killed in the middle, the old file is still whole. StoreError: its
    last checkpoint failed, and a WAL must never meet another file than its own.
    """
    if Path(f"{path}.wal").exists():
        raise StoreError("the store could not be written", "free some disk, then try again")
    fresh = Path(f"{path}{_REWRITING}")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(f"ATTACH '{_quoted(path)}' AS old (READ_ONLY)")
        connection.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
        connection.execute("COPY FROM DATABASE old TO fresh")
        connection.execute("CHECKPOINT fresh")
    fresh.chmod(0o600)
    sync(fresh)
    fresh.replace(path)
    sync(path.parent)


def remove_damaged(path: Path, keep: int = 0) -> None:
    """Remove all but the newest `keep` of the files that were moved aside."""
    found = sorted(path.parent.glob(f"{path.name}*.damaged-*"), key=_number)
    for old in found[: len(found) - keep]:
        old.unlink(missing_ok=True)


@contextlib.contextmanager
def _private() -> Iterator[None]:
    """Make files for their owner alone; the mask is of the whole process, so one at a time."""
    with _MASKING:
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


def _open(path: Path, memory_bytes: int) -> DuckDBPyConnection:
    with _private():
        connection = duckdb.connect(
            str(path),
            config={
                "threads": 2,
                "memory_limit": f"{memory_bytes >> 20}MiB",
                "temp_directory": f"{path}{_TEMPORARY}",
                "max_temp_directory_size": _TEMPORARY_BYTES,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_scan_all_frames": "false",
                # What a column of objects holds is known: one of them shows it.
                "pandas_analyze_sample": "1",
                "checkpoint_threshold": _CHECKPOINT_BYTES,
            },
        )
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        _prepare(connection, path)
        undo.pop_all()
    return connection


def _prepare(connection: DuckDBPyConnection, path: Path) -> None:
    export = Path(f"{path.parent}/export")
    connection.execute(f"SET allowed_directories = ['{_quoted(export)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    connection.execute(statement("schema"))
    row = connection.execute("SELECT max(schema) FROM about").fetchone()
    found = row[0] if row else None
    if found is None:
        connection.execute("INSERT INTO about VALUES (?)", [SCHEMA])
    elif found > SCHEMA:
        raise StoreError(f"{path} was written by a newer ptywrap", "update ptywrap")
    there = set(connection.execute(statement("columns")).fetchall())
    for table in (*SHAPES, *CHILDREN):
        for column, kind in kinds(table).items():
            if (table, column) not in there:
                grow = statement("grow", table=table, column=column, type=TYPES[kind])
                connection.execute(grow)


def _refuse_if_well(path: Path, error: Exception) -> None:
    said = str(error).lower()
    for words, hint in _NOT_DAMAGE:
        if words in said:
            raise StoreError(f"{path} cannot be opened", hint) from error


def _both(path: Path) -> tuple[Path, Path]:
    """Return the WAL, then the file: the order in which they are given up."""
    return Path(f"{path}.wal"), path


def _aside(path: Path, victim: Path) -> str:
    """Rename the damaged file, or its WAL, under the next number; the newest few are kept."""
    number = 1 + max(map(_number, path.parent.glob(f"{path.name}*.damaged-*")), default=0)
    target = victim.with_name(f"{victim.name}.damaged-{number}")
    victim.rename(target)
    with contextlib.suppress(OSError):
        sync(victim.parent)
    remove_damaged(path, keep=_KEPT_DAMAGED)
    return target.name


def _number(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
