"""An answer that not every shard had a part in keeps its label on the way to the page."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

from ingest import pages
from ingest.store import partial, remote, serve
from ingest.store.base import Log, Store
from ingest.store.partial import Partial
from ingest.store.questions import Owner

ADA = Owner("tenant", "ada")
Answer = TypeVar("Answer")


class Shards:
    """As much of a store as is asked here; `answered` of two shards take part."""

    def __init__(self, answered: int) -> None:
        self.answered = answered

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """No commands, labelled where a shard is away."""
        if self.answered < 2:
            partial.tell(Partial(2, self.answered))
        return Log([], 4)


def asked(
    answered: int, question: Callable[[remote.Remote], Awaitable[Answer]]
) -> tuple[Answer, list[Partial]]:
    """The answer over a socket, and the labels that came with it."""

    async def ask() -> tuple[Answer, list[Partial]]:
        # A socket's path has room for about 100 bytes.
        with tempfile.TemporaryDirectory(prefix="partial-") as folder:
            path = Path(folder) / "store.sock"

            async def opened() -> Store:
                return cast(Store, Shards(answered))

            server = await serve.listen(path, opened)
            with partial.hearing() as heard:
                answer = await question(remote.open_store(str(path)))
            server.close()
            return answer, heard

    return asyncio.run(ask())


def test_a_label_comes_with_the_answer_over_a_socket() -> None:
    answer, heard = asked(1, lambda store: store.mine(ADA))
    assert (answer, heard) == (Log([], 4), [Partial(2, 1)])


def test_a_whole_answer_has_no_label() -> None:
    assert asked(2, lambda store: store.mine(ADA)) == (Log([], 4), [])


@pytest.mark.parametrize(
    ("label", "said"), [(Partial(2, 1), True), (None, False)], ids=["short", "whole"]
)
def test_a_page_says_that_a_shard_is_away(label: Partial | None, said: bool) -> None:
    page = pages.own([], label).html
    assert ("Not all of it: 1 of 2 shards answered." in page) == said
