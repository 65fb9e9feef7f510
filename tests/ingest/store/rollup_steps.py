"""Steps that a service's store may be led through, and two checks of its rollups after them."""

import tempfile
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection
from hypothesis import strategies as st

from ingest import store
from ingest.store import duckdb_roll
from ingest.store.base import Keep, Scope
from ingest.store.duckdb_file import open_file, statement
from ingest.store.questions import ROLLUPS, Window
from tests import build
from tests.conformance.store_owners import ADA, BOB, TWIN, tell
from tests.conformance.store_pages import MONDAY
from tests.ingest.batches import DAY_NS, Asked, a_command

_SECOND = 10**9
# The day a command began is the same in each telling.
_DAYS = (0, 1, 6, 7, 13, 20)
_HOSTS = st.sampled_from(["a.example", "b.example", None])
_LENGTHS = st.none() | st.integers(1, 10**13)
ROLLED = ("roll_day", "hist_day", "flow_day", "flow_hist")


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


KEEPING = st.lists(_STEPS, max_size=9)
RETIRING = st.lists(
    _STEPS | st.tuples(st.just("retire"), st.integers(8, 40)), min_size=1, max_size=9
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


def are_rebuilt(steps: list[Any]) -> None:
    """Check that rollups are what a rebuild from the rows makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.duckdb"
        asked = Asked(store.open(f"duckdb://{path}"))
        _follow(asked, steps)
        asked.close()
        with open_file(path, 128 << 20).connection as connection:
            kept = {table: _rows(connection, table) for table in ROLLED}
            for table in ROLLED:
                connection.execute(statement("empty", table=table))
            for table in ("commands", "flows"):
                duckdb_roll.roll(connection, table, f"(FROM {table})", 1)
            assert kept == {table: _rows(connection, table) for table in ROLLED}


def are_exact(steps: list[Any]) -> None:
    """Check that answers from rollups are those of a store that keeps everything."""
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
