"""Whether there is room: backlog, disk and a silent store, and when to come again."""

from pathlib import Path

import pytest

from ingest import journal
from ingest.config import ServerConfig
from ingest.journal import START, Position
from ingest.room import Room, Seen
from tests.ingest import journals
from tests.ingest.journals import an_entry

LARGE = bytes(100_000)
CONFIG = ServerConfig(backlog_bytes=250_000, store_gone_ms=60_000, keep_free_bytes=0)


def _room(folder: Path, bodies: int, config: ServerConfig = CONFIG) -> Room:
    journals.write(folder / "journal", [an_entry(f"b{place}", LARGE) for place in range(bodies)])
    return Room(folder, config)


def _seen(at: float = 0.0, position: Position = START, written: int = 0, silent: float = 0) -> Seen:
    return Seen(at, position, written, silent)


@pytest.mark.parametrize(
    ("bodies", "silent_seconds", "refusal"),
    [
        (0, 0, ""),
        (2, 0, ""),
        (3, 0, "the backlog is full"),
        (1, 61, ""),
        (2, 59, ""),
        (2, 61, "the store process is gone"),
    ],
)
def test_what_is_refused(tmp_path: Path, bodies: int, silent_seconds: float, refusal: str) -> None:
    room = _room(tmp_path, bodies)
    room.look(_seen(silent=silent_seconds))
    assert room.refusal == refusal


def test_what_the_store_has_is_no_backlog(tmp_path: Path) -> None:
    room = _room(tmp_path, 3)
    room.look(_seen(position=Position(1, 1 << 30)))
    assert (room.refusal, room.backlog_bytes) == ("", 0)


@pytest.mark.parametrize(
    "config", [ServerConfig(keep_free_bytes=1 << 60), ServerConfig(keep_free_permille=1000)]
)
def test_a_disk_without_enough_room_is_refused(tmp_path: Path, config: ServerConfig) -> None:
    room = _room(tmp_path, 0, config)
    room.look(_seen())
    assert room.refusal == "the disk is nearly full"


def test_a_folder_that_went_away_is_refused(tmp_path: Path) -> None:
    room = Room(tmp_path / "gone", CONFIG)
    room.look(_seen())
    assert room.refusal == "the disk cannot be read"


def test_where_there_is_room_one_comes_again_soon(tmp_path: Path) -> None:
    room = _room(tmp_path, 0)
    room.look(_seen())
    assert {room.retry_seconds() for _ in range(100)} <= {2, 3}


def test_one_comes_again_when_the_backlog_is_drained(tmp_path: Path) -> None:
    room = _room(tmp_path, 5, CONFIG)
    # What was written in 100 s was drained, 64 KiB a second; 500 kB wait.
    room.look(_seen(0.0, written=0))
    room.look(_seen(100.0, written=100 << 16))
    seconds = {room.retry_seconds() for _ in range(200)}
    assert 7 <= min(seconds) <= max(seconds) <= 12
    assert len(seconds) > 1


def test_what_was_drained_is_what_was_written_and_is_gone(tmp_path: Path) -> None:
    room = _room(tmp_path, 2)
    room.look(_seen(at=10.0, written=1_000_000))
    before = room.backlog_bytes
    journals.write(tmp_path / "journal", [an_entry("more", LARGE)] * 3)
    grown = journal.bytes_behind(tmp_path / "journal") - before
    room.look(_seen(at=110.0, written=101_000_000 + grown))
    # A million bytes a second: fifty seconds for so many.
    room.backlog_bytes = 50_000_000
    seconds = {room.retry_seconds() for _ in range(500)}
    assert (min(seconds), max(seconds)) == (50, 75)


def test_a_backlog_of_just_its_limit_is_taken(tmp_path: Path) -> None:
    size = _room(tmp_path, 2)
    size.look(_seen())
    room = Room(tmp_path, ServerConfig(backlog_bytes=size.backlog_bytes, keep_free_bytes=0))
    room.look(_seen())
    assert room.refusal == ""


def test_a_store_is_gone_after_its_time_and_not_before(tmp_path: Path) -> None:
    room = _room(tmp_path, 2)
    refusals = []
    for seconds in (60.0, 60.1):
        room.look(_seen(silent=seconds))
        refusals.append(room.refusal)
    assert refusals == ["", "the store process is gone"]


def test_nobody_waits_longer_than_five_minutes(tmp_path: Path) -> None:
    room = _room(tmp_path, 3, CONFIG)
    room.look(_seen())
    room.backlog_bytes = 1 << 40
    seconds = {room.retry_seconds() for _ in range(500)}
    assert 200 <= min(seconds) < 220
    assert 280 < max(seconds) <= 300
