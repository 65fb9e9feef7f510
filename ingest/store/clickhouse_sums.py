"""Sums, persons and quantiles of a window over all shards, from rows or from rollups.

Rollups answer for days that are rolled up and have not been touched since, rows for the others: an
answer never waits for a fold. A quantile takes two questions: how many lengths fall into each
bucket, then the lengths of the buckets that the quantiles lie in.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ingest.store.base import Row
from ingest.store.clickhouse_cluster import Cluster
from ingest.store.clickhouse_schema import literal, statement
from ingest.store.questions import ROLLUPS, ROWS, Sums, Window

RAW_RUNS = 2_000_000
"""Up to so many commands are read as rows; more are answered by rollups."""

GROWTH = 1.0404
LENGTH = "(wall_ns - least(greatest(ifNull(suspended_ns, 0), 0), greatest(wall_ns, 0)))"
WAITED = "if(opened_at >= 0 AND first_byte_at >= opened_at, first_byte_at - opened_at, NULL)"
FAILED = "ifNull(exit_status, 0) != 0 OR isNotNull(signal)"
LOST = "isNotNull(closed_at) AND isNull(first_byte_at) AND ifNull(received_bytes, 0) = 0"
TEMPLATE, HOST = "ifNull(template, '')", "ifNull(remote_host, '')"
COUNTED = Sums._fields
_PERCENTS = (50, 95)
_MOST = (1 << 63) - 1
# A sum of 64 bits is of anything a client says: one number counts for a year at most.
_LARGEST = 1 << 55
Quantiles = dict[Any, tuple[int, ...]]


class Held(NamedTuple):
    """What answers a window, and whether all its rows are there."""

    source: str
    whole: bool


class Lengths(NamedTuple):
    """Rows of a table: how each is named, how long it took, and which they are."""

    table: str
    name: str
    length: str
    within: str
    window: Window


class Buckets(NamedTuple):
    """Where a rollup has the lengths of some rows: its table and which of its rows."""

    table: str
    name: str
    within: str


async def held(cluster: Cluster, window: Window, rows: str) -> Held:
    """Return what answers a window: rows where they are few and all there."""
    if not window.tenant:
        return Held(ROWS, whole=True)
    words = {"table": rows, "within": within(window)}
    found = await cluster.rows("held", words, name=rows)
    horizon = max((row["horizon"] or 0 for row in found), default=0)
    whole = window.first_day >= horizon
    few = whole and sum(row["n"] for row in found) <= RAW_RUNS
    return Held(window.source or (ROWS if few else ROLLUPS), whole)


def within(window: Window, day: str = "day") -> str:
    """Return the condition of a window; what it does not ask for is no part of it."""
    texts = [days_of(window, day), f"tenant = {literal(window.tenant)}"]
    for name in ("person", "team", "repo"):
        asked = getattr(window, name)
        if asked is not None:
            texts.append(f"{name} = {literal(asked)}")
    return " AND ".join(texts)


def days_of(window: Window, day: str = "day") -> str:
    """Return the condition of a window's days alone."""
    first, last = _bounds(window)
    return f"{day} BETWEEN toDate({first}) AND toDate({last})"


def _bounds(window: Window) -> tuple[int, int]:
    """Return a window's days as what a date can hold; no row has day 0."""
    first, last = (max(0, min(one, 65_535)) for one in (window.first_day, window.last_day))
    return first, last


async def unrolled(cluster: Cluster, window: Window, kind: str) -> str | None:
    """Return the condition of the days that rows answer for, None where rollups have all."""
    first, last = _bounds(window)
    clean = {"clean": statement("clean", kind=kind)}
    asked = {"kind": kind, "first": first, "last": last}
    found = await cluster.rows("unrolled_days", clean, **asked)
    days = sorted({row["day"] for row in found})
    return of_names("day", days) if days else None


def summed(name: str) -> str:
    """Return the expression of a column's sum, which no numbers make overflow."""
    return f"sum(greatest(least(ifNull({name}, 0), {_LARGEST}), -{_LARGEST}))"


def bucket(length: str) -> str:
    """Return the expression of a length's bucket: 4 % wide, its value in the middle."""
    return f"toInt32(ceil(log(greatest({length}, 1) / 1e6) / log({GROWTH})))"


def bounded(value: int) -> int:
    """Return a sum as what 64 bits hold."""
    return max(-_MOST, min(value, _MOST))


def counted(row: Row) -> Sums:
    """Return the sums of a row."""
    return Sums(*(bounded(row[name]) for name in COUNTED))


async def sums(
    cluster: Cluster, window: Window, source: str, name: str, also: str = "1"
) -> dict[Any, Row]:
    """Return the sums of ended commands by what names them."""
    words = {
        "name": name,
        "within": f"{within(window)} AND {also}",
        "failed": FAILED,
        "sums": ", ".join(f"{summed(one)} AS s_{one}" for one in COUNTED[2:]),
        "rolled_sums": ", ".join(f"sum({one}) AS s_{one}" for one in COUNTED),
    }
    return merged(await both(cluster, window, source, "sums", words), COUNTED)


