"""What pages ask ClickHouse: templates, days, weeks, programs and hosts of all shards."""

from typing import Any

from ingest.store import clickhouse_sums as sums
from ingest.store.base import Row
from ingest.store.clickhouse_cluster import Cluster
from ingest.store.clickhouse_sums import HOST, LENGTH, TEMPLATE, WAITED, Buckets, Held, Lengths
from ingest.store.questions import (
    ROLLUPS,
    ROWS,
    Median,
    Period,
    Periods,
    Program,
    Remote,
    Remotes,
    Template,
    Templates,
    Window,
)

_THIN_RUNS = 30
_THIN_TOP = 100
_BY = {"wait": "wait_ns", "wall": "wall_ns", "cpu": "cpu_ns", "runs": "runs"}
_FLOWS = ("flows", "failed", "received_bytes", "sent_bytes")
_PROCESSES = ("processes", "cpu_us", "wall_us")
_CELL = ("week", "team", "repo", "template")
_WEEK = "toMonday(day)"
_UNMEASURED = (None, None)


async def templates(cluster: Cluster, window: Window) -> Templates:
    """Return what each template cost: sums first, then the quantiles of those that are shown."""
    held = await sums.held(cluster, window, "commands")
    found = await sums.sums(cluster, window, held.source, TEMPLATE)
    names = _ranked(found, _BY[window.by])[: window.top]
    only = sums.of_names(TEMPLATE, names)
    people = await sums.people(cluster, window, held.source, TEMPLATE, only)
    measured = await _measured(cluster, window, held, names)
    thin = [name for name in names if found[name]["runs"] < _THIN_RUNS]
    if held.source == ROLLUPS and held.whole and thin and len(names) <= _THIN_TOP:
        # A bucket of few runs says little, and few rows are soon read.
        measured |= await sums.exact(cluster, _runs(window, TEMPLATE), thin)
    rows = []
    for name in names:
        row = found[name]
        seen = len(people.get(name, ()))
        shares = measured.get(name, _UNMEASURED)
        rows.append(
            Template(name or None, row["category"] or None, seen, sums.counted(row), *shares)
        )
    return Templates(rows, held.source)


async def daily(cluster: Cluster, window: Window, template: str | None) -> Periods:
    """Return what one template cost on each day."""
    held = await sums.held(cluster, window, "commands")
    only = sums.of_names(TEMPLATE, [template or ""])
    found = await sums.sums(cluster, window, held.source, "day", only)
    people = await sums.people(cluster, window, held.source, "day", only)
    lengths = _runs(window, "day")
    lengths = lengths._replace(within=f"{lengths.within} AND {only}")
    measured: sums.Quantiles = {}
    if held.source == ROWS:
        measured = await sums.exact(cluster, lengths, sorted(found))
    elif _known(window):
        rolled = Buckets("hist_day", "day", f"{sums.within(window)} AND {only}")
        measured = await sums.bucketed(cluster, lengths, rolled, sorted(found))
    return Periods(_periods(found, people, measured), held.source)


async def weekly(cluster: Cluster, window: Window) -> Periods:
    """Return what each ISO week cost."""
    held = await sums.held(cluster, window, "commands")
    found = await sums.sums(cluster, window, held.source, _WEEK)
    people = await sums.people(cluster, window, held.source, _WEEK)
    return Periods(_periods(found, people, {}), held.source)


async def programs(cluster: Cluster, window: Window) -> list[Program]:
    """Return the programs that took most CPU."""
    words = {
        "within": sums.within(window._replace(repo=None)),
        "cpu": f"{sums.summed('cpu_user_us')} + {sums.summed('cpu_sys_us')}",
        "wall": sums.summed("wall_us"),
    }
    found = sums.merged(await sums.both(cluster, window, ROWS, "programs", words), _PROCESSES)
    out = []
    for name in _ranked(found, "cpu_us")[: window.top]:
        row = found[name]
        numbers = [sums.bounded(row[number]) for number in _PROCESSES]
        told = [len(set(row["people"])), *numbers, row["peak_rss_bytes"]]
        out.append(Program(name or None, *told))
    return out


