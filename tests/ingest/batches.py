"""Batches of facts, and a store that tests can ask without being asynchronous themselves."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ingest.store.base import Batch, LogQuestion, Row, Run, Store
from ingest.store.tables import tables
from ptywrap import wire
from tests import build

Answer = TypeVar("Answer")
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


def a_batch(number: int, *facts: wire.Fact, **changes: Any) -> Batch:
    """Return the batch of segment `number`; its clocks say the moment `build.AT`."""
    held, refused = tables(facts)
    assert refused == 0
    batch = Batch(
        id=f"{number:012d}-000000000000-{build.DEVICE}",
        device=build.DEVICE,
        boot=build.BOOT,
        number=number,
        wall_ns=build.AT,
        boottime_ns=6_000_000_000,
        tables=held,
    )
    return batch._replace(**changes)


def a_command(mark: int, **changes: Any) -> wire.Command:
    """Return a command of its own for each `mark`, started that many seconds after `build.AT`."""
    values = {
        "id": wire.command_id(build.SESSION, 100, mark),
        "started_at": build.AT + mark * 1_000_000_000,
    }
    return build.a_command(**(values | changes))


class Asked:
    """A store and the loop it lives in."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.loop = asyncio.new_event_loop()

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run one piece of work to its end."""
        return self.loop.run_until_complete(work)

    def add(self, *batches: Batch) -> int:
        """Add batches."""
        return self.do(self.store.add(batches))

    def tell(self, number: int, *facts: wire.Fact) -> int:
        """Add facts as one batch."""
        return self.add(a_batch(number, *facts))

    def log(self, **question: Any) -> list[Row]:
        """Return the commands a question is about."""
        return self.do(self.store.log(LogQuestion(**question))).commands

    def lines(self, **question: Any) -> list[str]:
        """Return the lines of the commands a question is about."""
        return [row["line"] for row in self.log(**question)]

    def show(self, command: str) -> Run:
        """Return one run."""
        return self.do(self.store.show(command))

    def facts(self, command: str, kind: type) -> list[Any]:
        """Return the facts of one kind that one run is made of."""
        return [fact for fact in self.show(command).facts if type(fact) is kind]

    def close(self) -> None:
        """Close the store, then the loop."""
        self.do(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
