"""How many shards an answer is of: told by an engine of several, heard by whoever shows a number.

An answer that a shard had no part in is short, so every number of it carries the label. It is told
beside the answer because every question may come with it and one engine alone ever tells it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Partial(NamedTuple):
    """How many shards there are, and how many of them answered in time."""

    shards: int
    answered: int


_hearing: ContextVar[list[Partial] | None] = ContextVar("_hearing", default=None)


@contextmanager
def hearing() -> Iterator[list[Partial]]:
    """Collect what is told of the answers to questions asked within, in this task or its own."""
    heard: list[Partial] = []
    token = _hearing.set(heard)
    try:
        yield heard
    finally:
        _hearing.reset(token)


def tell(partial: Partial) -> None:
    """Say that an answer is of some shards alone."""
    heard = _hearing.get()
    if heard is not None:
        heard.append(partial)


def worst(heard: list[Partial]) -> Partial | None:
    """Return the label of what was heard: of the answer that the fewest took part in."""
    return min(heard, key=lambda partial: partial.answered, default=None)