async def remotes(cluster: Cluster, window: Window) -> Remotes:
    """Return the hosts that were spoken to."""
    window = window._replace(repo=None)
    held = await sums.held(cluster, window, "flows")
    words = {
        "within": sums.within(window),
        "received": sums.summed("received_bytes"),
        "sent": sums.summed("sent_bytes"),
        "lost": sums.LOST,
    }
    found = sums.merged(await sums.both(cluster, window, held.source, "remotes", words), _FLOWS)
    for row in found.values():
        row["bytes"] = row["received_bytes"] + row["sent_bytes"]
    names = _ranked(found, "bytes")[: window.top]
    connects = await _waits(cluster, window, held, names, "connect")
    firsts = await _waits(cluster, window, held, names, "first byte")
    out = []
    for name in names:
        row = found[name]
        numbers = [sums.bounded(row[number]) for number in _FLOWS]
        told = (len(set(row["people"])), *numbers, connects.get(name), firsts.get(name))
        out.append(Remote._make((name or None, *told)))
    return Remotes(out, held.source)


async def medians(cluster: Cluster, window: Window) -> list[Median]:
    """Return the closed weeks within the window."""
    first = window.first_day + 6 - (window.first_day + 9) % 7
    weeks = window._replace(first_day=first, last_day=window.last_day - 6)
    found = await cluster.rows("medians", {"within": sums.within(weeks, "week")})
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in found:
        cells.setdefault(tuple(row[name] for name in _CELL), []).append(row)
    return [_median(key, rows) for key, rows in sorted(cells.items(), key=_named_first)]


def _median(cell: tuple[Any, ...], rows: list[Row]) -> Median:
    week, team, repo, template = cell
    return Median(
        week=week,
        team=team,
        repo=repo or None,
        template=template or None,
        people=len({row["person"] for row in rows} - {""}),
        runs=_total(rows, "runs"),
        failures=_total(rows, "failures"),
        wait_ns=_total(rows, "wait_ns"),
        p50_ns=sums.nearest(sorted(row["p50_ns"] for row in rows), 50),
        p90_ns=sums.nearest(sorted(row["p90_ns"] for row in rows), 50),
    )


def _total(rows: list[Row], name: str) -> int:
    return sums.bounded(sum(row[name] for row in rows))


def _named_first(cell: tuple[tuple[Any, ...], list[Row]]) -> list[tuple[bool, Any]]:
    return [(name == "", name) for name in cell[0]]


def _ranked(found: dict[Any, Row], number: str) -> list[Any]:
    """Return names by a number, greatest first, what has no name behind its equals."""
    return sorted(found, key=lambda name: (-found[name][number], not name, name))


def _periods(
    found: dict[Any, Row], people: dict[Any, set[str]], measured: sums.Quantiles
) -> list[Period]:
    return [
        Period(
            day,
            len(people.get(day, ())),
            sums.counted(found[day]),
            *measured.get(day, _UNMEASURED),
        )
        for day in sorted(found)
    ]


def _runs(window: Window, name: str) -> Lengths:
    """Return the lengths of ended commands."""
    within = f"{sums.within(window)} AND isNotNull(wall_ns)"
    return Lengths("commands", name, LENGTH, within, window)


async def _measured(
    cluster: Cluster, window: Window, held: Held, names: list[Any]
) -> sums.Quantiles:
    lengths = _runs(window, TEMPLATE)
    if held.source == ROWS:
        return await sums.exact(cluster, lengths, names)
    if not _known(window):
        return {}
    rolled = Buckets("hist_day", "template", sums.within(window))
    return await sums.bucketed(cluster, lengths, rolled, names)


async def _waits(
    cluster: Cluster, window: Window, held: Held, names: list[Any], measure: str
) -> dict[Any, int]:
    """Return the median ns of each host until it answered, or until its first byte."""
    length = "connect_ns" if measure == "connect" else WAITED
    within = sums.within(window)
    lengths = Lengths("flows", HOST, length, f"{within} AND isNotNull({length})", window)
    found: sums.Quantiles = {}
    if held.source == ROWS:
        found = await sums.exact(cluster, lengths, names)
    elif _known(window):
        rolled = Buckets("flow_hist", "remote_host", f"{within} AND measure = '{measure}'")
        found = await sums.bucketed(cluster, lengths, rolled, names)
    return {name: shares[0] for name, shares in found.items()}


def _known(window: Window) -> bool:
    """Say whether histograms know of a window: they hold neither persons nor teams."""
    return window.person is None and window.team is None
