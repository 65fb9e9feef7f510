"""Rollups against rows: whatever comes in whatever order, they say what the rows say."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import store
from ingest.store.duckdb_file import open_file
from ingest.store.questions import ROLLUPS, ROWS, Owner, Sums, Template, Window
from tests import build
from tests.conformance.store_owners import ADA, tell
from tests.conformance.store_pages import MONDAY, near
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command
from tests.ingest.store.rollup_steps import KEEPING, RETIRING, ROLLED, are_exact, are_rebuilt

_SECOND = 10**9


@settings(max_examples=8, deadline=None)
@given(steps=KEEPING)
def test_rollups_are_what_a_rebuild_from_the_rows_makes(steps: list[Any]) -> None:
    are_rebuilt(steps)


@settings(max_examples=8, deadline=None)
@given(steps=RETIRING)
def test_answers_from_rollups_are_those_of_an_exact_store(steps: list[Any]) -> None:
    are_exact(steps)


def test_a_quantile_of_a_histogram_is_within_four_percent(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    examples = count()

    @settings(max_examples=20, deadline=None)
    @given(lengths=st.lists(st.integers(1, 10**15), min_size=30, max_size=60))
    def within(lengths: list[int]) -> None:
        owner = Owner(f"tenant {next(examples)}", "ada")
        told = (
            a_command(mark, wall_ns=length, started_at=build.AT + mark)
            for mark, length in enumerate(lengths)
        )
        asked.add(a_batch(1, *told, tenant=owner.tenant))
        exact, bucketed = (_only(asked, owner, source) for source in (ROWS, ROLLUPS))
        assert near(bucketed.p50_ns, exact.p50_ns or 0)
        assert near(bucketed.p95_ns, exact.p95_ns or 0)

    within()
    asked.close()


def _only(asked: Asked, owner: Owner, source: str) -> Template:
    window = Window(MONDAY, MONDAY, owner.tenant, source=source)
    return asked.do(asked.store.templates(window)).rows[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    return tmp_path / "fleet.duckdb"


def test_a_laptop_keeps_no_rollups(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    asked.tell(1, a_command(1), build.a_flow())
    asked.do(asked.store.fold((MONDAY + 60) * DAY_NS))
    asked.close()
    with open_file(path, 128 << 20).connection as connection:
        tables = (*ROLLED, "person_week", "hist_4w", "dirty_days")
        held = [connection.table(table).fetchall() for table in tables]
    assert held == [[]] * 7


def test_numbers_no_machine_has_are_answered_all_the_same(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    most = (1 << 63) - 1
    for mark in range(4):
        told = {"wall_ns": most, "suspended_ns": -most, "wait_ns": most, "received_bytes": -most}
        tell(asked, ADA, mark, a_command(mark, **told), build.a_flow(connect_ns=most, id=mark))
    asked.do(asked.store.fold((MONDAY + 60) * DAY_NS))
    windows = [Window(MONDAY, MONDAY, "acme", source=source) for source in (ROWS, ROLLUPS)]
    sums = [asked.do(asked.store.templates(window)).rows[0].sums for window in windows]
    hosts = [asked.do(asked.store.remotes(window)).rows[0].flows for window in windows]
    asked.close()
    assert (sums[0], sums[1].runs, hosts) == (
        Sums(4, 4, most, most, 4_800_000_000, other_ns=3_200_000_000, received_bytes=-most),
        4,
        [4, 4],
    )


def test_what_four_whole_weeks_say_is_merged_beforehand(path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{path}"))
    told = (
        a_command(mark, started_at=build.AT + mark % 28 * DAY_NS, wall_ns=(mark + 1) * _SECOND)
        for mark in range(40)
    )
    tell(asked, ADA, 1, *told)
    weeks = Window(MONDAY, MONDAY + 27, "acme", source=ROLLUPS)
    before = asked.do(asked.store.templates(weeks))
    asked.do(asked.store.fold((MONDAY + 28) * DAY_NS))
    after = asked.do(asked.store.templates(weeks))
    asked.close()
    with open_file(path, 128 << 20).connection as connection:
        merged = connection.execute("SELECT sum(n), min(first_day)::VARCHAR FROM hist_4w")
        held = merged.fetchall()
    assert (after, held) == (before, [(40, "2025-11-24")])
