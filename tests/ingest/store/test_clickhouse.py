"""Checks the distributed engine where it differs from the others: shards, schema, accounts."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest import store
from ingest.filling import Filling
from ingest.store import partial
from ingest.store.base import LogQuestion, Progress, Scope, Store, StoreError
from ingest.store.clickhouse_schema import SCHEMA
from ingest.store.questions import Owner
from ptywrap import wire
from tests import build
from tests.ingest import cluster
from tests.ingest.batches import Asked, a_batch, a_command

pytestmark = pytest.mark.cluster

FIRST, SECOND = "d" * 32, "b" * 32
"""Devices of the first and of the second shard of two."""


@pytest.fixture
def database() -> str:
    """Return a name that no other test uses."""
    return f"test_{secrets.token_hex(8)}"


def opened(database: str, *addresses: str) -> Asked:
    """Return the store of some servers."""
    return Asked(store.open(f"clickhouse://{','.join(addresses)}/{database}"))


class Half:
    """A store of two shards, of which the second has not been started yet."""

    def __init__(self, server: cluster.Server, database: str) -> None:
        self.late = cluster.Server()
        self.asked = opened(database, server.address, self.late.address)

    def tell(self, number: int, *devices: str) -> int:
        """Add a batch of each device, with a journal's position behind them."""
        batches = [a_batch(number, a_command(number), device=device) for device in devices]
        owned = [batch._replace(tenant="acme", person="ada") for batch in batches]
        return self.asked.do(self.asked.store.add(owned, Progress(1, number)))

    def position(self) -> tuple[int, int]:
        """Return the position that stands."""
        return self.asked.do(self.asked.store.position())

    def close(self) -> None:
        """Close the store, then the server."""
        self.asked.close()
        self.late.close()


@pytest.fixture
def half(server: cluster.Server, database: str) -> Iterator[Half]:
    """Yield a store one of whose shards is away."""
    made = Half(server, database)
    yield made
    made.close()


def test_what_is_of_a_shard_that_is_there_can_be_asked(half: Half) -> None:
    half.tell(1, FIRST, SECOND)
    half.position()
    assert [row["host"] for row in half.asked.log()] == [FIRST]


def test_an_answer_without_a_shard_is_labelled(half: Half) -> None:
    half.tell(1, FIRST, SECOND)
    with partial.hearing() as heard:
        half.asked.do(half.asked.store.counts())
    assert partial.worst(heard) == partial.Partial(shards=2, answered=1)


def test_a_position_stands_when_all_before_it_has_arrived(half: Half) -> None:
    half.tell(1, FIRST)
    half.tell(2, SECOND)
    half.tell(3, FIRST)
    before = half.position()
    half.late.start()
    half.asked.do(half.asked.store.settle())
    assert (before, half.position()) == ((1, 1), (1, 3))


def test_a_batch_that_waits_is_not_taken_twice(half: Half) -> None:
    assert [half.tell(1, SECOND), half.tell(1, SECOND)] == [1, 0]


def test_a_position_outlives_whoever_told_it(
    half: Half, server: cluster.Server, database: str
) -> None:
    half.tell(1, FIRST)
    half.position()
    again = opened(database, server.address, half.late.address)
    assert again.do(again.store.position()) == (1, 1)
    again.close()


Work = Callable[[Store], Coroutine[Any, Any, Any]]
_WHOLE: dict[str, Work] = {
    "settle": lambda store: store.settle(),
    "forget": lambda store: store.forget(Scope()),
    "export": lambda store: store.export(Owner("acme", "ada")),
    "known": lambda store: store.known(["1"]),
}


@pytest.mark.parametrize("work", _WHOLE.values(), ids=list(_WHOLE))
def test_what_must_be_whole_says_that_a_shard_is_away(half: Half, work: Work) -> None:
    half.tell(1, FIRST, SECOND)
    with pytest.raises(StoreError, match="does not answer"):
        half.asked.do(work(half.asked.store))


