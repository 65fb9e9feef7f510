"""Takes the bytes of the reader's pipe apart; pure, and never raises.

Layouts: struct cn_msg (linux/connector.h) and struct proc_event (linux/cn_proc.h), both in native
byte order, and the records of `reader.py`.
"""

import struct
from typing import NamedTuple

VOID, EVENT, ARGV, PLACE, OVERRUN, EMPTY, SETTLED, FOREIGN = range(16, 24)
FORK, EXEC, EXIT = 0x1, 0x2, 0x80000000
TORN = -1
"""The kind of what is not a record: nothing after it can be trusted."""

HAS_ARGV, ARGV_CUT = 1, 2

_HEAD = struct.Struct("=HBB")
_EVENT = struct.Struct("=IIHHIIQ6I")  # seq ack len flags | what cpu timestamp | data
_LATE = struct.Struct("=IQ")


class Record(NamedTuple):
    """One record; fields that its kind does not have are 0 or None.

    `kind` is FORK, EXEC or EXIT for events of the connector, else a kind of the reader's.
    `extra` is the argument list of an EXEC or ARGV (None: not read), the exe and cwd of a PLACE
    with a NUL between, the message of a FOREIGN.
    """

    kind: int
    pid: int = 0
    at: int = 0
    parent: int = 0
    status: int = 0
    cpu: int = 0
    sequence: int = 0
    extra: bytes | None = None


def decode(data: bytes) -> tuple[list[Record], int]:
    """Return the records and how many bytes they took; the rest is an incomplete tail."""
    found: list[Record] = []
    offset = 0
    while offset + _HEAD.size <= len(data):
        size, kind, flags = _HEAD.unpack_from(data, offset)
        if size < _HEAD.size or not VOID <= kind <= FOREIGN:
            found.append(Record(TORN))
            return found, len(data)
        if offset + size > len(data):
            break
        record = _record(kind, flags, data[offset + _HEAD.size : offset + size])
        if record is not None:
            found.append(record)
        offset += size
    return found, offset


def _record(kind: int, flags: int, body: bytes) -> Record | None:
    if kind == EVENT:
        return _event(flags, body)
    if kind in {ARGV, PLACE}:
        if len(body) < _LATE.size:
            return Record(TORN)
        pid, at = _LATE.unpack_from(body)
        if kind == ARGV and not flags & HAS_ARGV:
            return None
        return Record(kind, pid, at, extra=body[_LATE.size :])
    if kind == FOREIGN:
        return Record(kind, extra=body)
    return None if kind == VOID else Record(kind)


def _event(flags: int, body: bytes) -> Record | None:
    if len(body) < _EVENT.size:
        return Record(TORN)
    sequence, _, _, _, what, cpu, at, _, b, c, d, _, _ = _EVENT.unpack_from(body)
    if what == FORK:  # parent pid, parent tgid, child pid, child tgid
        return Record(FORK, d, at, b, 0, cpu, sequence)
    if what == EXEC:  # pid, tgid
        argv = body[_EVENT.size :] if flags & HAS_ARGV else None
        return Record(EXEC, b, at, 0, 0, cpu, sequence, argv)
    if what == EXIT:  # pid, tgid, wait status, exit signal
        return Record(EXIT, b, at, 0, c, cpu, sequence)
    return None
