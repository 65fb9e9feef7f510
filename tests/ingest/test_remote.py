"""A store asked over a socket answers what the store itself does, and refuses what it may not."""

import asyncio
import inspect
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ingest import store
from ingest.store import calls, serve
from ingest.store.base import Batch, Progress, Store, StoreError
from ingest.store.remote import Remote
from tests.conformance import store_log, store_runs
from tests.ingest.batches import Asked

Check = Callable[[Asked], None]
OWNERS_ALONE = ("add", "settle", "close", "fold", "retire")


class Beside:
    """A store of which every question goes over a socket, and only what its owner does does not."""

    def __init__(self, owned: Store, remote: Remote) -> None:
        self.owned = owned
        self.remote = remote
        self.repaired: tuple[str, ...] = ()

    async def add(self, batches: list[Batch], progress: Progress | None = None) -> int:
        """Add batches as the owner does."""
        return await self.owned.add(batches, progress)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        found: Callable[..., Awaitable[Any]] = getattr(self.remote, name)
        return found


@pytest.fixture
def served() -> Iterator[Asked]:
    """Yield a store in memory that is asked over a socket."""
    folder = Path(tempfile.mkdtemp(prefix="asked-"))
    owned = store.open("memory:")
    asked = Asked(cast(Store, Beside(owned, Remote(folder / "s"))))

    async def opened() -> Store:
        return owned

    server = asked.do(serve.listen(folder / "s", opened))
    yield asked
    server.close()
    asked.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "check", [*store_log.CHECKS, *store_runs.CHECKS], ids=lambda check: check.__name__
)
def test_what_is_asked_over_a_socket_is_what_the_store_answers(served: Asked, check: Check) -> None:
    check(served)


def test_every_question_of_a_store_can_be_asked() -> None:
    questions = [name for name in vars(Store) if inspect.iscoroutinefunction(vars(Store)[name])]
    assert [name for name in questions if not calls.may_be_called(name)] == [
        *("add", "retire", "fold", "settle", "close")
    ]


@pytest.mark.parametrize("name", [*OWNERS_ALONE, "_ask", "repaired"])
def test_what_the_owner_does_is_not_for_others(served: Asked, name: str) -> None:
    with pytest.raises(StoreError, match="no call of a store"):
        calls.called(calls.call(name, {})[calls.LENGTH.size :])


def test_a_question_of_another_version_is_refused() -> None:
    body = bytes([calls.VERSION + 1]) + calls.call("counts", {})[calls.LENGTH.size + 1 :]
    with pytest.raises(StoreError, match="another version"):
        calls.called(body)


def test_a_hint_goes_over_the_socket_with_what_went_wrong() -> None:
    frame = calls.refusal(StoreError("it is full", "make room"))
    with pytest.raises(StoreError, match="it is full") as caught:
        calls.answered("counts", frame[calls.LENGTH.size :])
    assert caught.value.hint == "make room"


@pytest.mark.parametrize("body", [b"", b"\1", b"\1\x90", b"\1\xc1", b"\1" + b"\xff" * 50])
def test_bytes_that_are_no_call_are_refused(body: bytes) -> None:
    with pytest.raises(StoreError):
        calls.called(body)


def test_an_argument_of_another_type_is_refused(served: Asked) -> None:
    async def asked() -> None:
        remote = cast(Beside, served.store).remote
        await remote.unique(cast(list[int], ["no number"]))

    with pytest.raises(StoreError, match="no call of a store"):
        served.do(asked())


def test_a_call_that_is_too_long_is_hung_up_on(served: Asked) -> None:
    async def asked() -> bytes:
        remote = cast(Beside, served.store).remote
        reader, writer = await asyncio.open_unix_connection(remote.path)
        writer.write(calls.LENGTH.pack(calls.CALL_LIMIT + 1))
        answer = await reader.read()
        writer.close()
        return answer

    assert served.do(asked()) == b""
