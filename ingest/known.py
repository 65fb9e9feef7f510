"""Which batches were taken in lately: the same one again is answered, not stored.

It is a cache: the store's own key of (tenant, device, batch) decides.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

Key = tuple[str, str, str]
_MOST = 100_000


class Receipt(NamedTuple):
    """What was answered for a batch with this SHA-256."""

    digest: bytes
    rows: int
    rejected: int


class Differs(Exception):
    """The id was taken in with other bytes."""


class Known:
    """Receipts by (tenant, device, batch), least recently used first, and what is in flight."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Receipt] = OrderedDict()
        self._running: dict[Key, tuple[bytes, asyncio.Task[Receipt]]] = {}

    async def once(
        self, key: Key, digest: bytes, work: Callable[[], Coroutine[Any, Any, Receipt]]
    ) -> tuple[Receipt, bool]:
        """Do work for a batch unless it was or is being done; return the receipt, and whether so.

        Who stops waiting does not stop the work. Differs where the id stands for other bytes.
        """
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            if kept.digest != digest:
                raise Differs
            return kept, True
        running = self._running.get(key)
        if running is not None and running[0] != digest:
            raise Differs
        task = running[1] if running is not None else self._begun(key, digest, work)
        return await asyncio.shield(task), running is not None

    def _begun(
        self, key: Key, digest: bytes, work: Callable[[], Coroutine[Any, Any, Receipt]]
    ) -> asyncio.Task[Receipt]:
        task = asyncio.get_running_loop().create_task(work())
        self._running[key] = digest, task

        def ended(done: asyncio.Task[Receipt]) -> None:
            del self._running[key]
            if not done.cancelled() and done.exception() is None:
                self._kept[key] = done.result()
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)

        task.add_done_callback(ended)
        return task
