"""The store process's loop: sealed segments into the store, and then into the archive.

A segment is loaded in one transaction under its batch id, rests in the spool until a checkpoint
covers it, and is then renamed into `archive/`: enough to fill a damaged store again.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ingest import archive, clock, segments
from ingest.archive import ROOM_BYTES, Sealed
from ingest.store.base import Batch, Keep, Scope, Store, StoreError, Unstorable
from ingest.store.forget import goes, going
from ingest.store.tables import tables
from ptywrap import wire

GROUP_ROWS = 20_000
_log = logging.getLogger(__name__)


class Places(NamedTuple):
    """Where the segments of one device wait and rest."""

    spool: Path
    archive: Path
    device: str
    room_bytes: int = ROOM_BYTES


class Waiting(NamedTuple):
    """What is sealed and not yet in the store."""

    segments: int
    facts: int


class Loading(NamedTuple):
    """A segment on its way into the store."""

    found: Sealed
    reading: segments.Reading


class Drain:
    """Moves the segments of one device, one caller at a time."""

    def __init__(self, store: Store, places: Places) -> None:
        self.store = store
        self.places = places
        self._loaded: set[str] = set()
        self._unreadable: set[str] = set()
        self._moving = asyncio.Lock()

    async def start(self) -> None:
        """Say what was damaged, and load again from the archive what the store does not have."""
        async with self._moving:
            if self.store.repaired:
                _log.warning("moved aside as damaged: %s", ", ".join(self.store.repaired))
                await self.store.add([_damage(self.places.device, self.store.repaired)])
            archived = list(archive.sealed(self.places.archive))
            ids = [segments.batch_id(self.places.device, found.name.stem) for found in archived]
            known = await self.store.known(ids)
            pairs = zip(archived, ids, strict=True)
            await self._add([found for found, one in pairs if one not in known])

    async def load(self) -> int:
        """Add what is sealed and not yet added; return how many segments were new."""
        async with self._moving:
            archive.adopt(self.places.spool)
            return await self._add(self._not_loaded())

    async def settle(self) -> None:
        """Checkpoint, then archive what was loaded."""
        async with self._moving:
            if self._loaded:
                await self.store.settle()
                folders = (self.places.archive, self.places.spool)
                archive.keep(folders, sorted(self._loaded), self.places.room_bytes)
                self._loaded.clear()

    async def retire(self) -> None:
        """Remove from the store what is past its keeping."""
        gone = await self.store.retire(Keep(today=clock.today()))
        if gone:
            _log.info("%d rows were past their keeping", gone)
            await self.store.settle()

    async def forget(self, scope: Scope) -> int:
        """Remove a scope's rows, and every byte of them in segments; return how many commands.

        The files come first: killed in the middle, the store still knows what to say again.
        """
        await self.load()
        folders = (self.places.archive, self.places.spool)
        async with self._moving:
            commands = going(list(archive.facts(folders)), scope)
            self._take_out(folders, scope, commands)
            forgotten = (await self.store.forget(scope)).commands
            if forgotten - commands and scope != Scope():
                self._take_out(folders, scope, commands | forgotten)
            # What is left of the segments has other names now, and is in the store already.
            await self._add(self._not_loaded())
            return len(commands | forgotten)

    def waiting(self) -> Waiting:
        """Return what is sealed and not yet loaded."""
        found = list(self._not_loaded())
        return Waiting(len(found), sum(one.name.facts or 0 for one in found))

    def _not_loaded(self) -> Iterator[Sealed]:
        for found in archive.sealed(self.places.spool):
            if found.path.name not in self._loaded | self._unreadable:
                yield found

    def _take_out(
        self, folders: tuple[Path, ...], scope: Scope, commands: set[tuple[bytes, int]]
    ) -> None:
        archive.forget(
            folders, lambda fact: goes(fact, scope, commands), everything=scope == Scope()
        )
        self._loaded.clear()

    async def _add(self, found: Iterable[Sealed]) -> int:
        added = 0
        for group in _groups(found, self.places.device):
            try:
                added += await self.store.add([one.reading.batch for one in group])
            except Unstorable as error:
                _log.warning("a group of segments cannot be added: %s", _kind(error))
                added += await self._add_singly(group)
            for one in group:
                name = one.found.path.name
                (self._loaded if one.reading.readable else self._unreadable).add(name)
        return added

    async def _add_singly(self, group: list[Loading]) -> int:
        added = 0
        for one in group:
            try:
                added += await self.store.add([one.reading.batch])
            except Unstorable as error:
                _log.warning("%s is set aside: %s", one.found.path.name, _kind(error))
                added += await self.store.add([_refused(one)])
                archive.set_aside(one.found.path, self.places.archive)
        return added


async def attempt(work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Return what a piece of the store's work answers; whatever goes wrong, the loop goes on."""
    try:
        return await work()
    except StoreError as error:
        _log.log(logging.WARNING if error.__cause__ else logging.DEBUG, "refused: %s", _kind(error))
        return {"ok": False, "what": str(error), "hint": error.hint}
    except Exception as error:  # noqa: BLE001 - the store's loop goes on
        # Never what an exception says: it may hold a path, a line or an argument of the user's.
        frames = traceback.extract_tb(error.__traceback__)
        where = " > ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
        _log.error("a question failed: %s, at %s", _kind(error), where)
        what = f"the local store failed: {type(error).__name__}: {error}"
        return {"ok": False, "what": what, "hint": "its log says where"}


def _kind(error: Exception) -> str:
    """Name an error without its message, which may hold what a user typed."""
    return type(error.__cause__ or error).__name__


def _groups(found: Iterable[Sealed], device: str) -> Iterator[list[Loading]]:
    group: list[Loading] = []
    rows = 0
    for one in found:
        reading = archive.read(one, device)
        if reading is None:
            continue
        group.append(Loading(one, reading))
        rows += sum(table.rows for table in reading.batch.tables.values())
        if rows >= GROUP_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _damage(device: str, repaired: tuple[str, ...]) -> Batch:
    now = clock.wall_ns()
    reason = f"damaged, moved aside as {', '.join(repaired)}; filled again from the archive"
    loss = wire.Loss(
        session=wire.host_session(device, ""), sensor="store", since=now, until=now, reason=reason
    )
    return Batch(
        id=f"damage-{now}-{device}",
        device=device,
        boot="",
        number=0,
        wall_ns=now,
        boottime_ns=0,
        tables=tables([loss])[0],
    )


def _refused(one: Loading) -> Batch:
    """Return the batch that stands for one the store cannot hold: a Loss of all its facts."""
    batch = one.reading.batch
    loss = wire.Loss(
        session=wire.host_session(batch.device, batch.boot),
        sensor="segment",
        since=batch.wall_ns,
        until=batch.wall_ns,
        missed=one.found.name.facts,
        reason="refused by the store",
    )
    return batch._replace(tables=tables([loss])[0])
