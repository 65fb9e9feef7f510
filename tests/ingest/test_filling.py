"""The journal goes into the store: each batch once, erasures in their place, files when settled."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ingest import groups, journal, store
from ingest.filling import Filling
from ingest.journal import START
from ingest.store.arrays import Values
from ingest.store.base import LogQuestion, Progress, Row, Store, Totals
from ingest.store.tables import tables
from tests import build
from tests.ingest import packed
from tests.ingest.batches import DAY_NS, Asked, a_command

AT_ONCE = groups.Size(seconds=0.0)
Answer = TypeVar("Answer")
URLS = ("memory:", "duckdb://{folder}/fleet.duckdb")


class Filled:
    """A store and the journal that it is filled from, until nothing is left in that."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.asked = Asked(store.open(url.format(folder=folder)))

    @property
    def store(self) -> Store:
        """The store."""
        return self.asked.store

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run one piece of work to its end."""
        return self.asked.do(work)

    def fill(self, *told: Any, file_bytes: int = journal.FILE_BYTES) -> None:
        """Journal entries, then fill the store with all there is and settle."""
        packed.write(self.folder / "journal", told, file_bytes)

        async def filled() -> None:
            leaving = asyncio.Event()
            leaving.set()
            filling = Filling(self.store, self.folder / "journal", AT_ONCE)
            await filling.start()
            await filling.run(leaving)

        self.do(filled())

    def totals(self) -> Totals:
        """Return what was taken in."""
        return self.do(self.store.totals())

    def log(self) -> list[Row]:
        """Return all commands, newest first."""
        return self.do(self.store.log(LogQuestion())).commands

    def starts(self) -> list[int]:
        """Return when the commands began, newest first."""
        return [row["started_at"] for row in self.log()]


@pytest.fixture(params=URLS, ids=["memory", "duckdb"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Yield a store over each engine."""
    made = Filled(tmp_path, request.param)
    yield made
    made.asked.close()


def test_what_is_journalled_is_in_the_store(filled: Filled) -> None:
    filled.fill(
        packed.an_entry(1, a_command(1), build.a_process()), packed.an_entry(2, a_command(2))
    )
    assert filled.totals() == Totals(2, 1, 2, 0, 0)


def test_what_is_in_the_store_is_not_read_again(filled: Filled) -> None:
    filled.fill(packed.an_entry(1, a_command(1)))
    filled.fill(packed.an_entry(2, a_command(2)))
    assert filled.totals() == Totals(2, 0, 2, 0, 0)


def test_a_batch_that_came_again_is_counted_and_not_stored(filled: Filled) -> None:
    entry = packed.an_entry(1, a_command(1))
    filled.fill(entry, packed.a_repetition(1), entry)
    filled.fill(entry)
    assert filled.totals() == Totals(1, 0, 1, 3, 0)


def test_a_command_told_twice_is_one_command(filled: Filled) -> None:
    filled.fill(packed.an_entry(1, a_command(1, wall_ns=None)))
    filled.fill(packed.an_entry(2, a_command(1)))
    assert (filled.totals().commands_stored, len(filled.log())) == (1, 1)


def test_refused_rows_are_counted(filled: Filled) -> None:
    far = a_command(2, started_at=build.AT - 800 * DAY_NS)
    filled.fill(packed.an_entry(1, a_command(1), far))
    assert filled.totals() == Totals(1, 0, 1, 0, 1)


def test_an_erasure_takes_what_came_before_it_alone(filled: Filled) -> None:
    filled.fill(
        packed.an_entry(1, a_command(1)),
        packed.an_erasure(),
        packed.an_entry(2, a_command(2)),
    )
    assert filled.starts() == [a_command(2).started_at]


def test_an_erasure_leaves_other_people_alone(filled: Filled) -> None:
    other = packed.an_entry(1, a_command(1), device="e" * 32, person="person-b")
    filled.fill(other, packed.an_entry(2, a_command(2)), packed.an_erasure())
    assert filled.starts() == [a_command(1).started_at]


def test_a_repos_erasure_takes_that_repo(filled: Filled) -> None:
    filled.fill(
        packed.an_entry(1, a_command(1, repo="r-one"), a_command(2, repo="r-two")),
        packed.an_erasure(repo="r-one"),
    )
    assert [row["repo"] for row in filled.log()] == ["r-two"]


def test_a_batch_that_cannot_be_read_any_more_is_a_loss(filled: Filled) -> None:
    entry = packed.an_entry(1, a_command(1))._replace(body=b"\xc1", encoding="")
    filled.fill(entry, packed.an_entry(2, a_command(2)))
    counts = filled.do(filled.store.counts())
    assert (counts.commands, counts.losses, counts.batches) == (1, 1, 2)


def test_files_of_the_journal_go_when_they_are_settled(filled: Filled) -> None:
    told = [packed.an_entry(number, a_command(number)) for number in range(1, 7)]
    filled.fill(*told, file_bytes=1)
    assert len(journal.files(filled.folder / "journal")) == 1


