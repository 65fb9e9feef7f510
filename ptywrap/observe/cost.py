"""Which of several sources tells what a process used: one for each number, never two added.

In the order of lifecycle.md 3.5, for a single process: a source that counts every moment of it, a
read of its zombie, what its parent's reaped children grew by, the last look at it. A look is a
lower bound: where it shows more CPU time than the two before it, which come in ticks, it counts.
"""

from collections.abc import Collection
from typing import NamedTuple

from ptywrap.lifecycle.base import Usage

WHOLE = frozenset({"taskstats", "perf", "perf_events"})
"""Sources that count every moment of a process."""
_RANK = {"taskstats": 0, "perf": 1, "perf_events": 1, "zombie": 2, "ledger": 3, "look": 9}
_OTHERS = 4
_LOOK = "look"


class Cost(NamedTuple):
    """What one process used. `source` and `completeness` are of its CPU time."""

    user_ns: int | None = None
    sys_ns: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    source: str | None = None
    completeness: str = "exact"


NOTHING = Cost()


def best(told: Collection[Usage]) -> Cost:
    """Return each number by the best source that tells it; of one source the last that came."""
    if not told:
        return NOTHING
    if len(told) == 1:
        (only,) = told
        moved_bytes = (only.read_bytes, only.write_bytes)
        how = (only.source, only.completeness) if only.user_ns is not None else (None, "exact")
        return Cost(only.user_ns, only.sys_ns, only.peak_rss_bytes, *moved_bytes, *how)
    ranked = sorted(told, key=lambda one: _RANK.get(one.source, _OTHERS))
    cpu = _cpu([one for one in ranked if one.user_ns is not None])
    moved = next((one for one in ranked if one.read_bytes is not None), None)
    return Cost(
        None if cpu is None else cpu.user_ns,
        None if cpu is None else cpu.sys_ns,
        _peak(ranked),
        None if moved is None else moved.read_bytes,
        None if moved is None else moved.write_bytes,
        None if cpu is None else cpu.source,
        "exact" if cpu is None else cpu.completeness,
    )


def _cpu(ranked: list[Usage]) -> Usage | None:
    if not ranked:
        return None
    first, last = ranked[0], ranked[-1]
    if last.source == _LOOK and first.source not in WHOLE and _total(last) > _total(first):
        return last
    return first


def _total(used: Usage) -> int:
    return (used.user_ns or 0) + (used.sys_ns or 0)


def _peak(ranked: list[Usage]) -> int | None:
    """Return the kernel's own peak, else the largest that was seen."""
    peaks = [one for one in ranked if one.peak_rss_bytes is not None]
    whole = [one.peak_rss_bytes for one in peaks if one.source in WHOLE]
    return whole[0] if whole else max((one.peak_rss_bytes or 0 for one in peaks), default=None)
