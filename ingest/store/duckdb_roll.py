"""Rollups in DuckDB: deltas beside the rows they are of, folded by day, weeks written when over.

They are kept for tenants: rows of a laptop have none, and its rows are few enough to be read.
"""

from collections.abc import Iterable, Iterator

from duckdb import DuckDBPyConnection

from ingest.store.duckdb_file import statement
from ingest.store.questions import Sums

LENGTH = "(wall_ns - least(greatest(coalesce(suspended_ns, 0), 0), greatest(wall_ns, 0)))::BIGINT"
"""How long a run took without its suspensions; no numbers make it overflow."""

GROWTH = 1.0404
_BUCKET = f"CAST(ceil(ln(greatest(length_ns, 1) / 1e6) / ln({GROWTH})) AS INTEGER)"
VALUE_NS = f"CAST(2e6 * pow({GROWTH}, bucket) / (1 + {GROWTH}) AS BIGINT)"
WAITED = (
    "(CASE WHEN opened_at >= 0 AND first_byte_at >= opened_at THEN first_byte_at - opened_at END)"
)
SUMMED = Sums._fields[2:]
_ROLLED = {"commands": ("roll_day", "hist_day"), "flows": ("flow_day", "flow_hist")}
_DAY_NS = 86_400_000_000_000
_WEEKS_DAYS = 28
_MOST = 1 << 62
_GROUP_ROWS = 500_000
_FLOW_SUMS = ("received_bytes", "sent_bytes", "connect_ns", "waited_ns")
# The keys of each rollup, and what of it is added up; of the first nothing is left at 0.
_FOLDS = {
    "roll_day": ("tenant person team repo template category actor", " ".join(Sums._fields)),
    "hist_day": ("tenant repo template bucket", "n"),
    "flow_day": (
        "tenant person team remote_host template",
        "flows failed received_bytes sent_bytes connects connect_ns first_bytes first_byte_ns",
    ),
    "flow_hist": ("tenant remote_host template measure bucket", "n"),
}
STAGED = {
    "commands": "session id repo template category actor exit_status signal suspended_ns "
    + " ".join(SUMMED),
    "flows": "session id command remote_host opened_at first_byte_at closed_at received_bytes "
    "sent_bytes connect_ns",
}
"""What rollups read of the rows of a table, besides whose they are and their day."""

ROLLUPS = (*_FOLDS, "hist_4w", "person_week", "dirty_days", "horizons")


def before(cursor: DuckDBPyConnection, table: str, *, told: bool) -> None:
    """Take off what rows added that are about to be replaced: `former` names them, if `told`."""
    if table in _ROLLED and told:
        roll(cursor, table, statement("rows_former", table=table), -1)
    if table == "commands":
        _rename(cursor)


def after(cursor: DuckDBPyConnection, table: str) -> None:
    """Add what the staged rows, which have just been inserted, are worth."""
    if table in _ROLLED:
        roll(cursor, table, statement("rows_staged", table=table), 1)


def roll(cursor: DuckDBPyConnection, table: str, rows: str, sign: int) -> None:
    """Append the deltas of rows of `commands` or `flows`: of a subselect in parentheses."""
    if table == "flows":
        if not _run(cursor, "rolled_flows", rows=rows, waited=WAITED):
            return
        rows = "rolled_flows"
    _append(cursor, table, rows, sign)
    _run(cursor, "dirty", rows=rows)


