"""Records in the order of their moments -> the steps of a session's commands."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, get_args

from ptywrap import marks
from ptywrap.observe.commands import Commands, Ending, Step

US_NS = 1000


class Replaced(NamedTuple):
    """A shell executed another program in its own place."""

    pid: int


class Gone(NamedTuple):
    """A shell inside the session has ended."""

    pid: int
    status: int | None


class Known(NamedTuple):
    """What dates records: the last one's moment before, the file's last change, and now."""

    last_ns: int
    changed_ns: int
    now_ns: int


Record = marks.PumpRecord | marks.ShellRecord
Told = Record | Replaced | Gone


_KINDS = {kind.__name__: kind for kind in (*get_args(Record), Replaced, Gone)}


def undated(record: Told) -> bool:
    """Say whether a shell told of something without saying when."""
    return isinstance(record, marks.Started | marks.Ended | marks.Whole) and record.at_us is None


def packed(record: Told) -> list[Any]:
    """Return a record as plain values."""
    return [type(record).__name__, *record]


def unpacked(values: list[Any]) -> Told:
    """Return the record of plain values; raises on what is none."""
    name, *fields = values
    record: Told = _KINDS[name](*(tuple(f) if isinstance(f, list) else f for f in fields))
    return record


def moments(records: Sequence[Record], known: Known, monotonic: Callable[[int], int]) -> list[int]:
    """Return when each of a shell's new records was made, as CLOCK_MONOTONIC ns, in their order.

    A shell without a clock (fish) tells only how long a command took. Its last record was made when
    the file last changed; those before it are dated back from there.
    """
    found: list[int] = []
    before_ns = min(known.changed_ns, known.now_ns)
    length_ns = 0
    for record in reversed(records):
        if isinstance(record, marks.Started | marks.Ended | marks.Whole) and record.at_us:
            before_ns = min(monotonic(record.at_us * US_NS), known.now_ns)
        elif isinstance(record, marks.Started):
            before_ns -= length_ns
        length_ns = 0
        if isinstance(record, marks.Ended):
            length_ns = (record.length_us or 0) * US_NS
        found.append(before_ns)
    found.reverse()
    # No two alike: a start's moment goes into its command's id.
    return list(accumulate([known.last_ns, *found], lambda last, at: max(last + 1, at)))[1:]


def steps(
    commands: Commands, at_ns: int, record: Told, monotonic: Callable[[int], int]
) -> list[Step]:
    """Apply one record."""
    match record:
        case marks.Foreground():
            found = commands.foreground(at_ns, record.group)
        case marks.Started():
            mark_ns = at_ns if record.at_us is None else record.at_us * US_NS
            by = "glance" if record.at_us is None else "mark"
            found = commands.started(record.pid, (mark_ns, at_ns), record.cwd, by)
        case marks.Ended():
            found = _ended(commands, at_ns, record)
        case marks.Whole():
            found = _whole(commands, at_ns, record, monotonic)
        case Replaced():
            found = commands.replaced(record.pid, at_ns)
        case Gone():
            found = commands.gone(record.pid, at_ns, record.status)
        case _:
            found = []
    return found


def _ended(commands: Commands, at_ns: int, record: marks.Ended) -> list[Step]:
    running = commands.running(record.pid)
    if record.at_us is None and record.length_us is not None and running is not None:
        at_ns = min(at_ns, running.at_ns + record.length_us * US_NS)
    ending = Ending(record.status, record.pipe_status, record.cwd, record.text)
    return commands.ended(record.pid, at_ns, ending)


def _whole(
    commands: Commands, at_ns: int, record: marks.Whole, monotonic: Callable[[int], int]
) -> list[Step]:
    started_ns = at_ns
    mark_ns = (record.at_us or 0) * US_NS or at_ns
    if record.started_us is not None:
        mark_ns = record.started_us * US_NS
        started_ns = min(monotonic(mark_ns), at_ns)
    ending = Ending(
        record.status, record.pipe_status, record.cwd, record.text, private=record.private
    )
    return commands.whole(record.pid, mark_ns, (started_ns, at_ns), ending)
