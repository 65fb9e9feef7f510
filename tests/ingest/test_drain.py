"""Segments go into the store once, rest in the archive, and can be taken out of both."""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest import drain, store
from ingest.store.base import Batch, Progress, Scope, Unstorable
from ptywrap import clock, spool, wire
from tests import build
from tests.ingest.batches import Asked, a_command


class Draining:
    """A drain over a store in memory, and the spool it empties."""

    def __init__(self, folder: Path) -> None:
        self.places = drain.Places(folder / "spool", folder / "archive", build.DEVICE)
        self.asked = Asked(store.open("memory:"))
        self.drain = drain.Drain(self.asked.store, self.places)
        self.writer = spool.Spool(self.places.spool, build.a_segment, clock.monotonic_ns)

    def seal(self, *facts: wire.Fact) -> Path:
        """Append facts and seal them."""
        for fact in facts:
            self.writer.append(fact)
        path = self.writer.seal()
        assert path is not None
        return path

    def load(self) -> int:
        """Load what is sealed."""
        return self.asked.do(self.drain.load())

    def settle(self) -> None:
        """Archive what is loaded."""
        self.asked.do(self.drain.settle())

    def names(self) -> tuple[list[str], list[str]]:
        """Return the names of the segments in spool and archive."""
        folders = (self.places.spool, self.places.archive)
        return tuple(sorted(path.name for path in one.glob("*-*")) for one in folders)  # type: ignore[return-value]  # two folders

    def missed(self) -> int:
        """Return how many facts the store knows to be lost."""
        return self.asked.do(self.asked.store.counts()).missed


@pytest.fixture
def draining(tmp_path: Path) -> Iterator[Draining]:
    """Yield an empty spool and an empty store."""
    made = Draining(tmp_path)
    yield made
    made.writer.close()
    made.asked.close()


def test_a_segment_is_loaded_once(draining: Draining) -> None:
    draining.seal(a_command(1))
    assert (draining.load(), draining.load(), draining.asked.lines()) == (1, 0, ["make test"])


def test_a_loaded_segment_stays_in_the_spool_until_a_checkpoint_covers_it(
    draining: Draining,
) -> None:
    name = draining.seal(a_command(1)).name
    draining.load()
    before = draining.names()
    draining.settle()
    assert (before, draining.names()) == (([name], []), ([], [name]))


def test_what_is_still_being_written_is_left_alone(draining: Draining) -> None:
    draining.writer.append(a_command(1))
    os.utime(next(draining.places.spool.glob("*.open")), (0, 0))
    assert (draining.load(), len(list(draining.places.spool.glob("*.open")))) == (0, 1)


def test_a_dead_writers_last_facts_are_taken_over(draining: Draining) -> None:
    draining.seal(a_command(1))
    left = draining.places.spool / "000000000002-00000000dead.open"
    facts = [wire.encode(fact) for fact in (build.a_segment(), a_command(2), a_command(3))]
    data = b"".join(wire.frame(seq, row) for seq, row in enumerate(facts))
    left.write_bytes(data[:-3])
    os.utime(left, (0, 0))
    assert (draining.load(), len(draining.asked.log()), left.exists()) == (2, 2, False)


def test_a_file_made_just_now_is_no_dead_writers(draining: Draining) -> None:
    draining.seal(a_command(1))
    left = draining.places.spool / "000000000002-00000000dead.open"
    left.write_bytes(b"")
    draining.load()
    assert left.exists()


def test_a_writer_that_lives_holds_its_file(draining: Draining) -> None:
    draining.seal(a_command(1))
    left = draining.places.spool / "000000000002-00000000beef.open"
    with left.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.utime(left, (0, 0))
        draining.load()
        assert left.exists()


def test_what_the_store_lost_is_loaded_again_from_the_archive(draining: Draining) -> None:
    draining.seal(a_command(1))
    draining.load()
    draining.settle()
    again = Asked(store.open("memory:"))
    again.do(drain.Drain(again.store, draining.places).start())
    lines = again.lines()
    again.close()
    assert lines == ["make test"]


def test_a_store_that_moved_files_aside_has_a_loss_that_names_them(draining: Draining) -> None:
    draining.asked.store.repaired = ("history.duckdb.wal.damaged-1",)
    draining.asked.do(draining.drain.start())
    draining.seal(a_command(1, started_at=time.time_ns() - 10**9, wall_ns=10**11))
    draining.load()
    (loss,) = draining.asked.facts("last", wire.Loss)
    assert (loss.sensor, "history.duckdb.wal.damaged-1" in loss.reason) == ("store", True)


def test_a_damaged_segment_is_loaded_with_its_loss(draining: Draining) -> None:
    path = draining.seal(a_command(1), a_command(2))
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(bytes(data))
    draining.load()
    assert (len(draining.asked.log()), draining.missed()) == (1, 1)


