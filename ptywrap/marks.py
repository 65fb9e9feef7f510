"""Bytes of a mark file -> records: what the hooks (`SESSION.PID`) and the pump (`SESSION.pty`) say.

The pump's binary records are those of `pump_marks`. The hooks' are text, with tabs between fields::

    1e S <pid> <at> <cwd> 1f 0a                                           zsh, fish: it starts
    1e E <pid> <at> <status> <pipe> <cwd> <text> 1f 0a                    zsh, fish: it ended
    1e C <pid> <started> <at> <status> <pipe> <kept> <cwd> <text> 1f <at> 1f 0a     bash: both

- `at`, `started`: microseconds since the epoch, with the locale's decimal point or without; 0 where
  the shell has no clock (fish, bash below 5.0). An `at` of `+N` is a length in them (fish).
- `status`: what `$?` said; `pipe`: PIPESTATUS, joined by spaces.
- `cwd` is where the line was typed, in E where the command left the shell.
- `cwd` everywhere, and `text` in E, are escaped: ``\\\\`` backslash, ``\\t`` tab, ``\\n`` newline,
  ``\\^`` 1e, ``\\_`` 1f. So a 1e inside S or E can only be the next record: this one was torn.
- `kept` (bash) are the first and last history number of what was typed, as in `12-12`. Or it did
  not enter the history: `0` it repeated a line, `s` it started with a space (all that HISTCONTROL
  asks for), `u` either of these or another reason: bash does not tell which.
- `text` in C is what `history` prints for these numbers, raw: number, mark, space, line, newline.
  A line may hold any byte, so its end is the one thing it cannot know: the time `at` between two
  1f. A C that is followed by another of the same pid instead was torn, and has lost its text.
- An empty `text` was withheld: status 127 (nothing ran: maybe a password), a line that is not in
  the history, marks on a disk. zsh and fish write nothing at all for a line that starts with a
  space; bash cannot see the line, so its record says `private`.

Only 1e, one of S E C, a tab and a digit start a record; every other byte between records is
skipped. A record of over 128 KiB keeps the fields and the first part of its text.
"""

import re
from typing import NamedTuple

from ptywrap.pump_marks import (
    Begin,
    End,
    Foreground,
    Keys,
    Lost,
    Mode,
    Output,
    PumpRecord,
    Resume,
    Rusage,
    Screen,
    Size,
    Suspend,
    Totals,
    pump_records,
)

__all__ = [
    "Begin",
    "End",
    "Ended",
    "Foreground",
    "Keys",
    "Lost",
    "Mode",
    "Output",
    "PumpRecord",
    "Resume",
    "Rusage",
    "Screen",
    "ShellRecord",
    "Size",
    "Started",
    "Suspend",
    "Totals",
    "Whole",
    "pump_records",
    "shell_records",
]

LIMIT_BYTES = 128 << 10
_HEAD_LIMIT_BYTES = 32 << 10


class Started(NamedTuple):
    """A shell starts a command; `at_us` is None where the shell has no clock."""

    pid: int
    at_us: int | None
    cwd: str


class Ended(NamedTuple):
    """The command started last has ended; `length_us` only from a shell without a clock."""

    pid: int
    at_us: int | None
    status: int
    pipe_status: tuple[int, ...]
    cwd: str
    text: str | None
    length_us: int | None = None


class Whole(NamedTuple):
    """A command from start to end (bash).

    `private`: the line started with a space; None: it may have, or repeated the line before it.
    """

    pid: int
    started_us: int | None
    at_us: int | None
    status: int
    pipe_status: tuple[int, ...]
    cwd: str
    text: str | None
    private: bool | None = False


ShellRecord = Started | Ended | Whole

# Letter -> the fields before the last one; none can hold a tab, a newline, 1e or 1f.
_PID, _CODE = rb"\d{1,10}", rb"-?\d{1,10}"
_NUMBER, _TIME = rb"\d{1,18}", rb"\d{1,12}(?:[^\x00-\x1f\d]{1,3}\d{6}|\d{0,6})"
_PIPE = _CODE + rb"(?: " + _CODE + rb"){0,255}"
_CWD = rb"[^\t\n\x1e\x1f]*"
_FIELDS = {
    b"S": (_PID, _TIME),
    b"E": (_PID, rb"\+" + _NUMBER + b"|" + _TIME, _CODE, _PIPE, _CWD),
    b"C": (_PID, _TIME, _TIME, _CODE, _PIPE, rb"[su0]|" + _NUMBER + b"-" + _NUMBER, _CWD),
}
_HEADS = {
    letter: re.compile(
        b"\x1e" + letter + b"".join(b"\t(" + field + b")" for field in fields) + b"\t"
    )
    for letter, fields in _FIELDS.items()
}
_NO_DIGITS = re.compile(rb"\D")
_CONTROL = re.compile(rb"[\x1e\x1f\n]")
_WHOLE = re.compile(rb"\x1eC\t(" + _PID + rb")\t" + _TIME + rb"\t" + _TIME + rb"\t")
_CLOSED = re.compile(rb"\x1f\n|\x1e")
_ESCAPED = re.compile(rb"\\(.?)", re.DOTALL)
_PLAIN = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"^": b"\x1e", b"_": b"\x1f"}
_ENTRY = re.compile(rb"(?:\A|\n) *(\d{1,18})[* ] ")
_NOTHING_RAN = 127


