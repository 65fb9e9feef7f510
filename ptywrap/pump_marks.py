"""Bytes of `SESSION.pty` -> what only the relay could see, as numbers: keys, pauses, foreground.

Binary, little endian: a head `<HBB` (length of the body, kind, zero) and a body, one of `_BODIES`.
BEGIN's body ends in a NUL-joined text: tty, parent, shell, cwd, argv items; parent is empty, or
a session's id, the launcher's pid and its parent's, joined by spaces. Times are
CLOCK_MONOTONIC but those named wall. A head that does not fit its kind was torn: the next that
does is a record again.
"""

import re
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple


class Begin(NamedTuple):
    """A shell (mode 1) or a run (2 with, 3 without relay) began; flags as the pump wrote them.

    Inside a session the launcher and who called it are told, else 0: it may be gone by now.
    """

    mode: int
    flags: int
    shell_pid: int
    keeper_pid: int
    pump_pid: int
    wall_ns: int
    at_ns: int
    tty: str
    parent: str
    shell: str
    cwd: str
    argv: tuple[str, ...]
    launcher_pid: int = 0
    above_pid: int = 0


class Keys(NamedTuple):
    """A burst of keys."""

    first_ns: int
    last_ns: int
    number: int


class Output(NamedTuple):
    """A burst of output."""

    first_ns: int
    last_ns: int
    size_bytes: int


class Foreground(NamedTuple):
    """Another process group came to the foreground."""

    at_ns: int
    group: int


class Screen(NamedTuple):
    """The alternate screen came or went."""

    at_ns: int
    alternate: bool


class Mode(NamedTuple):
    """The terminal's input mode, of the inner tty."""

    at_ns: int
    canonical: bool
    echo: bool


class Size(NamedTuple):
    """The window has another size."""

    at_ns: int
    rows: int
    columns: int


class Suspend(NamedTuple):
    """The whole session was stopped."""

    at_ns: int


class Resume(NamedTuple):
    """The session goes on."""

    at_ns: int


class Totals(NamedTuple):
    """What passed the relay so far, and both clocks at once."""

    at_ns: int
    wall_ns: int
    input_bytes: int
    output_bytes: int
    lost: int


class Rusage(NamedTuple):
    """What the kernel says a run and its waited-for descendants used."""

    at_ns: int
    user_us: int
    sys_us: int
    peak_rss_bytes: int
    read_bytes: int
    write_bytes: int


class End(NamedTuple):
    """The shell or run ended; a raw wait status, -1 where nobody could tell."""

    at_ns: int
    wall_ns: int
    status: int


class Lost(NamedTuple):
    """Something was not recorded: 1 the pump died, 2 exec was not held, 3 not written."""

    at_ns: int
    reason: int
    number: int


PumpRecord = (
    Begin
    | Keys
    | Output
    | Foreground
    | Screen
    | Mode
    | Size
    | Suspend
    | Resume
    | Totals
    | Rusage
    | End
    | Lost
)

_HEAD = Struct("<HBB")
_BEGIN = Struct("<BBHIIIQQ")
_FORMAT = 1
_PID = re.compile(r"[0-9]{1,10}")
_NONZERO = re.compile(rb"[^\0]")
# Kind -> the body and what it holds. A `?` is one byte, so the flags become truths by themselves.
_BODIES: dict[int, tuple[Struct, Callable[..., PumpRecord]]] = {
    2: (Struct("<QQI"), Keys),
    3: (Struct("<QQQ"), Output),
    4: (Struct("<QI"), Foreground),
    5: (Struct("<Q?"), Screen),
    6: (Struct("<Q??"), Mode),
    7: (Struct("<QHH"), Size),
    8: (Struct("<Q"), Suspend),
    9: (Struct("<Q"), Resume),
    10: (Struct("<QQQQI"), Totals),
    11: (Struct("<QQQQQQ"), Rusage),
    12: (Struct("<QQi"), End),
    13: (Struct("<QBI"), Lost),
}


def pump_records(data: bytes) -> tuple[list[PumpRecord], int]:
    """Return the records of `SESSION.pty` and how many bytes they took; the rest is unfinished."""
    records: list[PumpRecord] = []
    at = 0
    while at + _HEAD.size <= len(data):
        length, kind, zero = _HEAD.unpack_from(data, at)
        if zero or not _is_body(kind, length):
            at = max(at + 1, _nonzero(data, at) - 1)
            continue
        stop = at + _HEAD.size + length
        if stop > len(data):
            break
        record = _pump_record(kind, data[at + _HEAD.size : stop])
        if record is not None:
            records.append(record)
        at = stop
    return records, at


def _nonzero(data: bytes, at: int) -> int:
    """Return where zeros end: those of records that were blanked once they were kept."""
    found = _NONZERO.search(data, at)
    return found.start() if found else len(data) - 2


def _is_body(kind: int, length: int) -> bool:
    if kind == 1:
        return length >= _BEGIN.size
    return kind in _BODIES and length == _BODIES[kind][0].size


def _pump_record(kind: int, body: bytes) -> PumpRecord | None:
    if kind != 1:
        layout, record = _BODIES[kind]
        return record(*layout.unpack(body))
    mode, flags, version, shell, keeper, pump, wall, at = _BEGIN.unpack_from(body)
    texts = body[_BEGIN.size :].decode("utf-8", "backslashreplace").split("\0")
    if version != _FORMAT or len(texts) < 4:
        return None
    tty, inside, path, cwd, *argv = texts
    parent, *above = inside.split(" ")
    words = (tty, parent, path, cwd, tuple(argv))
    return Begin(mode, flags, shell, keeper, pump, wall, at, *words, *_pids(above))


def _pids(words: list[str]) -> tuple[int, int]:
    """Return launcher and its parent, 0 where they were not told."""
    known = len(words) == 2 and all(_PID.fullmatch(word) for word in words)
    return (int(words[0]), int(words[1])) if known else (0, 0)
