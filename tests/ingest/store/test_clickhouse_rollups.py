"""Holds the rollups of ClickHouse to the rows they are made of."""

from collections.abc import Iterator

import pytest

from ingest import store
from ingest.store.base import Keep
from ingest.store.questions import ROLLUPS, Window
from tests import build
from tests.conformance.store_owners import ADA, BOB, tell
from tests.ingest import cluster
from tests.ingest.batches import DAY_NS, Asked, a_command

pytestmark = pytest.mark.cluster

_TODAY = build.AT // DAY_NS + 3


@pytest.fixture
def asked(server: cluster.Server) -> Iterator[Asked]:
    """Yield an empty store of one shard."""
    cluster.empty([server], "rollups")
    made = Asked(store.open(f"clickhouse://{server.address}/rollups"))
    yield made
    made.close()


def _fold(asked: Asked) -> None:
    asked.do(asked.store.fold(_TODAY * DAY_NS))


def _sums(server: cluster.Server) -> list[str]:
    text = (
        "SELECT remote_host, template, flows, connects, connect_ns, first_bytes, first_byte_ns "
        "FROM flow_day FINAL ORDER BY remote_host"
    )
    return server.ask(text, "rollups").splitlines()


def test_flows_of_a_day_are_told_by_host_and_by_the_template_of_their_command(
    asked: Asked, server: cluster.Server
) -> None:
    flows = {"command": a_command(1).id, "connect_ns": 5, "first_byte_at": build.AT + 7}
    tell(
        asked,
        ADA,
        1,
        a_command(1, template="make"),
        build.a_flow(id=1, remote_host="a", **flows),
        build.a_flow(id=2, remote_host="a", command=flows["command"]),
        build.a_flow(id=3, remote_host="b", command=0),
    )
    _fold(asked)
    assert _sums(server) == ["a\tmake\t2\t1\t5\t1\t7", "b\t\t1\t0\t0\t0\t0"]


def test_a_template_told_later_is_that_of_its_flows(asked: Asked, server: cluster.Server) -> None:
    tell(asked, ADA, 1, a_command(1, template=None), build.a_flow(command=a_command(1).id))
    _fold(asked)
    tell(asked, ADA, 2, a_command(1, template="make"))
    _fold(asked)
    standing = "SELECT max(version) FROM rolled_days WHERE kind = 'flows'"
    text = f"SELECT template FROM flow_day FINAL WHERE version = ({standing})"  # noqa: S608 - ours
    assert server.ask(text, "rollups") == "make"


def test_what_was_taken_in_stays_counted_when_it_is_deleted(asked: Asked) -> None:
    for number, owner in ((1, ADA), (2, BOB)):
        tell(asked, owner, number, a_command(number), build.a_process(pid=number))
    before = asked.do(asked.store.totals())
    late = build.AT + 200 * DAY_NS
    for number in (3, 4):
        command = a_command(number, started_at=late + number * DAY_NS)
        tell(asked, ADA, number, command)
    keep = Keep(_TODAY + 204, commands_days=100, details_days=7, batches_days=60)
    asked.do(asked.store.retire(keep))
    after = asked.do(asked.store.totals())
    assert (before.commands_stored, after.commands_stored, after.processes_stored) == (2, 4, 2)


def test_a_command_told_at_its_start_and_its_end_counts_once(asked: Asked) -> None:
    tell(asked, ADA, 1, a_command(1, wall_ns=None))
    tell(asked, ADA, 2, a_command(1, wall_ns=5))
    assert asked.do(asked.store.totals()).commands_stored == 1


def test_a_day_that_is_rolled_again_forgets_what_it_had(
    asked: Asked, server: cluster.Server
) -> None:
    tell(asked, ADA, 1, a_command(1, template="begun"))
    _fold(asked)
    tell(asked, ADA, 2, a_command(1, template="ended"))
    _fold(asked)
    window = Window(0, _TODAY, "acme", source=ROLLUPS)
    found = asked.do(asked.store.templates(window)).rows
    assert [one.template for one in found] == ["ended"]


def test_a_fold_that_has_nothing_to_do_writes_nothing(asked: Asked, server: cluster.Server) -> None:
    tell(asked, ADA, 1, a_command(1))
    _fold(asked)
    count = "SELECT count() FROM begun_days"
    before = server.ask(count, "rollups")
    _fold(asked)
    assert (before != "0", server.ask(count, "rollups")) == (True, before)
