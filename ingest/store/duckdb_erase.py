"""Rows out of DuckDB: what a user wants forgotten, and what is too old to be kept."""

from duckdb import DuckDBPyConnection

from ingest.store.base import Forgotten, Keep, Scope
from ingest.store.duckdb_file import statement
from ingest.store.forget import moment
from ingest.store.tables import CHILDREN, SHAPES

_WITH_COMMANDS = {
    "daemons": "command",
    "other_reasons": "command",
    "processes": "command",
    "flows": "command",
    "samples": "command",
    "commands": "id",
}
_DETAILS = ("processes", "flows", "samples")
_SINCE = ("sessions", "processes", "flows", "samples", "commits", "losses")


def forget(cursor: DuckDBPyConnection, scope: Scope) -> Forgotten:
    """Delete the rows of a scope within the transaction; return the commands that went."""
    values = scope._asdict()
    cursor.execute(statement("gone"), values)
    commands = frozenset(cursor.execute(statement("gone_commands")).fetchall())
    if scope == Scope():
        for table in (*SHAPES, *CHILDREN, "boots", "batches"):
            cursor.execute(statement("empty", table=table))
        return Forgotten(commands)
    for table, number in _WITH_COMMANDS.items():
        cursor.execute(statement("forget_with", table=table, id=number))
    if scope.repo is not None:
        cursor.execute(statement("forget_commits"), values)
        cursor.execute(statement("forget_projects"), {"repo": scope.repo})
    else:
        for table in _SINCE:
            named = f'"{moment(table)}"'
            text = statement("forget_since", table=table, moment=named)
            cursor.execute(text, {"since_at": scope.since_at})
    return Forgotten(commands)


def retire(cursor: DuckDBPyConnection, keep: Keep) -> int:
    """Delete days past their keeping; return how many rows went."""
    today = _today(cursor, keep)
    gone = 0
    for table in (*SHAPES, *CHILDREN) if today is not None else ():
        days = keep.details_days if table in _DETAILS else keep.commands_days
        gone += _retire(cursor, table, (today or 0) - days)
    return gone


def shed(cursor: DuckDBPyConnection, keep: Keep) -> int:
    """Delete the oldest day of details, or of all where no details are left; not the newest two.

    The room shows after a checkpoint, not before.
    """
    today = _today(cursor, keep)
    for tables in (_DETAILS, (*SHAPES, *CHILDREN)):
        oldest = [day for day in (_oldest(cursor, table) for table in tables) if day is not None]
        if today is not None and oldest and min(oldest) < today:
            return sum(_retire(cursor, table, min(oldest) + 1) for table in tables)
    return 0


def _today(cursor: DuckDBPyConnection, keep: Keep) -> int | None:
    """Return the day to count back from: the second newest that has commands, at the latest.

    A clock that was wrong for one day must not empty the history.
    """
    recent = cursor.execute(statement("recent_days")).fetchall()
    return min(keep.today, int(recent[1][0])) if len(recent) == 2 else None


def _oldest(cursor: DuckDBPyConnection, table: str) -> int | None:
    row = cursor.execute(statement("oldest", table=table)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _retire(cursor: DuckDBPyConnection, table: str, day: int) -> int:
    row = cursor.execute(statement("retire", table=table), {"day": day}).fetchone()
    return int(row[0]) if row else 0