def fold(cursor: DuckDBPyConnection, now_at: int) -> None:
    """Fold hourly, and bring the last four whole weeks up to date each time it is called."""
    monday = date(monday_of(now_at // _DAY_NS))
    text = statement("fold_due", now_at=str(now_at), monday=monday)
    hourly, merge = cursor.execute(text).fetchone() or (False, False)
    if merge:
        _run(cursor, "merge", monday=monday)
    if hourly:
        fold_days(cursor, now_at // _DAY_NS)
        _run(cursor, "fold_done", now_at=str(now_at))


def fold_days(cursor: DuckDBPyConnection, today: int) -> None:
    """Fold the days that were touched and write the weeks of theirs that are over by `today`."""
    touched = cursor.execute(statement("touched")).fetchall()
    for days in _groups(touched):
        _fold(cursor, ", ".join(map(date, days)))
    _run(cursor, "closing", today=date(today))
    _run(cursor, "unclose")
    words = {"length": LENGTH, "sum_wait_ns": _summed("wait_ns")}
    for week, number in cursor.execute(statement("closing_weeks")).fetchall():
        parts = number // _GROUP_ROWS + 1
        for part in range(parts):
            _run(cursor, "close", **words, week=date(week), parts=str(parts), part=str(part))
    _run(cursor, "cleaned", today=date(today))


def erased(cursor: DuckDBPyConnection) -> None:
    """Fold what an erasure touched, and all that was made of it, as of the last folding."""
    row = cursor.execute(statement("last_fold")).fetchone()
    at, merged = row or (None, None)
    fold_days(cursor, (at or 0) // _DAY_NS)
    if merged is not None:
        _run(cursor, "merge", monday=date(int(merged) + _WEEKS_DAYS))


def lost(cursor: DuckDBPyConnection, table: str, day: int) -> None:
    """Remember that rows of a table before a day are gone, though rollups still know of them."""
    _run(cursor, "horizon", table=table, day=date(day))


def date(day: int) -> str:
    """Return a day since the epoch as SQL."""
    return f"(DATE '1970-01-01' + {day:d})"


def monday_of(day: int) -> int:
    """Return the first day of the ISO week a day is in: day 0 was a Thursday."""
    return day - (day + 3) % 7


def _groups(touched: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield days in groups that are folded in little memory."""
    days: list[int] = []
    rows = 0
    for day, number in touched:
        if days and rows + number > _GROUP_ROWS:
            yield days
            days, rows = [], 0
        days.append(day)
        rows += number
    if days:
        yield days


def _fold(cursor: DuckDBPyConnection, days: str) -> None:
    for table, (keys, sums) in _FOLDS.items():
        names = sums.split()
        words = {"table": table, "number": names[0], "keys": ", ".join(["day", *keys.split()])}
        folds = ", ".join(f"{_summed(name)} AS {name}" for name in names)
        _run(cursor, "folded", **words, folds=folds, days=days)
        _run(cursor, "unfold", **words, days=days)
        _run(cursor, "fold", **words, first="template" if "repo" in keys else "remote_host")


def _append(cursor: DuckDBPyConnection, table: str, rows: str, sign: int) -> None:
    words = {"rows": rows, "sign": str(sign), "length": LENGTH, "bucket": _BUCKET}
    sums = ", ".join(f"{sign} * {_summed(name)} AS {name}" for name in SUMMED)
    words |= {f"sum_{name}": _summed(name) for name in _FLOW_SUMS}
    for rollup in _ROLLED[table]:
        _run(cursor, rollup, **words, sums=sums)


def _summed(name: str) -> str:
    """Return a sum that a column holds, whatever nonsense a client adds up in rows of its own."""
    return f"CAST(least(greatest(coalesce(sum({name}), 0), -{_MOST}), {_MOST}) AS BIGINT)"


def _rename(cursor: DuckDBPyConnection) -> None:
    """Move flows of commands whose template is told otherwise to the template they have now."""
    if not _run(cursor, "renamed", rows=statement("rows_staged", table="commands")):
        return
    for template, sign in (("earlier", -1), ("later", 1)):
        if not _run(cursor, "renamed_flows", template=template, waited=WAITED):
            return
        _append(cursor, "flows", "rolled_flows", sign)
        _run(cursor, "dirty", rows="rolled_flows")


def _run(cursor: DuckDBPyConnection, name: str, **words: str) -> int:
    """Run statements; return how many rows the last one wrote."""
    found = cursor.execute(statement(name, **words)).fetchall()
    return int(found[0][0]) if found and isinstance(found[0][0], int) else 0