def shell_records(data: bytes) -> tuple[list[ShellRecord], int]:
    """Return the records of `SESSION.PID` and how many bytes they took; the rest is unfinished."""
    records: list[ShellRecord] = []
    at = data.find(b"\x1e")
    while at >= 0:
        record, end = _shell_record(data, at)
        if end is None:
            return records, at
        if record is not None:
            records.append(record)
        at = data.find(b"\x1e", end)
    return records, len(data)


def _shell_record(data: bytes, at: int) -> tuple[ShellRecord | None, int | None]:
    """Return the record that starts here, if any, and where it ends; None while that is open."""
    letter = data[at + 1 : at + 2]
    if letter and letter not in _HEADS:
        return None, at + 1
    head = _HEADS[letter].match(data, at, at + _HEAD_LIMIT_BYTES) if letter else None
    if head is None:
        return None, None if _may_become_a_head(data, at) else at + 1
    limit = at + LIMIT_BYTES
    stop, end = (_closing_of_whole if letter == b"C" else _closing)(data, head, limit)
    if stop is None and len(data) < limit:
        return None, None
    if stop is None:
        return _record(letter, head, data[head.end() : limit]), limit
    return _record(letter, head, data[head.end() : stop]), end


def _may_become_a_head(data: bytes, at: int) -> bool:
    tabs = len(_FIELDS.get(data[at + 1 : at + 2], ()))
    stop = at + _HEAD_LIMIT_BYTES
    return (
        len(data) < stop and _CONTROL.search(data, at + 1) is None and data.count(b"\t", at) <= tabs
    )


def _closing(data: bytes, head: re.Match[bytes], limit: int) -> tuple[int | None, int]:
    """Return where the last field stops and the record ends; a torn one has no last field."""
    found = _CLOSED.search(data, head.end(), limit)
    if found is None:
        return None, limit
    if found[0] == b"\x1e":
        return head.end(), found.start()
    return found.start(), found.end()


def _closing_of_whole(data: bytes, head: re.Match[bytes], limit: int) -> tuple[int | None, int]:
    pid, at = head[1], head[3]
    nexts = (found.start() for found in _WHOLE.finditer(data, head.end(), limit) if found[1] == pid)
    torn = next(nexts, None)
    close = b"\x1f" + at + b"\x1f\n"
    stop = data.find(close, head.end(), limit if torn is None else torn)
    if stop >= 0:
        return stop, stop + len(close)
    return (None, limit) if torn is None else (head.end(), torn)


def _record(letter: bytes, head: re.Match[bytes], last: bytes) -> ShellRecord | None:
    if letter == b"S":
        cwd = _unescaped(last)
        return Started(int(head[1]), _time(head[2]), cwd) if cwd else None
    return _ended(head, last) if letter == b"E" else _whole(head, last)


def _ended(head: re.Match[bytes], last: bytes) -> Ended:
    pid, at, status, pipe, cwd = head.groups()
    code, codes = int(status), _codes(pipe)
    text = _told(_unescaped(last).removesuffix("\n"), code, codes)
    if at.startswith(b"+"):
        return Ended(int(pid), None, code, codes, _unescaped(cwd), text, int(at))
    return Ended(int(pid), _time(at), code, codes, _unescaped(cwd), text)


def _whole(head: re.Match[bytes], last: bytes) -> Whole:
    pid, started, at, status, pipe, kept, cwd = head.groups()
    code, codes = int(status), _codes(pipe)
    lines = _lines(last.removesuffix(b"\n"), kept) if b"-" in kept else []
    spaced = kept == b"s" or any(line.startswith(" ") for line in lines)
    text = None if spaced else _told("\n".join(lines), code, codes)
    private = None if kept == b"u" else spaced
    times = _time(started), _time(at)
    return Whole(int(pid), *times, code, codes, _unescaped(cwd), text, private)


def _lines(raw: bytes, kept: bytes) -> list[str]:
    """Return the entries of what `history` printed; none unless it starts with the first."""
    wanted = int(kept.partition(b"-")[0])
    starts: list[re.Match[bytes]] = []
    for entry in _ENTRY.finditer(raw):
        if int(entry[1]) == wanted + len(starts) and (starts or not entry.start()):
            starts.append(entry)
    ends = [entry.start() for entry in starts[1:]] + [len(raw)]
    return [_text(raw[entry.end() : end]) for entry, end in zip(starts, ends, strict=False)]


def _told(line: str, status: int, pipe_status: tuple[int, ...]) -> str | None:
    """Return the line, or None where it is not ours to keep, whatever the hook thought."""
    if line.startswith(" ") or _NOTHING_RAN in {status, *pipe_status}:
        return None
    return line or None


def _time(field: bytes) -> int | None:
    return int(_NO_DIGITS.sub(b"", field)) or None


def _codes(field: bytes) -> tuple[int, ...]:
    return tuple(int(code) for code in field.split())


def _unescaped(field: bytes) -> str:
    return _text(_ESCAPED.sub(lambda escape: _PLAIN.get(escape[1], b""), field))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