def test_a_service_ends_well_though_a_shard_is_away(half: Half, tmp_path: Path) -> None:
    half.tell(1, FIRST, SECOND)

    async def filled() -> bool:
        leaving = asyncio.Event()
        leaving.set()
        filling = Filling(half.asked.store, tmp_path)
        filling._unsettled = True
        await filling.start()
        await filling.run(leaving)
        return filling._unsettled

    # It is left for the next one: what a shard has not told is settled cannot be taken as settled.
    assert half.asked.do(filled()) is True


def test_a_run_is_one_run_though_shards_became_more_in_the_middle(
    server: cluster.Server, database: str
) -> None:
    (other,) = cluster.servers(1)
    one = opened(database, server.address)
    one.add(a_batch(1, a_command(1, line="begun", wall_ns=None), device=SECOND))
    one.close()
    two = opened(database, server.address, other.address)
    two.add(a_batch(2, a_command(1, line="ended"), device=SECOND))
    assert two.lines() == ["ended"]
    two.close()
    other.close()


def test_a_column_that_is_new_is_added_to_tables_that_are_old(
    server: cluster.Server, database: str
) -> None:
    old = opened(database, server.address)
    old.tell(1, a_command(1))
    old.close()
    server.ask("ALTER TABLE commands DROP COLUMN branch", database)
    new = opened(database, server.address)
    new.tell(2, a_command(2))
    assert [row["branch"] for row in new.log()] == ["main", None]
    new.close()


def test_tables_of_a_newer_program_are_refused(server: cluster.Server, database: str) -> None:
    old = opened(database, server.address)
    old.tell(1, a_command(1))
    old.close()
    server.ask(f"INSERT INTO about VALUES ('x', {SCHEMA + 1}, 9)", database)  # noqa: S608 - ours
    new = opened(database, server.address)
    with pytest.raises(StoreError, match="newer ptywrap"):
        new.log()
    new.close()


def test_a_batch_is_in_the_month_of_its_rows_and_one_part_of_each(
    server: cluster.Server, database: str
) -> None:
    at = 1_764_547_200_000_000_000
    asked = opened(database, server.address)
    batch = a_batch(
        1,
        *(build.a_process(pid=pid, start_ticks=pid * 100) for pid in (1, 200)),
        wall_ns=at,
        boottime_ns=100_000_000_000,
    )
    asked.add(batch)
    parts = server.ask("SELECT database, table, partition, rows FROM system.parts WHERE active")
    mine = [line.split("\t")[2:] for line in parts.splitlines()
            if line.split("\t")[:2] == [database, "processes"]]  # fmt: skip
    assert sorted(mine) == [["202511", "1"], ["202512", "1"]]
    asked.close()


class Guarded:
    """A server that asks for a password."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(12)
        self.server = cluster.Server(self.password)

    def store(self, account: str) -> Asked:
        """Return the store of an account told in its URL."""
        return Asked(store.open(f"clickhouse://{account}{self.server.address}/guarded"))


@pytest.fixture(scope="module")
def guarded(server: cluster.Server) -> Iterator[Guarded]:
    """Yield a running server that asks for a password."""
    made = Guarded()
    made.server.start()
    yield made
    made.server.close()


def test_a_password_may_stand_in_the_url(guarded: Guarded) -> None:
    asked = guarded.store(f"default:{guarded.password}@")
    assert asked.tell(1, a_command(1)) == 1
    asked.close()


def test_a_password_may_stand_in_the_environment(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTYWRAP_CLICKHOUSE_PASSWORD", guarded.password)
    asked = guarded.store("")
    assert len(asked.do(asked.store.log(LogQuestion(limit=1))).commands) <= 1
    asked.close()


def test_a_wrong_password_is_told_and_never_shown(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = f"wrong{guarded.password}"
    asked = guarded.store(f"default:{wrong}@")
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as refused:
        asked.tell(1, a_command(1))
    said = f"{refused.value} {refused.value.hint} {caplog.text}"
    assert ("password" in refused.value.hint, wrong in said) == (True, False)
    asked.close()


def test_a_run_has_the_processes_of_its_own_shard(server: cluster.Server, database: str) -> None:
    asked = opened(database, server.address)
    asked.tell(1, a_command(1), build.a_process(command=a_command(1).id))
    assert [type(fact) for fact in asked.show("last").facts] == [wire.Command, wire.Process]
    asked.close()
