"""A finished tree -> the critical path: whose time each moment of the wall was, exactly tiled.

Last finisher (time.md 3.4): walk back from the end of a process; the child that ended last before
that moment released it, so the path goes to that child, whole, and on in whoever forked it. Without
samples ends alone decide, and a parent keeps what no child explains. No recursion: a tree may be
as deep as the kernel lets it.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """One process: `parent` is the position of its forker in the same sequence, -1 the root.

    `cpu_ns` None is not known.
    """

    pid: int
    born_ns: int
    ended_ns: int
    parent: int
    cpu_ns: int | None


class Piece(NamedTuple):
    """A stretch of the wall that belongs to one process: a position, or -1 for the root."""

    who: int
    since_ns: int
    until_ns: int


def pieces(spans: Sequence[Span], since_ns: int, until_ns: int) -> list[Piece]:
    """Return the path from `since_ns` to `until_ns`, in time order: no gap, no overlap.

    The root (the shell, or whoever waited for the topmost) lives all the while.
    """
    children = _children(spans, until_ns)
    found: list[Piece] = []
    who, now = -1, until_ns
    while now > since_ns:
        child = _released(children.get(who, []), spans, now)
        if child is not None and spans[child].ended_ns > since_ns:
            _add(found, who, spans[child].ended_ns, now)
            who, now = child, spans[child].ended_ns
            continue
        born = since_ns if who < 0 else max(spans[who].born_ns, since_ns)
        _add(found, who, born, now)
        if who < 0:
            break
        who, now = spans[who].parent, born
    found.reverse()
    return found


def _children(spans: Sequence[Span], until_ns: int) -> dict[int, list[int]]:
    """Return who may have released whom: each process under the nearest forker that outlived it.

    Lists are sorted so that the one to try next is last: latest end, then earlier birth, lower pid.
    """
    children: dict[int, list[int]] = {}
    outlived: dict[int, int] = {}
    for place in _parents_first(spans):
        span = spans[place]
        above = span.parent
        while above >= 0 and spans[above].ended_ns < span.ended_ns:
            above = outlived[above]
        outlived[place] = above
        if span.ended_ns <= until_ns:
            children.setdefault(above, []).append(place)
    for those in children.values():
        those.sort(key=lambda i: (spans[i].ended_ns, -spans[i].born_ns, -spans[i].pid))
    return children


def _parents_first(spans: Sequence[Span]) -> list[int]:
    forked: dict[int, list[int]] = {}
    for place, span in enumerate(spans):
        forked.setdefault(span.parent, []).append(place)
    order = forked.get(-1, [])[:]
    for place in order:
        order.extend(forked.get(place, ()))
    return order


def _released(waiting: list[int], spans: Sequence[Span], now: int) -> int | None:
    """Take the last to end by `now`; what ended later was overlapped by what the path went by."""
    while waiting:
        child = waiting.pop()
        if spans[child].ended_ns <= now:
            return child
    return None


def _add(found: list[Piece], who: int, since_ns: int, until_ns: int) -> None:
    if until_ns > since_ns:
        found.append(Piece(who, since_ns, until_ns))
