"""Rollups against rows: whatever comes in whatever order, they say what the rows say."""

import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import store
from ingest.store import duckdb_roll
from ingest.store.base import Keep, Scope
from ingest.store.duckdb_file import open_file, statement
from ingest.store.questions import ROLLUPS, ROWS, Owner, Sums, Template, Window
from tests import build
from tests.conformance.store_owners import ADA, BOB, TWIN, tell
from tests.conformance.store_pages import MONDAY, near
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command

_SECOND = 10**9
# The day a command began is the same in each telling.
_DAYS = (0, 1, 6, 7, 13, 20)
_HOSTS = st.sampled_from(["a.example", "b.example", None])
_LENGTHS = st.none() | st.integers(1, 10**13)
_ROLLED = ("roll_day", "hist_day", "flow_day", "flow_hist")


def _at(mark: int) -> int:
    return build.AT + _DAYS[mark] * DAY_NS + mark


_COMMANDS = st.builds(
    lambda mark, **told: a_command(mark, started_at=_at(mark), **told),
    mark=st.integers(0, 5),
    template=st.sampled_from(["ls", "make", None]),
    repo=st.sampled_from(["engine", "other", None]),
    exit_status=st.sampled_from([0, 1, None]),
    wall_ns=_LENGTHS,
    suspended_ns=_LENGTHS,
    wait_ns=_LENGTHS,
    received_bytes=_LENGTHS,
)
_FLOWS = st.builds(
    lambda mark, **told: build.a_flow(command=a_command(mark).id, opened_at=_at(mark), **told),
    mark=st.integers(0, 5),
    id=st.integers(1, 3),
    remote_host=_HOSTS,
    received_bytes=_LENGTHS,
    connect_ns=_LENGTHS,
    closed_at=_LENGTHS,
)
_STEPS = st.one_of(
    st.tuples(
        st.just("tell"),
        st.sampled_from([ADA, BOB, TWIN]),
        st.integers(1, 9),
        st.lists(_COMMANDS | _FLOWS, min_size=1, max_size=8),
    ),
    st.tuples(st.just("fold"), st.integers(0, 30)),
    st.tuples(
        st.just("forget"),
        st.builds(
            Scope,
            since_at=st.sampled_from([None, _at(3)]),
            repo=st.sampled_from([None, "engine"]),
            owner=st.sampled_from([ADA, TWIN]),
        ),
    ),
)


def _follow(asked: Asked, steps: list[Any]) -> None:
    for place, (what, *words) in enumerate(steps):
        match what:
            case "tell":
                owner, number, facts = words
                batch = number * 100 + place
                tell(asked, owner, batch, *facts)
            case "fold":
                asked.do(asked.store.fold((MONDAY + words[0]) * DAY_NS + place * 4000 * _SECOND))
            case "forget":
                asked.do(asked.store.forget(words[0]))
            case _:
                asked.do(asked.store.retire(Keep(MONDAY + words[0], 8, 3)))


def _rows(connection: DuckDBPyConnection, table: str) -> set[tuple[Any, ...]]:
    columns = connection.execute(f'DESCRIBE "{table}"').fetchall()
    added = [name for name, kind, *_ in columns if kind == "BIGINT"]
    keys = [name for name, kind, *_ in columns if kind != "BIGINT"]
    sums = ", ".join(f"sum({name})" for name in added)
    having = f"HAVING sum({added[0]}) <> 0"
    text = f"SELECT {', '.join(keys)}, {sums} FROM {table} GROUP BY ALL {having}"  # noqa: S608
    return set(connection.execute(text).fetchall())


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(_STEPS, max_size=9))
def test_rollups_are_what_a_rebuild_from_the_rows_makes(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.duckdb"
        asked = Asked(store.open(f"duckdb://{path}"))
        _follow(asked, steps)
        asked.close()
        with open_file(path, 128 << 20).connection as connection:
            kept = {table: _rows(connection, table) for table in _ROLLED}
            for table in _ROLLED:
                connection.execute(statement("empty", table=table))
            for table in ("commands", "flows"):
                duckdb_roll.roll(connection, table, f"(FROM {table})", 1)
            assert kept == {table: _rows(connection, table) for table in _ROLLED}


@settings(max_examples=12, deadline=None)
@given(
    steps=st.lists(
        _STEPS | st.tuples(st.just("retire"), st.integers(8, 40)), min_size=1, max_size=9
    )
)
def test_answers_from_rollups_are_those_of_an_exact_store(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rolled = Asked(store.open(f"duckdb://{folder}/fleet.duckdb"))
        exact = Asked(store.open("memory:"))
        for asked in (rolled, exact):
            _follow(asked, [*steps, ("fold", 60)])
        # Weeks that lost rows are not written again, whatever is told or forgotten of them later.
        answered = slice(4 if any(step[0] == "retire" for step in steps) else 5)
        for window in _windows():
            assert _answers(rolled, window)[answered] == _answers(exact, window)[answered]
        for asked in (rolled, exact):
            asked.close()


def _windows() -> list[Window]:
    whole = Window(MONDAY, MONDAY + 27, "acme", source=ROLLUPS)
    return [
        whole,
        whole._replace(person="ada"),
        whole._replace(repo="engine", last_day=MONDAY + 6),
        whole._replace(tenant="globex", first_day=MONDAY + 1),
    ]


def _answers(asked: Asked, window: Window) -> list[Any]:
    """Return all that must be equal; quantiles are not, which the next test is about."""
    templates = asked.do(asked.store.templates(window)).rows
    days = asked.do(asked.store.daily(window, "make")).rows
    hosts = asked.do(asked.store.remotes(window)).rows
    return [
        [one._replace(p50_ns=None, p95_ns=None) for one in templates],
        [one._replace(p50_ns=None, p95_ns=None) for one in days],
        [one._replace(connect_p50_ns=None, first_byte_p50_ns=None) for one in hosts],
        asked.do(asked.store.weekly(window)).rows,
        asked.do(asked.store.medians(window)),
    ]


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
        tables = (*_ROLLED, "person_week", "hist_4w", "dirty_days")
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
