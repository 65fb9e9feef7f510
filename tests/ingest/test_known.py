"""The same batch twice: one does the work, both are answered alike."""

import asyncio
from collections.abc import Coroutine

import pytest

from ingest.known import Differs, Known, Receipt

KEY = ("tenant", "device", "batch")
DIGEST = b"1" * 32


class Work:
    """Counts how often it is done; waits for `go` where it has to."""

    def __init__(self, fails: int = 0) -> None:
        self.done = 0
        self.fails = fails
        self.go = asyncio.Event()

    async def __call__(self) -> Receipt:
        """Do it."""
        await self.go.wait()
        self.done += 1
        if self.done <= self.fails:
            raise ValueError("not now")
        return Receipt(DIGEST, 5, 1)

    def begin(self) -> Coroutine[None, None, Receipt]:
        """Return the work to be done."""
        return self()


async def _second_after_first() -> tuple[bool, bool, int]:
    known, work = Known(), Work()
    work.go.set()
    _, first = await known.once(KEY, DIGEST, work.begin)
    _, second = await known.once(KEY, DIGEST, work.begin)
    return first, second, work.done


def test_what_was_done_is_not_done_again() -> None:
    assert asyncio.run(_second_after_first()) == (False, True, 1)


async def _at_once() -> tuple[list[tuple[Receipt, bool]], int]:
    known, work = Known(), Work()
    both = [asyncio.create_task(known.once(KEY, DIGEST, work.begin)) for _ in range(2)]
    await asyncio.sleep(0)
    work.go.set()
    return list(await asyncio.gather(*both)), work.done


def test_two_at_once_share_the_work() -> None:
    receipt = Receipt(DIGEST, 5, 1)
    assert asyncio.run(_at_once()) == ([(receipt, False), (receipt, True)], 1)


async def _other_bytes(*, waiting: bool) -> None:
    known, work = Known(), Work()
    first = asyncio.create_task(known.once(KEY, DIGEST, work.begin))
    await asyncio.sleep(0)
    if not waiting:
        work.go.set()
        await first
    try:
        await known.once(KEY, b"2" * 32, work.begin)
    finally:
        work.go.set()
        await first


@pytest.mark.parametrize("waiting", [True, False])
def test_other_bytes_under_the_same_id_are_told_apart(waiting: bool) -> None:
    with pytest.raises(Differs):
        asyncio.run(_other_bytes(waiting=waiting))


async def _after_failure() -> tuple[Receipt, bool]:
    known, work = Known(), Work(fails=1)
    work.go.set()
    with pytest.raises(ValueError, match="not now"):
        await known.once(KEY, DIGEST, work.begin)
    return await known.once(KEY, DIGEST, work.begin)


def test_what_failed_is_done_again() -> None:
    assert asyncio.run(_after_failure()) == (Receipt(DIGEST, 5, 1), False)


async def _left() -> int:
    known, work = Known(), Work()
    first = asyncio.create_task(known.once(KEY, DIGEST, work.begin))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    second = asyncio.create_task(known.once(KEY, DIGEST, work.begin))
    await asyncio.sleep(0)
    work.go.set()
    await second
    return work.done


def test_who_stops_waiting_does_not_stop_the_work() -> None:
    assert asyncio.run(_left()) == 1


async def _beyond_most() -> list[bool]:
    known, work = Known(most=2), Work()
    work.go.set()
    keys = [("t", "d", name) for name in "abc"]
    for key in keys:
        await known.once(key, DIGEST, work.begin)
    return [(await known.once(key, DIGEST, work.begin))[1] for key in reversed(keys)]


def test_the_least_recently_used_is_forgotten_first() -> None:
    assert asyncio.run(_beyond_most()) == [True, True, False]
