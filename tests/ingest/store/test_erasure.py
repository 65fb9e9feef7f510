"""What a person wants erased from a service leaves no byte in its store, and no share in a sum."""

from pathlib import Path

from ingest import store
from ingest.store.base import SERVICE, Scope
from ingest.store.duckdb import open_store
from ingest.store.questions import ROLLUPS, ROWS, Owner, Window
from ptywrap import wire
from tests import build
from tests.conformance.store_owners import ADA, BOB, tell
from tests.conformance.store_pages import MONDAY
from tests.ingest.batches import DAY_NS, HOUR_NS, Asked, a_command

CANARY = "correct-horse-battery-staple"


def _told(name: str, mark: int) -> list[wire.Fact]:
    """Return facts of every kind that say a name in every text they have."""
    at = build.AT + mark * DAY_NS
    command = a_command(
        mark,
        started_at=at,
        shape=name,
        template=name,
        category=name,
        repo=name,
        branch=name,
        daemons=[wire.Daemon(name=name)],
        other_reasons={name: 1},
        context=wire.Context(other_busy=[name]),
    )
    return [
        command,
        build.a_session(id=bytes([mark]) * 16, shell=name, started_at=at),
        build.a_process(pid=mark + 1, command=command.id, name=name, started_at=at),
        build.a_flow(id=mark, command=command.id, opened_at=at, remote_host=name, connect_ns=5),
        wire.Sample(session=build.SESSION, command=command.id, at=at, label=name),
        wire.Project(repo=name, alias=f"{name} {mark}"),
        build.a_loss(since=at, reason=name),
        build.a_host(at=at, cpu_model=name, caches=[wire.Cache(name=name)]),
    ]


def _tell(asked: Asked, *owners: Owner) -> None:
    """Have persons tell three weeks in two batches each; the first is rolled up before."""
    for batch, marks in enumerate((range(1, 9), range(9, 18))):
        for owner in owners:
            name = CANARY if owner == ADA else "bob"
            told = [fact for mark in marks for fact in _told(name, mark)]
            tell(asked, owner, batch, *told, a_command(100 + batch, template=CANARY[:4]))
        asked.do(asked.store.fold((MONDAY + 15) * DAY_NS))
        asked.do(asked.store.settle())


def _holding(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if CANARY.encode() in path.read_bytes()]


def test_no_byte_of_an_erased_person_is_left_in_any_file(tmp_path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{tmp_path}/fleet.duckdb"))
    _tell(asked, ADA, BOB)
    before = _holding(tmp_path)
    asked.do(asked.store.forget(Scope(owner=ADA)))
    asked.close()
    assert (before, _holding(tmp_path)) == (["fleet.duckdb"], [])


def test_a_large_file_is_written_anew_in_the_night_after_an_erasure(tmp_path: Path) -> None:
    opened = open_store(str(tmp_path / "fleet.duckdb"))
    asked = Asked(opened)
    _tell(asked, ADA, BOB)
    opened.rewritten_at_once_bytes = 0
    asked.do(asked.store.forget(Scope(owner=ADA)))
    rows = asked.do(asked.store.mine(ADA)).commands
    left = []
    for hour in (2, 3):
        asked.do(asked.store.fold((MONDAY + 30) * DAY_NS + hour * HOUR_NS))
        asked.do(asked.store.settle())
        left.append(_holding(tmp_path))
    asked.close()
    assert (rows, left) == ([], [["fleet.duckdb"], []])


def test_sums_are_those_of_a_store_the_person_was_never_in(tmp_path: Path) -> None:
    asked, without = Asked(store.open(f"duckdb://{tmp_path}/f")), Asked(store.open("memory:"))
    _tell(asked, ADA, BOB)
    _tell(without, BOB)
    asked.do(asked.store.forget(Scope(owner=ADA)))
    window = Window(MONDAY, MONDAY + 27, "acme", source=ROLLUPS)
    answers = []
    for one in (asked, without):
        templates = one.do(one.store.templates(window)).rows
        sums = [row._replace(p50_ns=None, p95_ns=None) for row in templates]
        answers.append([sums, one.do(one.store.medians(window))])
        one.close()
    assert answers[0] == answers[1]


def test_a_service_keeps_rows_for_days_and_sums_for_months(tmp_path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{tmp_path}/fleet.duckdb"))
    ages = (-1, 0, 6, 8, 50, 99, 101, 395, 397)
    for mark, age in enumerate(ages):
        at = build.AT - age * DAY_NS
        command = a_command(mark, started_at=at)
        flow = build.a_flow(id=mark, command=command.id, opened_at=at, remote_host=f"{age} days")
        tell(asked, ADA, mark, command, flow)
    asked.do(asked.store.retire(SERVICE._replace(today=MONDAY)))
    counts = asked.do(asked.store.counts())
    window = Window(MONDAY - 500, MONDAY + 1, "acme")
    sums = asked.do(asked.store.templates(window))
    hosts = asked.do(asked.store.remotes(window)).rows
    asked.close()
    assert (counts.commands, counts.flows, sums.source, sums.rows[0].sums.runs, len(hosts)) == (
        6,
        3,
        ROLLUPS,
        8,
        6,
    )


def test_what_has_all_its_rows_is_answered_from_them(tmp_path: Path) -> None:
    asked = Asked(store.open(f"duckdb://{tmp_path}/fleet.duckdb"))
    for mark, age in enumerate((0, 1, 200)):
        tell(asked, ADA, mark, a_command(mark, started_at=build.AT - age * DAY_NS))
    asked.do(asked.store.retire(SERVICE._replace(today=MONDAY)))
    windows = [Window(MONDAY - days, MONDAY, "acme") for days in (10, 300)]
    sources = [asked.do(asked.store.templates(window)).source for window in windows]
    asked.close()
    assert sources == [ROWS, ROLLUPS]
