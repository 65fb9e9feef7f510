"""What pages ask DuckDB: from rows where these are few and all there, from rollups elsewhere."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from ingest.store.duckdb_file import statement
from ingest.store.duckdb_roll import LENGTH, VALUE_NS, WAITED, monday_of
from ingest.store.questions import (
    ROLLUPS,
    ROWS,
    Median,
    Period,
    Periods,
    Program,
    Remote,
    Remotes,
    Sums,
    Template,
    Templates,
    Window,
)

RAW_RUNS = 2_000_000
"""Up to so many commands are read as rows; more are answered by rollups."""

_THIN_RUNS = 30
_THIN_TOP = 100
_WEEKS_DAYS = 28
_EVERY = 1 << 62
_MOST = (1 << 63) - 1
_EPOCH = "DATE '1970-01-01'"
_DAY = f"day - {_EPOCH}"
# Day 0 was a Thursday; a truncation by calendar takes five times as long.
_WEEK = f"day - {_EPOCH} - (day - {_EPOCH} + 3) % 7"
_SOURCES = {"commands": ("roll_day", "runs"), "flows": ("flow_day", "flows")}
_BY = {"wait": "wait_ns", "wall": "wall_ns", "cpu": "cpu_ns", "runs": "runs"}


class Condition(NamedTuple):
    """A part of a statement and the parameters it names."""

    text: str
    values: dict[str, Any]


class Held(NamedTuple):
    """What answers a window: rows or rollups, whether all rows are there, and the merged weeks."""

    source: str
    whole: bool
    merged_day: int | None


def templates(cursor: DuckDBPyConnection, window: Window) -> Templates:
    """Return what each template cost: sums first, then the quantiles of those that are shown."""
    held = _held(cursor, window, "commands")
    order = f"{_BY[window.by]} DESC, template NULLS LAST LIMIT {_top(window)}"
    found = _sums(cursor, window, held, "template", order)
    thin = {row[0] for row in found if row[3] < _THIN_RUNS}
    names = [row[0] for row in found]
    if held.source == ROWS:
        measured = _of_rows(cursor, window, names)
    else:
        measured = _of_rollups(cursor, window, held, names)
        # A bucket of few runs says little, and few rows are soon read.
        if thin and held.whole and len(found) <= _THIN_TOP:
            measured |= _of_rows(cursor, window, sorted(thin, key=str))
    rows = [
        Template(row[0], row[1], row[2], _summed(row[3:]), *measured.get(row[0], (None, None)))
        for row in found
    ]
    return Templates(rows, held.source)


def daily(cursor: DuckDBPyConnection, window: Window, template: str | None) -> Periods:
    """Return what one template cost on each day."""
    held = _held(cursor, window, "commands")
    named = _named([template])
    found = _sums(cursor, window, held, _DAY, "1", named)
    if held.source == ROWS:
        measured = _quantiles(cursor, "commands", _DAY, LENGTH, _within(window), named)
    elif _known(window):
        measured = _bucketed(cursor, "hist_day", _DAY, _within(window), named)
    else:
        measured = {}
    rows = [
        Period(row[0], row[2], _summed(row[3:]), *measured.get(row[0], (None, None)))
        for row in found
    ]
    return Periods(rows, held.source)


def weekly(cursor: DuckDBPyConnection, window: Window) -> Periods:
    """Return what each ISO week cost."""
    held = _held(cursor, window, "commands")
    found = _sums(cursor, window, held, _WEEK, "1")
    return Periods([Period(row[0], row[2], _summed(row[3:])) for row in found], held.source)


def programs(cursor: DuckDBPyConnection, window: Window) -> list[Program]:
    """Return the programs that took most CPU."""
    text, values = _within(window._replace(repo=None))
    found = cursor.execute(statement("programs", within=text), {**values, "top": _top(window)})
    return [Program(row[0], *map(_bounded, row[1:])) for row in found.fetchall()]


def remotes(cursor: DuckDBPyConnection, window: Window) -> Remotes:
    """Return the hosts that were spoken to."""
    window = window._replace(repo=None)
    held = _held(cursor, window, "flows")
    within = _within(window)
    text = statement(f"remotes_of_{held.source}", within=within.text)
    found = cursor.execute(text, {**within.values, "top": _top(window)}).fetchall()
    named = _named([row[0] for row in found], "remote_host")
    connects, firsts = (
        _waits(cursor, window, held, named, measure) for measure in ("connect", "first byte")
    )
    rows = [
        Remote._make((*map(_bounded, row), connects.get(row[0]), firsts.get(row[0])))
        for row in found
    ]
    return Remotes(rows, held.source)


def medians(cursor: DuckDBPyConnection, window: Window) -> list[Median]:
    """Return the closed weeks within the window."""
    first = monday_of(window.first_day + 6)
    weeks = window._replace(first_day=first, last_day=window.last_day - 6)
    text, values = _within(weeks, "week")
    found = cursor.execute(statement("medians", within=text), values)
    return [Median(*row[:4], *map(_bounded, row[4:])) for row in found.fetchall()]


def _held(cursor: DuckDBPyConnection, window: Window, rows: str) -> Held:
    if not window.tenant:
        return Held(ROWS, whole=True, merged_day=None)
    table, number = _SOURCES[rows]
    text, values = _within(window)
    words = {"table": table, "number": number, "rows": rows, "within": text}
    row = cursor.execute(statement("held", **words), values).fetchone() or (0, None, None)
    whole = row[1] is None or window.first_day >= row[1]
    few = whole and row[0] <= RAW_RUNS
    return Held(window.source or (ROWS if few else ROLLUPS), whole, row[2])


def _within(window: Window, day: str = "day") -> Condition:
    """Return the condition of a window; what it does not ask for is no part of it."""
    texts = [
        f"{day} BETWEEN {_EPOCH} + {window.first_day:d} AND {_EPOCH} + {window.last_day:d}",
        "tenant = $tenant",
    ]
    values: dict[str, Any] = {"tenant": window.tenant}
    for name in ("person", "team", "repo"):
        asked = getattr(window, name)
        if asked is not None:
            texts.append(f"{name} = ${name}")
            values[name] = asked
    return Condition(" AND ".join(texts), values)


def _named(names: Sequence[str | None], column: str = "template") -> Condition:
    """Return the condition that a column holds one of some names, None among them."""
    known = [name for name in names if name is not None]
    text = f"{column} IN (SELECT unnest($names::VARCHAR[]))"
    if len(known) == 1:
        text = f"{column} = $names[1]"
    if len(known) < len(names):
        text = f"({text} OR {column} IS NULL)"
    return Condition(text, {"names": known})


def _sums(
    cursor: DuckDBPyConnection,
    window: Window,
    held: Held,
    key: str,
    order: str,
    *also: Condition,
) -> list[Any]:
    parts = [_within(window), *also]
    name = f"sums_of_{held.source}"
    within = " AND ".join(part.text for part in parts)
    sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in Sums._fields[2:])
    text = statement(name, key=key, within=within, sums=sums, order=order)
    return cursor.execute(text, _values(parts)).fetchall()


def _of_rows(
    cursor: DuckDBPyConnection, window: Window, names: Sequence[str | None]
) -> dict[Any, tuple[int, int]]:
    return _quantiles(cursor, "commands", "template", LENGTH, _within(window), _named(names))


def _of_rollups(
    cursor: DuckDBPyConnection, window: Window, held: Held, names: Sequence[str | None]
) -> dict[Any, tuple[int, int]]:
    if not _known(window):
        return {}
    within = _within(window)
    first = held.merged_day
    merged = first is not None and (window.first_day, window.last_day) == (
        first,
        first + _WEEKS_DAYS - 1,
    )
    if merged:
        within = _within(window._replace(last_day=window.first_day), "first_day")
    table = "hist_4w" if merged else "hist_day"
    return _bucketed(cursor, table, "template", within, _named(names))


def _waits(
    cursor: DuckDBPyConnection, window: Window, held: Held, named: Condition, measure: str
) -> dict[Any, int]:
    """Return the median ns of each host until it answered, or until its first byte."""
    within = _within(window)
    if held.source == ROWS:
        length = "connect_ns" if measure == "connect" else WAITED
        found = _quantiles(cursor, "flows", "remote_host", length, within, named)
    elif _known(window):
        only = Condition(f"{within.text} AND measure = '{measure}'", within.values)
        found = _bucketed(cursor, "flow_hist", "remote_host", only, named)
    else:
        found = {}
    return {name: p50 for name, (p50, _) in found.items()}


def _quantiles(
    cursor: DuckDBPyConnection, table: str, key: str, length: str, *parts: Condition
) -> dict[Any, tuple[int, int]]:
    within, named = (part.text for part in parts)
    words = {"table": table, "key": key, "length": length, "within": within, "named": named}
    found = cursor.execute(statement("quantiles_of_rows", **words), _values(parts))
    return {name: (p50, p95) for name, p50, p95 in found.fetchall()}


def _bucketed(
    cursor: DuckDBPyConnection, table: str, key: str, *parts: Condition
) -> dict[Any, tuple[int, int]]:
    within, named = (part.text for part in parts)
    words = {"table": table, "key": key, "value": VALUE_NS, "within": within, "named": named}
    found = cursor.execute(statement("quantiles_of_rollups", **words), _values(parts))
    return {name: (p50, p95) for name, p50, p95 in found.fetchall()}


def _values(parts: Iterable[Condition]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.values.items()}


def _known(window: Window) -> bool:
    """Say whether histograms know of a window: they hold neither persons nor teams."""
    return window.person is None and window.team is None


def _summed(values: Sequence[int]) -> Sums:
    return Sums(*map(_bounded, values))


def _bounded(value: Any) -> Any:
    """Return a number that 64 bits hold: a sum may be of anything a client says."""
    return max(-_MOST, min(value, _MOST)) if isinstance(value, int) else value


def _top(window: Window) -> int:
    return _EVERY if window.top is None else window.top
