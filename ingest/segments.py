"""Bytes of a segment to a batch of the store, over whatever is damaged or unknown in them."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

from ingest.store.base import Batch
from ingest.store.tables import tables
from ptywrap import wire

_SEAL_AGE_NS = 30_000_000_000


class Name(NamedTuple):
    """What a segment's file name says: its number, the stem of its batch id, how many facts."""

    number: int
    stem: str
    facts: int | None


class Reading(NamedTuple):
    """A segment as a batch; `readable` is False where a newer program wrote it."""

    batch: Batch
    readable: bool


class Rest(NamedTuple):
    """What remains of a segment: its bytes and how many facts are in them."""

    data: bytes
    facts: int


def name(file_name: str) -> Name | None:
    """Read `SSSSSSSSSSSS-<12 hex>.n<COUNT>.seg` or the same as `.open`; None for other files."""
    stem, _, rest = file_name.partition(".")
    number, dash, _ = stem.partition("-")
    if not (dash and number.isdecimal() and number.isascii()):
        return None
    if rest == "open":
        return Name(int(number), stem, None)
    told, dot, suffix = rest.partition(".")
    if not (dot and suffix == "seg" and told[:1] == "n" and told[1:].isdecimal()):
        return None
    return Name(int(number), stem, int(told[1:]))


def batch_id(device: str, stem: str) -> str:
    """Return the id of the batch that a segment of a device is, here and remotely."""
    return f"{stem}-{device}"


def read(named: Name, data: bytes, device: str, written_at: int) -> Reading:
    """Return what a segment holds; what cannot be read is in it as a Loss.

    `device` and `written_at` stand in where the header itself is damaged.
    """
    header, facts, unknown = _rows(data)
    readable = header is None or header.version == wire.VERSION
    whole = header or _stand_in(device, written_at)
    found = facts if readable else []
    held, refused = tables(found)
    missed = max((named.facts or 0) - len(found) - unknown, 0)
    if missed or unknown or refused or not readable:
        reason = f"{missed} damaged, {unknown} unknown, {refused} out of range"
        if not readable:
            reason = "written by a newer version"
        loss = _loss(whole, missed + unknown + refused, reason)
        held, _ = tables([*found, loss])
    batch = Batch(
        id=batch_id(device, named.stem) + ("" if readable else "-unread"),
        device=device,
        boot=whole.boot_id,
        number=named.number,
        wall_ns=whole.wall_ns,
        boottime_ns=whole.boottime_ns,
        tables=held,
        digest=sha256(data).digest(),
    )
    return Reading(batch, readable)


def facts(data: bytes) -> Iterator[wire.Fact]:
    """Yield the facts that can be read, without the header."""
    yield from _rows(data)[1]


def without(data: bytes, goes: Callable[[wire.Fact], bool]) -> Rest | None:
    """Return a segment without some facts, or None where none remains.

    What cannot be read goes too: nobody can say what it is about.
    """
    header, found, _ = _rows(data)
    kept = [fact for fact in found if not goes(fact)]
    if header is None or header.version != wire.VERSION or not kept:
        return None
    rows = map(wire.encode, [header, *kept])
    framed = b"".join(wire.frame(seq, row) for seq, row in enumerate(rows))
    return Rest(framed, len(kept))


def cut(data: bytes) -> tuple[int, int]:
    """Return where a dead writer's file is to be cut, and how many facts are before that."""
    return wire.intact_end(data), sum(1 for found in wire.scan(data) if found.seq > 0)


def _rows(data: bytes) -> tuple[wire.Segment | None, list[wire.Fact], int]:
    header: wire.Segment | None = None
    found: list[wire.Fact] = []
    unknown = 0
    for frame in wire.scan(data):
        try:
            fact = wire.decode(frame.payload)
        except wire.Unreadable:
            unknown += 1
            continue
        if not isinstance(fact, wire.Segment):
            found.append(fact)
        elif header is None:
            header = fact
    return header, found, unknown


def _stand_in(device: str, written_at: int) -> wire.Segment:
    return wire.Segment(
        version=wire.VERSION,
        device=device,
        boot_id="",
        wall_ns=written_at,
        monotonic_ns=0,
        boottime_ns=0,
    )


def _loss(header: wire.Segment, missed: int, reason: str) -> wire.Loss:
    return wire.Loss(
        session=wire.host_session(header.device, header.boot_id),
        sensor="segment",
        since=header.wall_ns,
        until=header.wall_ns + _SEAL_AGE_NS,
        missed=missed,
        reason=reason,
    )