def test_a_position_outlives_the_files_before_it(filled: Filled) -> None:
    told = [packed.an_entry(number, a_command(number)) for number in range(1, 5)]
    filled.fill(*told, file_bytes=1)
    filled.fill(packed.an_entry(9, a_command(9)))
    assert filled.totals() == Totals(5, 0, 5, 0, 0)


def test_a_clock_put_right_by_a_later_batch_of_the_boot_corrects_the_earlier(
    filled: Filled,
) -> None:
    wrong = 1_000_000_000
    early = a_command(1, started_at=wrong + 7)
    begun = a_command(2, started_at=wrong + 9, wall_ns=None)
    sent = {"sent_at": packed.RECEIVED}
    filled.fill(
        packed.an_entry(1, early, begun, wall_ns=wrong, boottime_ns=6_000_000_000, **sent),
        packed.an_entry(2, a_command(2, started_at=build.AT + 9), **sent),
    )
    assert filled.starts() == [build.AT + 9, build.AT + 7]


@pytest.mark.parametrize("days", [-3, 400])
def test_a_clock_set_between_two_tellings_leaves_one_row(filled: Filled, days: int) -> None:
    off = days * DAY_NS
    begun = a_command(1, started_at=build.AT + off, wall_ns=None)
    filled.fill(packed.an_entry(1, begun, wall_ns=build.AT + off, sent_at=packed.RECEIVED + off))
    filled.fill(packed.an_entry(2, a_command(1), sent_at=packed.RECEIVED))
    assert filled.starts() == [a_command(1).started_at]


def test_a_month_that_ends_between_two_tellings_leaves_one_row(filled: Filled) -> None:
    month_end = 1_764_547_199_000_000_000  # 2025-11-30 23:59:59 UTC
    boot = {"wall_ns": month_end, "boottime_ns": 6_000_000_000, "received_at": month_end + DAY_NS}
    later = boot | {"wall_ns": month_end + DAY_NS, "boottime_ns": 6_000_000_000 + DAY_NS}
    begun = a_command(1, started_at=month_end, wall_ns=None)
    filled.fill(packed.an_entry(1, begun, **boot))
    filled.fill(packed.an_entry(2, a_command(1, started_at=month_end, wall_ns=DAY_NS), **later))
    assert [row["wall_ns"] for row in filled.log()] == [DAY_NS]


def test_a_batch_thirty_days_late_lands_on_its_days(filled: Filled) -> None:
    late = packed.RECEIVED + 30 * DAY_NS
    filled.fill(packed.an_entry(1, a_command(1), received_at=late, sent_at=late))
    assert filled.starts() == [a_command(1).started_at]


def test_one_batch_the_store_refuses_costs_itself_alone(filled: Filled) -> None:
    good = packed.an_entry(1, a_command(1))
    filled.fill(good)
    batch = groups.refused(good, "made for a test")._replace(id=packed.named(2))
    bad = batch._replace(tables={"commands": tables([a_command(5)])[0]["commands"]})
    columns: dict[str, Values] = {**bad.tables["commands"].columns, "id": ["no"]}
    bad = bad._replace(tables={"commands": bad.tables["commands"]._replace(columns=columns)})
    fine = batch._replace(id=packed.named(3), tables=tables([a_command(6)])[0])
    progress = Progress(9, 9)
    filling = Filling(filled.store, filled.folder / "journal")
    filled.do(filling.store_group(groups.Group([bad, fine], None, progress)))
    found = filled.do(filled.store.counts())
    assert (found.commands, found.losses, filled.do(filled.store.position())) == (2, 1, (9, 9))


def test_the_reader_goes_on_at_a_position(tmp_path: Path) -> None:
    packed.write(tmp_path, [packed.an_entry(1, a_command(1))])
    reader = groups.Reader(tmp_path, START, AT_ONCE)
    first = reader.group()
    packed.write(tmp_path, [packed.an_entry(2, a_command(2))])
    second = reader.group()
    assert [group and [batch.number for batch in group.batches] for group in (first, second)] == [
        [1],
        [2],
    ]


def test_a_group_ends_where_it_has_rows_enough(tmp_path: Path) -> None:
    told = [packed.an_entry(mark, build.a_loss(since=mark)) for mark in range(3)]
    packed.write(tmp_path, told)
    reader = groups.Reader(tmp_path, START, groups.Size(rows=2, seconds=0.0))
    assert [len(group.batches) for group in (reader.group(), reader.group()) if group] == [2, 1]


def test_a_group_ends_where_it_takes_memory_enough(tmp_path: Path) -> None:
    packed.write(tmp_path, [packed.an_entry(mark, a_command(mark)) for mark in range(1, 4)])
    one = groups.Reader(tmp_path, START, groups.Size(held_bytes=1, seconds=0.0)).group()
    assert one is not None
    assert len(one.batches) == 1