async def people(
    cluster: Cluster, window: Window, source: str, name: str, also: str = "1"
) -> dict[Any, set[str]]:
    """Return who ran what is named."""
    words = {"name": name, "within": f"{within(window)} AND {also}"}
    out: dict[Any, set[str]] = {}
    for row in await both(cluster, window, source, "people", words):
        out.setdefault(row["named"], set()).update(row["people"])
    return out


async def both(
    cluster: Cluster, window: Window, source: str, question: str, words: Mapping[str, str]
) -> list[Row]:
    """Return what rows say; or rollups, and rows of the days these do not know as they are."""
    kind = "flows" if question == "remotes" else "commands"
    days: str | None = days_of(window)
    found: list[Row] = []
    told = dict(words)
    if source != ROWS:
        clean = {"clean": statement("clean", kind=kind)}
        found = await cluster.rows(f"{question}_of_rollups", {**words, **clean})
        days = await unrolled(cluster, window, kind)
        told["within"] += f" AND {statement('unrolled', clean)}"
    if days is not None:
        found += await cluster.rows(f"{question}_of_rows", {**told, "days": days})
    # Names of columns have a prefix, for an alias must not hide the column it is made of.
    return [{name.removeprefix("s_"): value for name, value in row.items()} for row in found]


def merged(found: Iterable[Row], numbers: Sequence[str]) -> dict[Any, Row]:
    """Return rows of one name added up: numbers, persons, the last category, the greatest peak."""
    out: dict[Any, Row] = {}
    for row in found:
        into = out.get(row["named"])
        if into is None:
            out[row["named"]] = dict(row)
            continue
        for number in numbers:
            into[number] += row[number]
        for most in ("category", "peak_rss_bytes"):
            if row.get(most) is not None:
                into[most] = max(row[most], into[most]) if into[most] is not None else row[most]
        if "people" in row:
            into["people"] = [*into["people"], *row["people"]]
    return out


async def exact(cluster: Cluster, lengths: Lengths, names: Sequence[Any]) -> Quantiles:
    """Return the quantiles of lengths by name."""
    if not names:
        return {}
    words = _words(lengths) | {"names": of_names(lengths.name, names)}
    words["days"] = days_of(lengths.window)
    found = _histograms(await cluster.rows("buckets_of_rows", words))
    places = {name: _places(held) for name, held in found.items()}
    wanted = sorted({(name, bucket) for name, at in places.items() for bucket, _ in at})
    if not wanted:
        return {}
    cells = ", ".join(f"({_value(name)}, {bucket})" for name, bucket in wanted)
    values: dict[tuple[Any, int], list[int]] = {}
    for row in await cluster.rows("lengths", words | {"cells": cells}):
        values.setdefault((row["named"], row["bucket"]), []).extend(row["lengths"])
    for cell in values.values():
        cell.sort()
    return {
        name: tuple(values[name, bucket][place] for bucket, place in at)
        for name, at in places.items()
    }


async def bucketed(
    cluster: Cluster, lengths: Lengths, rolled: Buckets, names: Sequence[Any]
) -> Quantiles:
    """Return quantiles as near as a bucket is wide, from rollups and what is not rolled up."""
    if not names:
        return {}
    clean = {"clean": statement("clean", kind=lengths.table)}
    words = {"table": rolled.table, "name": rolled.name, "within": rolled.within, **clean}
    words["names"] = of_names(rolled.name, names)
    found = await cluster.rows("buckets_of_rollups", words)
    days = await unrolled(cluster, lengths.window, lengths.table)
    if days is not None:
        told = _words(lengths) | {"names": of_names(lengths.name, names), "days": days}
        told["within"] += f" AND {statement('unrolled', clean)}"
        found += await cluster.rows("buckets_of_rows", told)
    return {
        name: tuple(_value_ns(bucket) for bucket, _ in _places(held))
        for name, held in _histograms(found).items()
    }


def of_names(column: str, names: Sequence[Any]) -> str:
    """Return the condition that a row is of one of some names."""
    return f"{column} IN {_named(names)}" if names else "0"


def nearest(values: Sequence[int], percent: int) -> int:
    """Return the smallest of sorted values that so many of a hundred do not exceed."""
    return values[max((len(values) * percent + 99) // 100, 1) - 1]


def _words(lengths: Lengths) -> dict[str, str]:
    return {
        "table": lengths.table,
        "name": lengths.name,
        "length": lengths.length,
        "within": lengths.within,
        "bucket": bucket("length_ns"),
    }


def _histograms(found: Iterable[Row]) -> dict[Any, dict[int, int]]:
    out: dict[Any, dict[int, int]] = {}
    for row in found:
        held = out.setdefault(row["named"], {})
        held[row["bucket"]] = held.get(row["bucket"], 0) + row["runs"]
    return out


def _places(held: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return the bucket of each quantile, and the place in it, counted from 0."""
    total = sum(held.values())
    out = []
    for percent in _PERCENTS:
        left = max((total * percent + 99) // 100, 1) - 1
        for one in sorted(held):
            if left < held[one]:
                out.append((one, left))
                break
            left -= held[one]
    return out


def _value_ns(one: int) -> int:
    return int(2e6 * GROWTH**one / (1 + GROWTH))


def _named(names: Sequence[Any]) -> str:
    return "(" + ", ".join(map(_value, names)) + ")"


def _value(name: Any) -> str:
    return literal(name) if isinstance(name, str) else f"toDate({name:d})"
