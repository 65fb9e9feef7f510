"""Takes the bytes of the reader's pipe apart; pure, and never raises.

Layouts: struct cn_msg (linux/connector.h) and struct proc_event (linux/cn_proc.h), both in native
byte order. Forks and exits come by another socket than execs, so order is what `settle` makes.

A record of the reader is `=HBB` (length of all, kind, flags) and a body:

    EVENT    bytes 24 to 76 of the connector's message (struct cn_msg from `seq` on and struct
             proc_event, linux/cn_proc.h); after an exec, its argument list as /proc gives it
    ARGV     pid u32, time of the exec u64, argument list: one that was there at the second try
    PLACE    pid u32, time of the exec u64, exe NUL cwd
    BACK     pid u32, time of the exec u64: what was read for it may be another's; the flags say
             what, HAS_ARGV or HAS_PLACE
    UNTIL    0 u32, time u64: all events up to then have been sent, and nothing will be taken back;
             under the flag EXECS_WAIT some execs after it have not, later forks and exits may have
    OVERRUN  the kernel dropped messages (ENOBUFS); what was queued before the hole still follows
    EMPTY    the first moment after OVERRUN (or after a restart) at which nothing was queued
    SETTLED  half a second later
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

EVENT, ARGV, PLACE, BACK, UNTIL, OVERRUN, EMPTY, SETTLED = range(16, 24)
FORK, EXEC, EXIT = 0x1, 0x2, 0x80000000
TORN = -1
"""The kind of what is not a record: nothing after it can be trusted."""

HAS_ARGV, ARGV_CUT, HAS_PLACE, EXECS_WAIT = 1, 2, 4, 8

_HEAD = struct.Struct("=HBB")
_EVENT = struct.Struct("=IIHHIIQ6I")  # seq ack len flags | what cpu timestamp | data
_LATE = struct.Struct("=IQ")


class Record(NamedTuple):
    """One record; fields that its kind does not have are 0 or None.

    `kind` is FORK, EXEC or EXIT for events of the connector, else a kind of the reader's.
    `extra` is the argument list of an EXEC or ARGV (None: not read), the exe and cwd of a PLACE
    with a NUL between. `status` of a BACK says what was taken back.
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
        if size < _HEAD.size or not EVENT <= kind <= SETTLED:
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
    if kind in {ARGV, PLACE, BACK, UNTIL}:
        if len(body) < _LATE.size:
            return Record(TORN)
        pid, at = _LATE.unpack_from(body)
        return Record(kind, pid, at, status=flags, extra=body[_LATE.size :] or None)
    return Record(kind)


def settle(pending: Iterable[Record], until: int) -> tuple[list[Record], list[Record]]:
    """Return what happened up to a time, in order, and the rest.

    What was taken back is left out: it was read for one exec and may belong to the next.
    """
    ready: list[Record] = []
    rest: list[Record] = []
    back: dict[tuple[int, int], int] = {}
    for record in pending:
        if record.at > until:
            rest.append(record)
        elif record.kind == BACK:
            back[record.pid, record.at] = record.status
        else:
            ready.append(record)
    ready.sort(key=_time)
    if back:
        ready = [_without(record, back.get((record.pid, record.at), 0)) for record in ready]
    return ready, rest


def _time(record: Record) -> int:
    return record.at


def _without(record: Record, flags: int) -> Record:
    taken = HAS_PLACE if record.kind == PLACE else HAS_ARGV
    if flags & taken and record.kind in {EXEC, ARGV, PLACE}:
        return record._replace(extra=None)
    return record


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
