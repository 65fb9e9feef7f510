"""Which keys may be told already: none is missed, whatever the day, the order or the room."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import store
from ingest.store.base import Batch, Totals
from ingest.store.duckdb_keys import Hashes, last_of
from ptywrap import wire
from tests import build
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command

WORDS = st.lists(st.integers(0, 40), max_size=60)


@given(st.lists(WORDS, max_size=6), WORDS)
def test_what_was_added_is_among_them_and_nothing_else(
    told: list[list[int]], asked: list[int]
) -> None:
    hashes = Hashes()
    for some in told:
        hashes.add(numpy.array(some, numpy.uint64))
    known = {one for some in told for one in some}
    found = hashes.among(numpy.array(asked, numpy.uint64)).tolist()
    assert found == [one in known for one in asked]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 1)), max_size=30))
def test_the_last_telling_of_each_key_stays(rows: list[tuple[int, int, int]]) -> None:
    """A row is a key, the number of its batch, and what else makes up its hash."""
    hashes = numpy.array([key for key, _, _ in rows], numpy.uint64)
    numbers = numpy.array([number for _, number, _ in rows], numpy.int64)
    kept = last_of(hashes, numbers, [hashes])
    last: dict[int, tuple[int, int]] = {}
    for place, (key, number, _) in enumerate(rows):
        last[key] = max(last.get(key, (-1, -1)), (number, place))
    assert numpy.flatnonzero(kept).tolist() == sorted(place for _, place in last.values())


def test_two_keys_with_one_hash_both_stay() -> None:
    hashes, numbers = numpy.zeros(2, numpy.uint64), numpy.zeros(2, numpy.int64)
    assert last_of(hashes, numbers, [numpy.array([1, 2])]).all()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Asked]:
    """Yield a store of a service."""
    asked = Asked(store.open(f"duckdb://{tmp_path}/fleet.duckdb"))
    yield asked
    asked.close()


def _told(number: int, *facts: wire.Fact, **changes: Any) -> Batch:
    return a_batch(number, *facts, tenant="t", person="p", **changes)


def _commands(asked: Asked) -> int:
    return asked.do(asked.store.counts()).commands


def test_a_fact_told_again_after_a_restart_is_one_fact(fleet: Asked, tmp_path: Path) -> None:
    fleet.add(_told(1, a_command(1, wall_ns=None), build.a_process()))
    fleet.do(fleet.store.close())
    fleet.store = store.open(f"duckdb://{tmp_path}/fleet.duckdb")
    fleet.add(_told(2, a_command(1), build.a_process(exit_status=7)))
    counts = fleet.do(fleet.store.counts())
    assert (counts.commands, counts.processes) == (1, 1)


def test_tellings_to_either_side_of_midnight_are_one_fact(fleet: Asked) -> None:
    midnight = (build.AT // DAY_NS + 1) * DAY_NS
    fleet.add(_told(1, a_command(1, started_at=midnight - 1, wall_ns=None)))
    fleet.add(_told(2, a_command(1, started_at=midnight + 1)))
    assert _commands(fleet) == 1


def test_what_was_refused_was_not_told(fleet: Asked) -> None:
    bad = _told(1, a_command(1))._replace(tables={
        **_told(1, a_command(1)).tables,
        "flows": _told(1, build.a_flow()).tables["flows"]._replace(
            columns={"session": [build.SESSION], "id": ["no"], "command": [1]}
        ),
    })  # fmt: skip
    with pytest.raises(Exception, match="invalid literal"):
        fleet.add(bad)
    fleet.add(_told(2, a_command(1)))
    fleet.add(_told(3, a_command(1, exit_status=9)))
    assert (_commands(fleet), fleet.do(fleet.store.totals())) == (1, Totals(1, 0, 2, 0, 0))


def test_what_was_forgotten_can_be_told_anew(fleet: Asked) -> None:
    fleet.add(_told(1, a_command(1)))
    fleet.do(fleet.store.forget(store.base.Scope()))
    fleet.add(_told(2, a_command(1)))
    assert _commands(fleet) == 1


def test_a_session_told_after_its_commands_names_their_shell(fleet: Asked) -> None:
    fleet.add(_told(1, a_command(1)))
    fleet.add(_told(2, build.a_session()))
    assert fleet.log()[0]["shell"] == "bash"


def test_questions_are_answered_while_a_batch_goes_in(fleet: Asked) -> None:
    async def both() -> tuple[int, int]:
        added, counts = await asyncio.gather(
            fleet.store.add([_told(1, a_command(1))]), fleet.store.counts()
        )
        return added, counts.commands

    added, before = fleet.do(both())
    assert (added, before in (0, 1)) == (1, True)
