"""Whether there is room: backlog, disk and a silent store, and when to come again."""

from pathlib import Path

import pytest

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


def test_nobody_waits_longer_than_five_minutes(tmp_path: Path) -> None:
    room = _room(tmp_path, 3, CONFIG)
    room.look(_seen())
    room.backlog_bytes = 1 << 40
    seconds = {room.retry_seconds() for _ in range(500)}
    assert 200 <= min(seconds) < 220
    assert 280 < max(seconds) <= 300
