"""What pages ask of plain rows: the exact answers that every engine is held to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ingest.store.base import Row
from ingest.store.questions import (
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

_BY = {"wait": "wait_ns", "wall": "wall_ns", "cpu": "cpu_ns", "runs": "runs"}
_MOST = (1 << 63) - 1
_MEDIAN_FIELDS = ("week", "team", "repo", "template")
Key = Callable[[Row], Any]


def templates(rows: Iterable[Row], window: Window) -> Templates:
    """Return what each template cost, the dearest first."""
    found = []
    for name, group in _grouped(_ended(rows, window), lambda row: row["template"]):
        categories = [row["category"] for row in group if row["category"] is not None]
        shares = _shares(group)
        category = max(categories, default=None)
        found.append(Template(name, category, _people(group), _sums(group), *shares))
    by = _BY[window.by]
    found.sort(key=lambda one: (-getattr(one.sums, by), one.template is None, one.template or ""))
    return Templates(found[: window.top], ROWS)


def daily(rows: Iterable[Row], window: Window, template: str | None) -> Periods:
    """Return what one template cost on each day."""
    named = (row for row in _ended(rows, window) if row["template"] == template)
    found = [
        Period(day, _people(group), _sums(group), *_shares(group))
        for day, group in _grouped(named, lambda row: row["day"])
    ]
    return Periods(sorted(found), ROWS)


def weekly(rows: Iterable[Row], window: Window) -> Periods:
    """Return what each ISO week cost."""
    found = [
        Period(week, _people(group), _sums(group))
        for week, group in _grouped(_ended(rows, window), lambda row: monday_of(row["day"]))
    ]
    return Periods(sorted(found), ROWS)


def programs(rows: Iterable[Row], window: Window) -> list[Program]:
    """Return the programs that took most CPU."""
    found = []
    for name, group in _grouped(_within(rows, window._replace(repo=None)), lambda row: row["name"]):
        cpu_us = _sum(group, "cpu_user_us") + _sum(group, "cpu_sys_us")
        peaks = [row["peak_rss_bytes"] for row in group if row["peak_rss_bytes"] is not None]
        wall_us, peak = _sum(group, "wall_us"), max(peaks, default=None)
        found.append(Program(name, _people(group), len(group), cpu_us, wall_us, peak))
    found.sort(key=lambda one: (-one.cpu_us, one.name is None, one.name or ""))
    return found[: window.top]


def remotes(rows: Iterable[Row], window: Window) -> Remotes:
    """Return the hosts that were spoken to, those of most bytes first."""
    found = []
    within = _within(rows, window._replace(repo=None))
    for host, group in _grouped(within, lambda row: row["remote_host"]):
        connects = [row["connect_ns"] for row in group if row["connect_ns"] is not None]
        firsts = [waited for row in group if (waited := _waited_ns(row)) is not None]
        found.append(
            Remote(
                remote_host=host,
                people=_people(group),
                flows=len(group),
                failed=sum(map(_failed_flow, group)),
                received_bytes=_sum(group, "received_bytes"),
                sent_bytes=_sum(group, "sent_bytes"),
                connect_p50_ns=quantile(connects, 50),
                first_byte_p50_ns=quantile(firsts, 50),
            )
        )
    found.sort(key=_fewest_bytes)
    return Remotes(found[: window.top], ROWS)


def medians(rows: Iterable[Row], window: Window, today: int) -> list[Median]:
    """Return the weeks within the window that are over by today."""
    last = min(window.last_day, today - 1) - 6
    ended = _ended(rows, window)
    weeks = [{**row, "week": monday_of(row["day"])} for row in ended]
    inside = [row for row in weeks if window.first_day <= row["week"] <= last]
    found = []
    for cell, group in _grouped(inside, lambda row: tuple(row[name] for name in _MEDIAN_FIELDS)):
        persons = [mine for _, mine in _grouped(group, lambda row: row["person"])]
        sums = _sums(group)
        p50, p90 = (
            quantile([quantile(_lengths(mine), percent) or 0 for mine in persons], 50) or 0
            for percent in (50, 90)
        )
        counts = (_people(group), sums.runs, sums.failures, sums.wait_ns)
        found.append(Median._make((*cell, *counts, p50, p90)))
    return sorted(found, key=lambda one: [(name is None, name or 0) for name in one[:4]])


def quantile(values: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that so many of a hundred do not exceed; None of no values."""
    if not values:
        return None
    return sorted(values)[max((len(values) * percent + 99) // 100, 1) - 1]


def monday_of(day: int) -> int:
    """Return the first day of the ISO week a day is in: day 0 was a Thursday."""
    return day - (day + 3) % 7


def _fewest_bytes(one: Remote) -> tuple[int, bool, str]:
    sent = one.received_bytes + one.sent_bytes
    return -sent, one.remote_host is None, one.remote_host or ""


def _within(rows: Iterable[Row], window: Window) -> Iterator[Row]:
    for row in rows:
        asked = all(
            getattr(window, name) in (None, row.get(name)) for name in ("person", "team", "repo")
        )
        inside = window.first_day <= row["day"] <= window.last_day
        if asked and inside and row["tenant"] == window.tenant:
            yield row


def _ended(rows: Iterable[Row], window: Window) -> Iterator[Row]:
    return (row for row in _within(rows, window) if row["wall_ns"] is not None)


def _grouped(rows: Iterable[Row], key: Key) -> list[tuple[Any, list[Row]]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.items())


def _people(group: Sequence[Row]) -> int:
    return len({row["person"] for row in group} - {"", None})


def _sums(group: Sequence[Row]) -> Sums:
    measured = [_sum(group, name) for name in Sums._fields[2:]]
    failures = sum(bool(row["exit_status"]) or row["signal"] is not None for row in group)
    return Sums(len(group), failures, *measured)


def _sum(group: Sequence[Row], name: str) -> int:
    """Add up what is known, within what 64 bits hold."""
    total = sum(row[name] or 0 for row in group)
    return max(-_MOST, min(total, _MOST))


def _shares(group: Sequence[Row]) -> tuple[int | None, int | None]:
    lengths = _lengths(group)
    return quantile(lengths, 50), quantile(lengths, 95)


def _lengths(group: Sequence[Row]) -> list[int]:
    return [
        row["wall_ns"] - min(max(row["suspended_ns"] or 0, 0), max(row["wall_ns"], 0))
        for row in group
    ]


def _failed_flow(row: Row) -> bool:
    closed = row["closed_at"] is not None
    return closed and row["first_byte_at"] is None and not row["received_bytes"]


def _waited_ns(row: Row) -> int | None:
    """Return the ns from a flow's opening to its first byte, None where they were not told."""
    opened, first = row["opened_at"], row["first_byte_at"]
    if opened is None or first is None or not 0 <= opened <= first:
        return None
    return int(first - opened)
