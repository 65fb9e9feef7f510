"""The service's journal in groups: what goes into the store at once, unpacked."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest import clock, entries, inflate, journal, unpacking
from ingest.entries import Entry
from ingest.journal import Position
from ingest.store.base import Batch, Progress, Scope
from ingest.store.questions import Owner
from ingest.store.tables import tables
from ptywrap import wire

GROUP_ROWS = 400_000
"""So many fill whole row groups of DuckDB, which then go into the file as they are: a third of what
their appending to unfinished ones costs. Whoever is not behind has a group each second."""
GROUP_SECONDS = 1.0
GROUP_BYTES = 128 << 20
_VALUE_BYTES = 8
_POLL_SECONDS = 0.05
_BOOTS = 100_000
_log = logging.getLogger(__name__)


class Erasure(NamedTuple):
    """What a person wants to have erased."""

    scope: Scope


class Group(NamedTuple):
    """What goes into the store at once: batches, or one erasure, and the position behind it."""

    batches: list[Batch]
    erasure: Erasure | None
    progress: Progress


class _Asked(msgspec.Struct):
    """The body of an erasure's entry; what it says besides is of a newer version."""

    since: int | None = None
    repo: str | None = None


class Boots:
    """When each boot of a device began, as the newest of its batches tells."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[int, int]] = {}

    def tell(self, batch: wire.Batch, entry: Entry) -> None:
        """Learn from a batch; the arrival alone is no knowledge."""
        key = (entry.tenant, entry.device, batch.boot)
        found = unpacking.clock_of(batch, entry)
        number = unpacking.number(batch.id)
        if found.told and batch.boot and number >= self._known.get(key, (0, 0))[0]:
            self._known.pop(key, None)
            self._known[key] = (number, found.boot_at)
            if len(self._known) > _BOOTS:
                del self._known[next(iter(self._known))]

    def began(self, batch: wire.Batch, entry: Entry) -> int | None:
        """Return when a boot began, ns since the epoch, None where nobody has told."""
        found = self._known.get((entry.tenant, entry.device, batch.boot))
        return None if found is None else found[1]


class Size(NamedTuple):
    """When a group is full: enough rows or bytes of them, or waited long enough for more."""

    rows: int = GROUP_ROWS
    seconds: float = GROUP_SECONDS
    held_bytes: int = GROUP_BYTES


class _Taken(NamedTuple):
    """An entry on its way into a group: the position behind it, and its batch if it has one.

    `held_bytes` is about what it takes in memory: its values are 64 bits wide there.
    """

    position: Position
    entry: Entry
    batch: wire.Batch | None
    rows: int
    held_bytes: int


class Reader:
    """Reads the journal on, group by group."""

    def __init__(self, folder: Path, position: Position, size: Size) -> None:
        self.folder = folder
        self.position = position
        self._size = size
        self._boots = Boots()
        self._kept: list[tuple[Position, Entry]] = []
        self._entries: Iterator[tuple[Position, Entry]] = iter(())

    def group(self) -> Group | None:
        """Return what stands behind the last group, None where nothing does; waits for more."""
        taken: list[_Taken] = []
        rows = held_bytes = 0
        deadline = time.monotonic() + self._size.seconds
        while rows < self._size.rows and held_bytes < self._size.held_bytes:
            found = self._next()
            if found is None:
                if not taken or time.monotonic() > deadline:
                    break
                time.sleep(_POLL_SECONDS)
                continue
            position, entry = found
            if entry.kind == entries.ERASE and taken:
                self._kept.append(found)
                break
            taken.append(_read(position, entry))
            if entry.kind == entries.ERASE:
                break
            rows += taken[-1].rows
            held_bytes += taken[-1].held_bytes
        return self._made(taken) if taken else None

    def _next(self) -> tuple[Position, Entry] | None:
        if self._kept:
            return self._kept.pop()
        found = next(self._entries, None)
        if found is None:
            self._entries = journal.read(self.folder, self.position)
            found = next(self._entries, None)
        if found is not None:
            self.position = found[0]
        return found

    def _made(self, taken: list[_Taken]) -> Group:
        for one in taken:
            if one.batch is not None:
                self._boots.tell(one.batch, one.entry)
        batches: list[Batch] = []
        repeated = rejected = 0
        erasure = None
        for one in taken:
            entry = one.entry
            if entry.kind == entries.REPEATED:
                repeated += 1
            elif entry.kind == entries.ERASE:
                erasure = _erasure(entry)
            elif entry.kind == entries.BATCH:
                made, refused = self._unpacked(one.batch, entry)
                batches.append(made)
                rejected += refused
        position = taken[-1].position
        progress = Progress(position.number, position.offset, repeated, rejected)
        return Group(batches, erasure, progress)

    def _unpacked(self, batch: wire.Batch | None, entry: Entry) -> tuple[Batch, int]:
        if batch is not None:
            with contextlib.suppress(wire.Unreadable):
                found = unpacking.unpacked(batch, entry, self._boots.began(batch, entry))
                return found.batch, found.rejected
        # It was readable when it was acknowledged: by another version than this one.
        _log.warning("a batch that cannot be read any more")
        return refused(entry, "cannot be read by this version"), 0


def damage(repaired: tuple[str, ...]) -> Batch:
    """Return the batch that says which files were damaged."""
    now = clock.wall_ns()
    reason = f"damaged, moved aside as {', '.join(repaired)}; filled again from the journal"
    return _loss(f"damage-{now}", "store", reason, now)


def refused(entry: Entry, reason: str) -> Batch:
    """Return the batch that stands for one that was acknowledged and cannot be kept."""
    made = _loss(entry.id, "service", reason, entry.received_at)
    return made._replace(
        digest=entry.digest, tenant=entry.tenant, device=entry.device,
        person=entry.person, team=entry.team, received_at=entry.received_at,
    )  # fmt: skip


def lost(batch: Batch) -> Batch:
    """Return the batch that stands for one the store refuses: a loss of all its rows."""
    rows = sum(table.rows for table in batch.tables.values())
    return batch._replace(tables=_told("service", "refused by the store", batch.wall_ns, rows))


def _loss(name: str, sensor: str, reason: str, at: int) -> Batch:
    return Batch(
        id=name,
        device="",
        boot="",
        number=0,
        wall_ns=at,
        boottime_ns=0,
        tables=_told(sensor, reason, at, None),
        received_at=at,
    )


def _told(sensor: str, reason: str, at: int, missed: int | None) -> dict[str, Any]:
    loss = wire.Loss(
        session=wire.host_session("", ""),
        sensor=sensor,
        since=at,
        until=at,
        missed=missed,
        reason=reason,
    )
    return tables([loss])[0]


def _read(position: Position, entry: Entry) -> _Taken:
    """Return an entry with its batch, without where it holds none that can be read."""
    if entry.kind == entries.BATCH:
        with contextlib.suppress(wire.Unreadable, inflate.TooLarge):
            plain = inflate.plain(entry.body, entry.encoding)
            batch = wire.unpack(plain)
            values = sum(table.rows * len(table.columns) for table in batch.tables.values())
            rows = sum(table.rows for table in batch.tables.values())
            return _Taken(position, entry, batch, rows, len(plain) + values * _VALUE_BYTES)
    return _Taken(position, entry, None, 1, len(entry.body))


def _erasure(entry: Entry) -> Erasure | None:
    try:
        asked = msgspec.msgpack.decode(entry.body, type=_Asked)
    except msgspec.MsgspecError:
        _log.warning("an erasure that cannot be read")
        return None
    owner = Owner(entry.tenant, entry.person)
    return Erasure(Scope(since_at=asked.since, repo=asked.repo, owner=owner))
