"""Rows out of DuckDB: what somebody wants forgotten, and what is too old to be kept."""

from duckdb import DuckDBPyConnection

from ingest.store import duckdb_roll
from ingest.store.base import Forgotten, Keep, Scope
from ingest.store.duckdb_file import statement
from ingest.store.duckdb_roll import ROLLUPS
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
_OWNED = "(a.tenant IS NULL OR (t.tenant = a.tenant AND t.person = a.person))"
_OF_REPO = (
    "(a.repo IS NULL OR contains(t.repo, a.repo) OR (t.tenant, t.repo) IN "
    "(SELECT p.tenant, p.repo FROM projects AS p, asked AS q WHERE p.alias = q.repo))"
)
_SINCE_THEN = '(a.since_at IS NULL OR t."{moment}" IS NULL OR t."{moment}" >= a.since_at)'
# The days of a person's rollups, how many of them a row spans but one, and the rows they are of.
_PERSONAL = {
    "roll_day": ("day", 0, "commands"),
    "person_week": ("week", 6, "commands"),
    "flow_day": ("day", 0, "flows"),
}
_ROLLED_DAYS = ("roll_day", "hist_day", "person_week", "flow_day", "flow_hist")
_DAY_NS = 86_400_000_000_000


def forget(cursor: DuckDBPyConnection, scope: Scope) -> Forgotten:
    """Delete the rows of a scope within the transaction; return the commands that went."""
    owner = scope.owner
    cursor.execute(
        statement("asked"),
        {
            "tenant": owner and owner.tenant,
            "person": owner and owner.person,
            "since_at": scope.since_at,
            "repo": scope.repo,
        },
    )
    _run(cursor, "gone", owned=_OWNED, of_repo=_OF_REPO)
    commands = frozenset(cursor.execute(statement("gone_commands")).fetchall())
    if scope == Scope():
        for table in (*SHAPES, *CHILDREN, *ROLLUPS, "boots", "batches"):
            _run(cursor, "empty", table=table)
        return Forgotten(commands)
    # Flows are told apart by their commands' templates: commands go last, remotes after all.
    names = [name for name in (*SHAPES, *CHILDREN) if name not in ("commands", "projects")]
    for table in (*names, "commands", "projects"):
        _delete(cursor, table, scope)
    if owner is not None:
        _forget_rollups(cursor, scope)
    duckdb_roll.erased(cursor)
    if scope == Scope(owner=owner):
        _run(cursor, "forget_rollup", **_rollup("dirty_days", ("day", 0, "commands")))
    return Forgotten(commands)


def _delete(cursor: DuckDBPyConnection, table: str, scope: Scope) -> None:
    _run(cursor, "doomed", table=table, owned=_OWNED, itself=_itself(table, scope))
    if table in _WITH_COMMANDS:
        _run(cursor, "doomed_with", table=table, id=_WITH_COMMANDS[table])
    if table in ("commands", "flows"):
        duckdb_roll.roll(cursor, table, statement("rows_doomed", table=table), -1)
    _run(cursor, "delete_doomed", table=table)


def _itself(table: str, scope: Scope) -> str:
    """Return the condition under which a row goes for what it says itself."""
    since = _SINCE_THEN.replace("{moment}", moment(table)) if table in SHAPES else "true"
    if scope.repo is not None:
        if table == "projects":
            return f"({_OF_REPO} OR t.alias = a.repo)"
        return f"{_OF_REPO} AND {since}" if table == "commits" else "false"
    if scope.since_at is not None:
        return since if table in _SINCE else "false"
    return "true"


def _forget_rollups(cursor: DuckDBPyConnection, scope: Scope) -> None:
    for table, told in _PERSONAL.items():
        if scope.repo is None:
            _run(cursor, "forget_rollup", **_rollup(table, told))
        elif table != "flow_day":
            _run(cursor, "forget_rollup", **(_rollup(table, told) | {"of_repo": _OF_REPO}))


def _rollup(table: str, told: tuple[str, int, str]) -> dict[str, str]:
    day, length, rows = told
    words = {"table": table, "day": day, "length": str(length), "rows": rows}
    return {**words, "owned": _OWNED, "of_repo": "true"}


def retire(cursor: DuckDBPyConnection, keep: Keep) -> int:
    """Delete days past their keeping; return how many rows went."""
    today = _today(cursor, keep)
    if today is None:
        return 0
    # What the rows were worth is written before they go.
    duckdb_roll.fold_days(cursor, keep.today)
    gone = 0
    for table in (*SHAPES, *CHILDREN):
        days = keep.details_days if table in _DETAILS else keep.commands_days
        gone += _retire(cursor, table, today - days)
    for table, day in (("commands", keep.commands_days), ("flows", keep.details_days)):
        duckdb_roll.lost(cursor, table, today - day)
    for table in _ROLLED_DAYS:
        days = keep.flow_days if table in ("flow_day", "flow_hist") else keep.rollups_days
        _retire(cursor, table, today - days)
    if keep.batches_days is not None:
        at = (keep.today - keep.batches_days) * _DAY_NS
        cursor.execute(statement("retire_batches"), {"at": at})
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
    text = statement("retire", table=table, day="week + 6" if table == "person_week" else "day")
    row = cursor.execute(text, {"day": day}).fetchone()
    return int(row[0]) if row else 0


def _run(cursor: DuckDBPyConnection, name: str, **words: str) -> None:
    cursor.execute(statement(name, **words))
