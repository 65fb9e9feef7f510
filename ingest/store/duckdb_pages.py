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

Quantiles = dict[Any, tuple[int | None, ...]]

RAW_ROWS = 2_000_000
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
_NONE = (None, None)
_BY = {"wait": "wait_ns", "wall": "wall_ns", "cpu": "cpu_ns", "runs": "runs"}


class Condition(NamedTuple):
    """A part of a statement and the parameters it names."""

    text: str
    values: dict[str, Any]


_ALL = Condition("true", {})


class Told(NamedTuple):
    """Some runs: of how many persons, of which category, how long they took, and their sums."""

    key: Any
    category: str | None
    people: int
    quantiles: tuple[int | None, ...]
    sums: Sums


class Held(NamedTuple):
    """What answers a window: rows or rollups, whether all rows are there, and the merged weeks.

    `people` is how persons are counted.
    """

    source: str
    whole: bool
    merged_day: int | None
    people: str


def templates(cursor: DuckDBPyConnection, window: Window) -> Templates:
    """Return what each template cost; where few are shown, only these are read whole."""
    held = _held(cursor, window, "commands")
    named = _ALL if window.top is None else _named(_ranked(cursor, window, held))
    parts = (_within(window), named)
    told = _told(cursor, held, "template", LENGTH, *parts)
    measured = {one.key: one.quantiles for one in told}
    if held.source == ROLLUPS:
        measured = _of_rollups(cursor, window, held, named)
        # A bucket of few runs says little, and few rows are soon read.
        thin = [one.key for one in told if one.sums.runs < _THIN_RUNS]
        if thin and held.whole and len(told) <= _THIN_TOP:
            also = (parts[0], _named(thin))
            measured |= _quantiles(cursor, "commands", "template", LENGTH, *also)
    by = _BY[window.by]
    told.sort(key=lambda one: (-getattr(one.sums, by), one.key is None, one.key or ""))
    rows = [
        Template(one.key, one.category, one.people, one.sums, *measured.get(one.key, _NONE))
        for one in told
    ]
    return Templates(rows, held.source)


def daily(cursor: DuckDBPyConnection, window: Window, template: str | None) -> Periods:
    """Return what one template cost on each day."""
    held = _held(cursor, window, "commands")
    parts = (_within(window), _named([template]))
    told = _told(cursor, held, _DAY, LENGTH, *parts)
    measured = {one.key: one.quantiles for one in told}
    if held.source == ROLLUPS and _known(window):
        measured = _bucketed(cursor, "hist_day", _DAY, *parts)
    rows = [
        Period(one.key, one.people, one.sums, *measured.get(one.key, _NONE)) for one in sorted(told)
    ]
    return Periods(rows, held.source)


def weekly(cursor: DuckDBPyConnection, window: Window) -> Periods:
    """Return what each ISO week cost."""
    held = _held(cursor, window, "commands")
    told = _told(cursor, held, _WEEK, "", _within(window))
    return Periods([Period(one.key, one.people, one.sums) for one in sorted(told)], held.source)


def programs(cursor: DuckDBPyConnection, window: Window) -> list[Program]:
    """Return the programs that took most CPU."""
    within, values = _within(window._replace(repo=None))
    text = statement("programs", within=within, people=_people(window))
    found = cursor.execute(text, {**values, "top": _top(window)})
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
        return Held(ROWS, whole=True, merged_day=None, people=_people(window))
    found = cursor.execute(statement("horizon_of", rows=rows)).fetchone()
    first_day, merged_day = found or (None, None)
    whole = first_day is None or window.first_day >= first_day
    source = window.source
    if source is None:
        # Counting a whole tenant's rows reads few of them; what is asked of them may be fewer.
        asked = dict.fromkeys((window._replace(person=None, team=None, repo=None), window))
        few = whole and any(_number(cursor, rows, one) <= RAW_ROWS for one in asked)
        source = ROWS if few else ROLLUPS
    return Held(source, whole, merged_day, _people(window))


def _people(window: Window) -> str:
    """Return how persons are counted: not at all where it is one, for that takes the longest."""
    return "count(DISTINCT nullif(person, ''))" if window.person is None else "max(1)"


def _number(cursor: DuckDBPyConnection, rows: str, window: Window) -> int:
    text, values = _within(window)
    found = cursor.execute(statement("number_of_rows", rows=rows, within=text), values).fetchone()
    return int(found[0]) if found else 0


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


def _ranked(cursor: DuckDBPyConnection, window: Window, held: Held) -> list[str | None]:
    """Return the templates that cost most."""
    within = _within(window)
    column = _BY[window.by]
    measure = "runs" if column == "runs" else f"coalesce(sum({column}), 0)"
    words = {"within": within.text, "measure": measure, "top": str(window.top)}
    found = cursor.execute(statement(f"ranked_of_{held.source}", **words), within.values)
    return [name for name, _ in found.fetchall()]


def _told(
    cursor: DuckDBPyConnection, held: Held, key: str, length: str, *parts: Condition
) -> list[Told]:
    within = " AND ".join(part.text for part in parts)
    lengths = f"quantile_disc({length}, [0.5, 0.95])" if length else "NULL"
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in Sums._fields[2:])
    words = {"key": key, "within": within, "lengths": lengths, "sums": sums, "people": held.people}
    found = cursor.execute(statement(f"told_of_{held.source}", **words), _values(parts))
    return [
        Told(name, category, people, tuple(lengths or _NONE), Sums(*map(_bounded, sums)))
        for name, category, people, lengths, *sums in found.fetchall()
    ]


def _of_rollups(
    cursor: DuckDBPyConnection, window: Window, held: Held, named: Condition
) -> Quantiles:
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
    return _bucketed(cursor, table, "template", within, named)


def _waits(
    cursor: DuckDBPyConnection, window: Window, held: Held, named: Condition, measure: str
) -> dict[Any, int | None]:
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
    return {name: quantiles[0] for name, quantiles in found.items()}


def _quantiles(
    cursor: DuckDBPyConnection, table: str, key: str, length: str, *parts: Condition
) -> Quantiles:
    within, named = (part.text for part in parts)
    words = {"table": table, "key": key, "length": length, "within": within, "named": named}
    found = cursor.execute(statement("quantiles_of_rows", **words), _values(parts))
    return {name: (p50, p95) for name, (p50, p95) in found.fetchall()}


def _bucketed(cursor: DuckDBPyConnection, table: str, key: str, *parts: Condition) -> Quantiles:
    within, named = (part.text for part in parts)
    words = {"table": table, "key": key, "value": VALUE_NS, "within": within, "named": named}
    found = cursor.execute(statement("quantiles_of_rollups", **words), _values(parts))
    return {name: (p50, p95) for name, p50, p95 in found.fetchall()}


def _values(parts: Iterable[Condition]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.values.items()}


def _known(window: Window) -> bool:
    """Say whether histograms know of a window: they hold neither persons nor teams."""
    return window.person is None and window.team is None


def _bounded(value: Any) -> Any:
    """Return a number that 64 bits hold: a sum may be of anything a client says."""
    return max(-_MOST, min(value, _MOST)) if isinstance(value, int) else value


def _top(window: Window) -> int:
    return _EVERY if window.top is None else window.top
