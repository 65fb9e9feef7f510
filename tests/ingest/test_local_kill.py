"""The store process is killed and its files damaged: nothing is lost, nothing is there twice."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ptywrap import wire
from tests import build
from tests.ingest.batches import a_command
from tests.ingest.laptop import Laptop

REOPEN_S = 2.0
PROCESSES = 40


def _some(mark: int) -> list[wire.Fact]:
    """Return a command told twice, and its processes."""
    ended = a_command(mark, line=f"line {mark}", daemons=[wire.Daemon(name="docker")])
    begun = a_command(mark, line=None, wall_ns=None, daemons=None)
    processes = [
        build.a_process(pid=pid, start_ticks=mark * 1000 + pid, command=ended.id)
        for pid in range(1, PROCESSES + 1)
    ]
    return [begun, *processes, ended]


def _intact(laptop: Laptop, marks: int) -> None:
    """Check that every command and process told is there exactly once."""
    lines = Counter(laptop.lines())
    status = laptop.ask("status")
    assert lines == Counter(f"line {mark}" for mark in range(marks))
    assert (status["processes"], status["batches"] >= marks) == (marks * PROCESSES, True)


def _kill_rounds(laptop: Laptop, rounds: int, seed: int) -> float:
    """Kill the store as it starts, loads, settles or archives; return the slowest reopening."""
    chance = random.Random(seed)  # noqa: S311 - the same moments in every run
    slowest = 0.0
    for mark in range(rounds):
        laptop.seal(*_some(mark))
        laptop.start("--idle", "9")
        if chance.random() < 0.5:
            before = time.monotonic()
            laptop.ask("status")
            slowest = max(slowest, time.monotonic() - before)
            # Settling begins half a second after the last question.
            time.sleep(chance.choice([0.0, chance.uniform(0.45, 0.65)]))
        else:
            time.sleep(chance.uniform(0.1, 0.5))
        laptop.kill()
    laptop.start()
    _intact(laptop, rounds)
    return slowest


def test_killed_twenty_times_it_has_everything_once(
    laptop: Laptop, record_property: Callable[[str, object], None]
) -> None:
    slowest = _kill_rounds(laptop, 20, 1)
    record_property("report", f"slowest answer after a kill {slowest:.2f} s (bar {REOPEN_S} s)")


@pytest.mark.slow
def test_killed_a_hundred_times_it_has_everything_once(laptop: Laptop) -> None:
    _kill_rounds(laptop, 100, 2)


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _zero_tail(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:] = bytes(len(data) - start)


def _truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _append(data: bytearray, chance: random.Random) -> None:
    data += chance.randbytes(chance.randrange(1, 5000))


DAMAGES = {"flip": _flip, "zero tail": _zero_tail, "truncate": _truncate, "garbage": _append}


def _wal(laptop: Laptop) -> Path:
    return Path(f"{laptop.file}.wal")


def _leave_a_wal(laptop: Laptop, mark: int) -> None:
    """Load one more command and kill the store before its checkpoint."""
    laptop.seal(*_some(mark))
    laptop.start()
    laptop.ask("status")
    laptop.kill()
    assert _wal(laptop).stat().st_size > 0


def _damage_rounds(laptop: Laptop, kind: str, rounds: int) -> None:
    chance = random.Random(kind)  # noqa: S311 - the same damage in every run
    for mark in range(rounds):
        _leave_a_wal(laptop, mark)
        data = bytearray(_wal(laptop).read_bytes())
        DAMAGES[kind](data, chance)
        _wal(laptop).write_bytes(data)
        laptop.start()
        _intact(laptop, mark + 1)
        laptop.stop()


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_wal_loses_nothing(laptop: Laptop, kind: str) -> None:
    _damage_rounds(laptop, kind, 4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGES)
def test_forty_times_a_damaged_wal_loses_nothing(laptop: Laptop, kind: str) -> None:
    _damage_rounds(laptop, kind, 40)


def test_a_deleted_wal_loses_nothing(laptop: Laptop) -> None:
    for mark in range(4):
        _leave_a_wal(laptop, mark)
        _wal(laptop).unlink()
        laptop.start()
        _intact(laptop, mark + 1)
        laptop.stop()


def test_a_damaged_wal_is_moved_aside_and_told_as_a_loss(laptop: Laptop) -> None:
    _leave_a_wal(laptop, 0)
    data = bytearray(_wal(laptop).read_bytes())
    data[len(data) // 2] ^= 1
    _wal(laptop).write_bytes(data)
    laptop.start()
    status = laptop.ask("status")
    assert (status["repaired"], status["losses"]) == (["history.duckdb.wal.damaged-1"], 1)


def test_no_more_than_two_damaged_files_are_kept(laptop: Laptop) -> None:
    for mark in range(4):
        _leave_a_wal(laptop, mark)
        data = bytearray(_wal(laptop).read_bytes())
        data[len(data) // 2] ^= 1
        _wal(laptop).write_bytes(data)
        laptop.start()
        laptop.ask("status")
        laptop.stop()
    kept = sorted(path.name for path in laptop.file.parent.glob("*.damaged-*"))
    assert kept == [f"history.duckdb.wal.damaged-{number}" for number in (3, 4)]


def _settled(laptop: Laptop, marks: int) -> None:
    for mark in range(marks):
        laptop.seal(*_some(mark))
    laptop.start()
    laptop.ask("status")
    laptop.stop()


@pytest.mark.parametrize("kind", ["flip", "zero tail", "truncate"])
def test_a_damaged_main_file_is_filled_again_from_the_archive(laptop: Laptop, kind: str) -> None:
    _settled(laptop, 3)
    whole = laptop.file.read_bytes()
    chance = random.Random(kind)  # noqa: S311 - the same damage in every run
    for _ in range(6):
        data = bytearray(whole)
        for _ in range(20 if kind == "flip" else 1):
            DAMAGES[kind](data, chance)
        laptop.file.write_bytes(data)
        laptop.start()
        _intact(laptop, 3)
        laptop.stop()


def test_a_file_that_is_none_of_duckdbs_is_moved_aside(laptop: Laptop) -> None:
    _settled(laptop, 2)
    laptop.file.write_bytes(b"this is a letter to my mother\n" * 100)
    laptop.start()
    _intact(laptop, 2)
    aside = laptop.file.with_name("history.duckdb.damaged-1")
    assert aside.read_bytes().startswith(b"this is a letter")


def test_a_file_that_was_deleted_is_filled_again_from_the_archive(laptop: Laptop) -> None:
    _settled(laptop, 2)
    laptop.file.unlink()
    laptop.start()
    _intact(laptop, 2)


def test_half_a_rewriting_leaves_the_old_file_in_force(laptop: Laptop) -> None:
    _settled(laptop, 2)
    laptop.file.with_name("history.duckdb.rewriting").write_bytes(b"half")
    laptop.start()
    _intact(laptop, 2)
