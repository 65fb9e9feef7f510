"""Holds every engine of `ingest.store` to what a store promises, and shows that a stub fails."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import store
from ingest.store.base import (
    Batch,
    Counts,
    Forgotten,
    Keep,
    Log,
    LogQuestion,
    Progress,
    Row,
    Run,
    Scope,
    StoreError,
    Totals,
)
from ingest.store.questions import (
    ROWS,
    Median,
    Owner,
    Periods,
    Program,
    Remotes,
    Templates,
    Window,
)
from ptywrap import wire
from tests import build
from tests.conformance import (
    store_adding,
    store_erasure,
    store_log,
    store_owners,
    store_pages,
    store_rollups,
    store_runs,
)
from tests.ingest import cluster
from tests.ingest.batches import Asked, a_command

Check = Callable[[Asked], None]
URLS = {
    "memory": "memory:",
    "duckdb": "duckdb://{folder}/history.duckdb",
    "clickhouse": "clickhouse://{servers}/conformance",
}
EVERY: list[Check] = [
    *store_adding.CHECKS,
    *store_log.CHECKS,
    *store_runs.CHECKS,
    *store_erasure.CHECKS,
    *store_owners.CHECKS,
    *store_pages.CHECKS,
    *store_rollups.CHECKS,
]


_CLUSTER = {"clickhouse": [pytest.mark.cluster]}


@pytest.fixture(
    params=[pytest.param(scheme, marks=_CLUSTER.get(scheme, ())) for scheme, _, _ in store.ENGINES]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    """Yield each entry of the registry, opened and empty."""
    places = {"folder": str(tmp_path), "servers": ""}
    if "{servers}" in URLS[request.param]:
        shards = request.getfixturevalue("shards")
        cluster.empty(shards, "conformance")
        places["servers"] = ",".join(server.address for server in shards)
    asked = Asked(store.open(URLS[request.param].format(**places)))
    yield asked
    asked.close()


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_every_engine_keeps_what_a_store_promises(engine: Asked, check: Check) -> None:
    check(engine)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=9)
_NS = st.none() | st.integers(0, (1 << 53) - 1)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=st.lists(
        st.builds(
            wire.Process,
            session=st.just(build.SESSION),
            pid=st.integers(1, 4),
            start_ticks=st.integers(0, 2),
            command=st.just(a_command(1).id),
            name=st.none() | _TEXT,
            argv=st.none() | st.lists(_TEXT, max_size=3),
            argv_cut=st.booleans(),
            wall_ns=_NS.map(lambda ns: ns and ns * 1000),
            exit_status=st.none() | st.integers(0, 255),
        ),
        max_size=12,
    )
)
def test_processes_come_back_as_they_were_last_told(
    engine: Asked, told: Sequence[wire.Process]
) -> None:
    engine.do(engine.store.forget(Scope()))
    engine.tell(1, a_command(1))
    for number, process in enumerate(told):
        engine.tell(number + 2, process)
    last = {(process.start_ticks, process.pid): process for process in told}
    tree = engine.do(engine.store.tree(build.SESSION, a_command(1).id))
    assert tree == [last[key] for key in sorted(last)]


class Nothing:
    """An engine that takes everything and knows nothing."""

    repaired: tuple[str, ...] = ()

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Take them."""
        return 0

    async def position(self) -> tuple[int, int]:
        """Have made none."""
        return 0, 0

    async def known(self, batches: Sequence[str]) -> frozenset[str]:
        """Know none."""
        return frozenset()

    async def log(self, question: LogQuestion) -> Log:
        """Know none."""
        return Log([], 4)

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Know none."""
        return Log([], 4)

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Know none."""
        return {}

    async def show(self, command: str, owner: Owner | None = None) -> Run:
        """Know none."""
        return Run(0)

    async def tree(
        self, session: bytes, command: int, owner: Owner | None = None
    ) -> list[wire.Process]:
        """Know none."""
        return []

    async def templates(self, window: Window) -> Templates:
        """Know none."""
        return Templates([], ROWS)

    async def daily(self, window: Window, template: str | None) -> Periods:
        """Know none."""
        return Periods([], ROWS)

    async def weekly(self, window: Window) -> Periods:
        """Know none."""
        return Periods([], ROWS)

    async def programs(self, window: Window) -> list[Program]:
        """Know none."""
        return []

    async def remotes(self, window: Window) -> Remotes:
        """Know none."""
        return Remotes([], ROWS)

    async def medians(self, window: Window) -> list[Median]:
        """Know none."""
        return []

    async def fold(self, now_at: int) -> None:
        """Fold none."""

    async def totals(self) -> Totals:
        """Count none."""
        return Totals(0, 0, 0, 0, 0)

    async def unique(self, commands: Sequence[int]) -> int:
        """Say four."""
        return 4

    async def usual(self, templates: Sequence[str], since_at: int) -> dict[str, int]:
        """Know none."""
        return {}

    async def counts(self) -> Counts:
        """Count none."""
        return Counts(0, 0, 0, 0, 0, 0, None, None, 0)

    async def forget(self, scope: Scope) -> Forgotten:
        """Forget none."""
        return Forgotten(frozenset())

    async def retire(self, keep: Keep) -> int:
        """Retire none."""
        return 0

    async def settle(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_an_engine_that_returns_nothing_fails(check: Check) -> None:
    asked = Asked(Nothing())
    with pytest.raises((AssertionError, LookupError, pytest.fail.Exception)):
        check(asked)
    asked.close()


def test_an_engine_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match="`mongodb`"):
        store.open("mongodb://example.org/history")
