"""What was seen of a command -> its facts: process by process, its totals, its split.

Every number has one source (lifecycle.md 3.5): two are never added. Times in are CLOCK_MONOTONIC
ns; process times go out as whole microseconds, a command's as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ptywrap import wire
from ptywrap.observe.base import Reading
from ptywrap.observe.cost import WHOLE
from ptywrap.observe.path import Piece, Span
from ptywrap.observe.times import Times
from ptywrap.observe.tree import Life


class Cpu(NamedTuple):
    """CPU time and, where the same source tells them, memory and storage; None is not known."""

    user_ns: int | None = None
    sys_ns: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None


class Entry(NamedTuple):
    """What the path needs of a process, and the row of its fact: here, or at a place of its file.

    Without either it was told already.

    `cpu_ns` None is not known, `whole` says that its source counts every moment. `shell` and
    `top_ns` say where it belongs (see `tree`).
    """

    shell: int
    pid: int
    ppid: int
    start_ticks: int
    parent_ticks: int
    top_ns: int
    born_ns: int
    ended_ns: int
    cpu_ns: int | None
    whole: bool
    loose: bool
    row: bytes = b""
    at: int = 0
    size: int = 0


def entry(life: Life, row: bytes = b"") -> Entry:
    """Return what the path needs of a process as it is now."""
    cost = life.cost
    return Entry(
        shell=life.shell,
        pid=life.pid,
        ppid=life.ppid,
        start_ticks=life.start_ticks,
        parent_ticks=life.parent_ticks or 0,
        top_ns=life.top_ns,
        born_ns=life.born_ns,
        ended_ns=life.ended_ns or life.born_ns,
        cpu_ns=None if cost.user_ns is None else cost.user_ns + (cost.sys_ns or 0),
        whole=cost.source in WHOLE,
        loose=life.loose,
        row=row,
    )


class Entries(Protocol):
    """Many of them: a list, or what unpacks them one by one."""

    def __len__(self) -> int:
        """Tells how many they are."""
        ...

    def __iter__(self) -> Iterator[Entry]:
        """Gives them in the order they ended."""
        ...


def microseconds(ns: int) -> int:
    """Return a time cut to whole microseconds, in ns."""
    return ns - ns % 1000


def ending(status: int | None) -> tuple[int | None, int | None]:
    """Return exit status and signal of a wait status (wait(2)); the other is None."""
    if status is None or status < 0:
        return None, None
    signal = status & 0x7F
    return (None, signal) if signal else (status >> 8 & 0xFF, None)


def process(life: Life, session: bytes, times: Times, command: int = 0) -> wire.Process:
    """Return the fact of a process; without an end while it lives."""
    exit_status, signal = ending(life.status)
    wall_ns = None if life.ended_ns is None else life.ended_ns - life.born_ns
    cost = life.cost
    return wire.Process(
        session=session,
        pid=life.pid,
        start_ticks=life.start_ticks,
        command=command,
        ppid=life.ppid,
        parent_ticks=life.parent_ticks,
        name=life.name,
        exe=life.exe,
        argv=list(life.argv) if life.argv is not None else None,
        argv_cut=life.argv_cut,
        cwd=life.cwd,
        started_at=microseconds(times.wall(life.born_ns)),
        wall_ns=_whole(wall_ns),
        exit_status=exit_status,
        signal=signal,
        cpu_user_ns=_whole(cost.user_ns),
        cpu_sys_ns=_whole(cost.sys_ns),
        peak_rss_bytes=cost.peak_rss_bytes,
        read_bytes=cost.read_bytes,
        write_bytes=cost.write_bytes,
        source=life.source,
        completeness=life.completeness,
    )


def spent(readings: Sequence[Reading], since_ns: int, until_ns: int) -> Cpu:
    """Return what a shell's children used between two marks: the last readings before each.

    A reading taken at the end mark may be a little late; one that is much later counts the next
    command too, so the first one after the mark decides.
    """
    before = [reading for reading in readings if reading.at_ns <= since_ns]
    after = [reading for reading in readings if reading.at_ns >= until_ns]
    if not before or not after:
        return Cpu()
    first, last = before[-1], after[0]
    return Cpu(
        last.user_ns - first.user_ns,
        last.sys_ns - first.sys_ns,
        None,
        _difference(first.read_bytes, last.read_bytes),
        _difference(first.write_bytes, last.write_bytes),
    )


def chosen(*by_trust: Cpu) -> Cpu:
    """Return the totals of the first source that tells CPU time; memory of the first to tell it."""
    best = next((cpu for cpu in by_trust if cpu.user_ns is not None), Cpu())
    peak = next((c.peak_rss_bytes for c in by_trust if c.peak_rss_bytes is not None), None)
    return best._replace(peak_rss_bytes=peak)


def split(
    pieces: Sequence[Piece], spans: Sequence[Span], cpu_ns: int | None, root_ns: int = 0
) -> wire.Split:
    """Return the parts of a path; they sum to its length.

    A process on the path computed for as long as its CPU time reaches. Where that is not known, the
    command's total less what is known is spread over the time of those that nobody waited for.
    `root_ns` is what the shell itself computed. The rest cannot be told yet.
    """
    stretches: dict[int, int] = {}
    for piece in pieces:
        length = piece.until_ns - piece.since_ns
        stretches[piece.who] = stretches.get(piece.who, 0) + length
    total = sum(stretches.values())
    computed = min(stretches.pop(-1, 0), root_ns)
    unknown_ns = 0
    for who, length in stretches.items():
        known = spans[who].cpu_ns
        if known is None:
            unknown_ns += length
        else:
            computed += min(length, known)
    if unknown_ns and cpu_ns is not None:
        left = max(cpu_ns - sum(span.cpu_ns or 0 for span in spans), 0)
        own = max(_own_ns(spans), unknown_ns)
        computed += min(unknown_ns * left // own, unknown_ns)
    return wire.Split(cpu_ns=computed, other_ns=total - computed)


def _own_ns(spans: Sequence[Span]) -> int:
    """Return how long those of unknown CPU lived without a living child of theirs, summed up."""
    children: dict[int, list[tuple[int, int]]] = {}
    for span in spans:
        children.setdefault(span.parent, []).append((span.born_ns, span.ended_ns))
    total = 0
    for place, span in enumerate(spans):
        if span.cpu_ns is None:
            below = children.get(place, ())
            waited = _covered(below, span.born_ns, span.ended_ns)
            total += span.ended_ns - span.born_ns - waited
    return total


def _covered(spans: Iterable[tuple[int, int]], since_ns: int, until_ns: int) -> int:
    total, reached = 0, since_ns
    for first, last in sorted(spans):
        start, end = max(first, reached), min(last, until_ns)
        if end > start:
            total += end - start
            reached = end
    return total


def _whole(ns: int | None) -> int | None:
    return None if ns is None else microseconds(ns)


def _difference(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None else max(last - first, 0)
