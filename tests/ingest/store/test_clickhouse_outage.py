"""Holds the distributed engine to losing nothing while a shard is away or dies (rows 17 and 18)."""

import asyncio
from collections.abc import Iterator

import pytest

from scripts.proofs import outage
from tests.ingest import cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def pair() -> Iterator[list[cluster.Server]]:
    """Yield two servers that a test may kill."""
    made = cluster.servers(2)
    yield made
    for server in made:
        server.close()


@pytest.fixture(scope="module")
def seen(pair: list[cluster.Server]) -> outage.Outage:
    """Return how it went when one of two shards was away for eight seconds under load."""
    return asyncio.run(outage.outage(pair, away_s=8.0, rate=8.0))


def test_nothing_is_lost_or_there_twice_when_a_shard_was_away(
    pair: list[cluster.Server], seen: outage.Outage
) -> None:
    assert outage.found(pair) == outage.expected(seen.added)


def test_whoever_adds_does_not_wait_for_a_shard_that_is_away(seen: outage.Outage) -> None:
    assert seen.slowest_s < 8.0


def test_what_waited_arrives_within_ten_seconds(seen: outage.Outage) -> None:
    assert seen.drained_s <= outage.DRAIN_S


def test_every_answer_is_labelled_while_a_shard_is_away(seen: outage.Outage) -> None:
    assert (seen.partial > 0, seen.whole) == (True, 0)


def test_nothing_is_lost_when_a_shard_dies_between_an_insert_and_its_answer() -> None:
    made = cluster.servers(2)
    try:
        told = asyncio.run(outage.kills(made, rounds=4))
        assert outage.found(made) == outage.expected(told)
    finally:
        for server in made:
            server.close()