def test_files_of_others_are_not_touched(draining: Draining) -> None:
    draining.seal(a_command(1))
    strangers = [draining.places.spool / name for name in ("notes.txt", "x-y.seg", "1-2.n1.seg")]
    for path in strangers[:2]:
        path.write_bytes(b"mine")
    strangers[2].symlink_to("/etc/hostname")
    draining.load()
    draining.settle()
    assert [path.is_symlink() or path.read_bytes() == b"mine" for path in strangers] == [True] * 3


def test_a_segment_of_a_newer_version_waits_in_the_spool(draining: Draining) -> None:
    draining.writer = spool.Spool(
        draining.places.spool,
        lambda: build.a_segment(version=wire.VERSION + 1),
        clock.monotonic_ns,
    )
    name = draining.seal(a_command(1)).name
    draining.load()
    draining.load()
    draining.settle()
    assert (draining.names(), draining.missed()) == (([name], []), 1)


class Refusing:
    """A store that refuses the batch of one number, as one with a fault would."""

    def __init__(self, sound: Any, number: int) -> None:
        self.sound = sound
        self.number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sound, name)

    async def add(self, batches: Sequence[Batch], progress: Progress | None = None) -> int:
        """Add all or none."""
        if any(one.number == self.number and "commands" in one.tables for one in batches):
            raise Unstorable("no")
        return int(await self.sound.add(batches, progress))


def test_a_segment_that_can_never_be_added_is_set_aside_and_counted(draining: Draining) -> None:
    paths = [draining.seal(a_command(mark, line=f"line {mark}")) for mark in (1, 2, 3)]
    draining.drain.store = Refusing(draining.asked.store, 2)
    draining.load()
    draining.settle()
    assert (draining.asked.lines(), draining.missed(), draining.names()) == (
        ["line 3", "line 1"],
        1,
        ([], [paths[0].name, f"{paths[1].name}.rejected", paths[2].name]),
    )


def test_the_archive_keeps_to_its_room_and_the_oldest_goes(draining: Draining) -> None:
    names = [draining.seal(a_command(mark, line="x" * 3000)).name for mark in range(4)]
    draining.drain.places = draining.places._replace(room_bytes=8000)
    draining.load()
    draining.settle()
    assert draining.names() == ([], names[2:])


def test_what_is_archived_goes_after_thirty_days(draining: Draining) -> None:
    old, new = (draining.seal(a_command(mark)) for mark in (1, 2))
    os.utime(old, (0, 0))
    draining.load()
    draining.settle()
    assert draining.names() == ([], [new.name])


def _forget(draining: Draining, scope: Scope) -> int:
    return draining.asked.do(draining.drain.forget(scope))


def test_forgetting_reaches_archive_and_spool(draining: Draining, tmp_path: Path) -> None:
    draining.seal(a_command(1, line="archived secret", repo="a/secret"), a_command(2))
    draining.load()
    draining.settle()
    draining.seal(a_command(3, line="waiting secret", repo="a/secret"), build.a_process())
    assert _forget(draining, Scope(repo="secret")) == 2
    holding = [path for path in tmp_path.rglob("*-*") if b"secret" in path.read_bytes()]
    assert (holding, draining.asked.lines(), len(draining.names()[1])) == ([], ["make test"], 1)


def test_facts_of_a_forgotten_command_go_from_other_segments_too(
    draining: Draining, tmp_path: Path
) -> None:
    secret = a_command(1, repo="a/secret")
    draining.seal(secret)
    draining.seal(build.a_process(command=secret.id, name="confidential"))
    draining.seal(wire.Sample(session=build.SESSION, command=secret.id, at=1, label="confidential"))
    _forget(draining, Scope(repo="secret"))
    assert [path for path in tmp_path.rglob("*-*") if b"confid" in path.read_bytes()] == []


def test_a_command_the_archive_no_longer_has_is_known_from_the_store(
    draining: Draining, tmp_path: Path
) -> None:
    secret = a_command(1, repo="a/secret")
    first = draining.seal(secret)
    draining.seal(build.a_process(command=secret.id, name="confidential"))
    draining.load()
    draining.settle()
    (draining.places.archive / first.name).unlink()
    _forget(draining, Scope(repo="secret"))
    assert [path for path in tmp_path.rglob("*-*") if b"confid" in path.read_bytes()] == []


def test_what_is_left_of_a_segment_is_not_loaded_twice(draining: Draining) -> None:
    draining.seal(a_command(1, repo="a/secret"), a_command(2))
    _forget(draining, Scope(repo="secret"))
    assert (draining.load(), len(draining.asked.log())) == (0, 1)


def test_everything_forgotten_leaves_no_segment(draining: Draining) -> None:
    draining.seal(a_command(1))
    draining.load()
    draining.settle()
    draining.seal(a_command(2))
    assert (_forget(draining, Scope()), draining.names()) == (2, ([], []))


def test_what_is_told_after_everything_was_forgotten_is_kept(draining: Draining) -> None:
    draining.seal(a_command(1))
    _forget(draining, Scope())
    draining.seal(a_command(2, line="new"))
    draining.load()
    assert draining.asked.lines() == ["new"]
