"""From the service's journal into its store: groups of entries, each in one transaction.

The position in the journal is kept with the rows, so a group is read again exactly where the store
has none of it. Files of the journal go when a checkpoint covers them.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from ingest import clock, groups, journal
from ingest.groups import Group
from ingest.journal import Position
from ingest.store import turns
from ingest.store.base import SERVICE, Batch, Scope, Store, StoreError, Unstorable

_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 60.0
_FOLD_SECONDS = 60.0
_RETIRE_SECONDS = 3600.0
_AWAY_SECONDS = 1.0
_AWAY_TRIES = 30
_log = logging.getLogger(__name__)


class Filling:
    """Moves what is journalled into a store, and the files that are no longer needed out."""

    def __init__(self, store: Store, folder: Path, size: groups.Size | None = None) -> None:
        self.store = store
        self.folder = folder
        self._size = size or groups.Size()
        self._reader: groups.Reader | None = None
        self._thread = turns.behind("reader")
        self._unsettled = False
        self._due: dict[str, float] = {}

    async def start(self) -> None:
        """Go on where the store ends, and say what of it was damaged."""
        position = Position(*await self.store.position())
        self._reader = groups.Reader(self.folder, position, self._size)
        if self.store.repaired:
            _log.warning("moved aside as damaged: %s", ", ".join(self.store.repaired))
            await self.store.add([groups.damage(self.store.repaired)])

    async def run(self, leaving: asyncio.Event) -> None:
        """Fill until told to leave; then what is journalled by then is in the store."""
        reading = self._read()
        while True:
            group = await reading
            if group is None:
                if leaving.is_set():
                    break
                await self._rest(leaving)
                reading = self._read()
                continue
            # The next group is read while this one is stored.
            reading = self._read()
            await self.store_group(group)
            await self._keep_house()
        await _tried(self.settle)
        self._thread.shutdown()

    async def store_group(self, group: Group) -> None:
        """Store one group: all of it, or with what the store refuses replaced by a loss."""
        if group.erasure is not None:
            await self._forget(group.erasure.scope)
        try:
            await self.store.add(group.batches, group.progress)
        except Unstorable as error:
            _log.warning("a group cannot be added: %s", type(error.__cause__ or error).__name__)
            bad = [batch for batch in group.batches if not await self._added(batch)]
            if len(bad) == len(group.batches) > 1:
                # No fault of theirs: better to stop here than to tell all as lost.
                raise StoreError("the store refuses every batch", "its log says why") from error
            await self.store.add([groups.lost(batch) for batch in bad])
            await self.store.add([], group.progress)
        self._unsettled = True

    async def settle(self) -> None:
        """Checkpoint, then remove the files of the journal that are wholly in the store."""
        if self._unsettled:
            await self.store.settle()
            self._unsettled = False
        for path in journal.passed(self.folder, Position(*await self.store.position())):
            path.unlink(missing_ok=True)

    async def _forget(self, scope: Scope) -> None:
        """Erase, as soon as all that holds rows is there; then starting anew may help."""
        for _ in range(_AWAY_TRIES):
            if await _tried(partial(self.store.forget, scope)):
                return
            await asyncio.sleep(_AWAY_SECONDS)
        await self.store.forget(scope)

    async def _added(self, batch: Batch) -> bool:
        """Add one batch; say whether the store took it."""
        try:
            await self.store.add([batch])
        except Unstorable as error:
            kind = type(error.__cause__ or error).__name__
            _log.warning("a batch is refused by the store: %s", kind)
            return False
        return True

    def _read(self) -> "asyncio.Future[Group | None]":
        assert self._reader is not None
        return asyncio.get_running_loop().run_in_executor(self._thread, self._reader.group)

    async def _rest(self, leaving: asyncio.Event) -> None:
        await self._keep_house()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(leaving.wait(), _POLL_SECONDS)

    async def _keep_house(self) -> None:
        """Do what is due: checkpoint, roll up, retire."""
        if self._is_due("settle", _SETTLE_SECONDS):
            await _tried(self.settle)
        if self._is_due("fold", _FOLD_SECONDS):
            await _tried(partial(self.store.fold, clock.wall_ns()))
        if self._is_due("retire", _RETIRE_SECONDS):
            await _tried(self._retire)

    async def _retire(self) -> None:
        gone = await self.store.retire(SERVICE._replace(today=clock.today()))
        if gone:
            _log.info("%d rows were past their keeping", gone)
            self._unsettled = True

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.setdefault(name, now + seconds):
            return False
        self._due[name] = now + seconds
        return True


async def _tried(work: Callable[[], Awaitable[Any]]) -> bool:
    """Do what can be done later as well; a server that is away stops nothing else."""
    try:
        await work()
    except StoreError as error:
        if error.reopen:
            raise
        _log.warning("put off: %s", error)
        return False
    return True
