"""Rows of the memory engine: read from batches, checked as columns would, and told apart."""

from collections.abc import Iterator, Mapping, Sequence

from ingest.store import rows
from ingest.store.base import Batch, LogQuestion, Row, Table, Unstorable
from ingest.store.questions import Owner
from ingest.store.tables import CHILDREN, SHAPES, kinds
from ptywrap import wire

DAY_NS = 86_400_000_000_000
_TYPES = {"int": int, "bool": bool, "text": str, "bytes": bytes, "texts": list}
# As in the other engines: beyond these a moment says nothing, and ticks are of no boot.
_MOMENT_MOST = 1 << 62
_TICKS_MOST = 549_755_813_888


def check(batch: Batch) -> None:
    """Refuse a batch with a key that is unknown or a value of another kind than its column's."""
    for name, table in batch.tables.items():
        known = kinds(name)
        keys = SHAPES[name].key if name in SHAPES else CHILDREN[name].key
        for column, values in table.columns.items():
            kind = _TYPES[known[column]]
            for value in values:
                if not (isinstance(value, kind) or (value is None and column not in keys)):
                    raise Unstorable(f"{name}.{column} cannot hold {value!r}")


def told(table: Table) -> Iterator[Row]:
    """Yield the rows of a table of a batch."""
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        yield dict(zip(names, values, strict=True))


def whole(batch: Batch, name: str, row: Row, booted_at: int) -> Row:
    """Return a row with every column of its table, those of its batch, and its day."""
    shape = SHAPES[name]
    nothing: Row = dict.fromkeys(kinds(name))
    moment = _moment(batch, shape.moment, row, booted_at)
    leading = {
        "day": moment // DAY_NS,
        "tenant": batch.tenant,
        "device": batch.device,
        "person": batch.person,
        "team": batch.team,
        "batch": batch.id,
        "version": batch.number,
    }
    return nothing | row | leading


def fits(row: Row, question: LogQuestion, aliased: Mapping[str, Sequence[str]]) -> bool:
    """Say whether a command is one that is asked for; aliases are those of each tenant."""
    also = aliased.get(row["tenant"], ())
    tests = (
        owned(row, question.owner),
        question.since_at is None or (row["started_at"] or 0) >= question.since_at,
        question.repo is None or rows.of_repo(row["repo"], question.repo, also),
        question.cwd is None or _below(row["cwd"], question.cwd),
        not question.failed or bool(row["exit_status"]) or row["signal"] is not None,
        question.text is None
        or question.text.lower() in (row["line"] or row["shape"] or "").lower(),
    )
    return all(tests)


def owned(row: Row, owner: Owner | None) -> bool:
    """Say whether a row is its owner's, or anybody's where no owner is named."""
    return owner is None or Owner(row["tenant"], row["person"]) == owner


def named(row: Row, prefix: str) -> bool:
    """Say whether a command's id begins so."""
    return rows.is_prefix(prefix) and wire.hexadecimal(row["id"]).startswith(prefix)


def _below(cwd: str | None, folder: str) -> bool:
    folder = folder.rstrip("/")
    return cwd is not None and (cwd == folder or cwd.startswith(folder + "/"))


def _moment(batch: Batch, moment: str | None, row: Row, booted_at: int) -> int:
    """Return a row's time on the first wall clock of its boot, so that a day is told for good."""
    if "start_ticks" in row:
        ticks = min(row["start_ticks"], _TICKS_MOST)
        return int(booted_at + ticks * 10_000_000)
    found = row.get(moment) if moment else None
    if found is None or abs(found) >= _MOMENT_MOST:
        found = batch.wall_ns
    if not batch.boot:
        return int(found)
    return int(found - (batch.wall_ns - batch.boottime_ns) + booted_at)
