"""The service's store process: killed, damaged, asked; a short form of scripts/proofs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.store.base import LogQuestion, StoreError
from ingest.store.remote import Remote
from scripts.proofs.store_process import DAMAGES, REOPEN_S, ROOT, Owner, damaged, expected, killed


@pytest.fixture
def owner() -> Iterator[Owner]:
    """Yield a data folder with no process over it yet."""
    made = Owner()
    yield made
    made.close()


def test_killed_five_times_it_has_everything_once(
    owner: Owner, record_property: Callable[[str, object], None]
) -> None:
    slowest = killed(owner, 5, 1)
    record_property("report", f"slowest answer after a kill {slowest:.2f} s (bar {REOPEN_S} s)")
    assert owner.counted() == expected(owner.told)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_wal_loses_nothing(owner: Owner, kind: str) -> None:
    assert damaged(owner, kind, 1) == [expected(2)]


def test_damage_is_told_as_a_loss_and_kept_aside(owner: Owner) -> None:
    owner.journal()
    owner.start()
    owner.filled()
    owner.kill()
    data = bytearray(owner.wal.read_bytes())
    data[len(data) // 2] ^= 1
    owner.wal.write_bytes(data)
    owner.start()
    owner.filled()
    owner.stop()
    aside = [path.name for path in owner.folder.glob("*.damaged-*")]
    assert (owner.losses(), len(aside)) == (1, 1)


def test_a_lost_file_is_filled_again_from_the_journal(owner: Owner) -> None:
    owner.journal(3)
    owner.start()
    owner.filled()
    owner.kill()
    owner.file.write_bytes(os.urandom(5000))
    owner.start()
    owner.filled()
    owner.stop()
    assert owner.counted() == expected(3)


def test_told_to_leave_it_stores_what_is_journalled_first(owner: Owner) -> None:
    owner.start()
    owner.counts()
    owner.journal(2)
    status = owner.stop()
    assert (status, owner.counted(), owner.wal.exists()) == (0, expected(2), False)


def test_a_question_is_answered_while_it_is_filled(owner: Owner) -> None:
    owner.journal(2)
    owner.start()
    owner.filled()
    found = asyncio.run(Remote(owner.socket).log(LogQuestion(limit=1)))
    assert [row["template"] for row in found.commands] == [None]


def test_its_socket_is_for_this_user_alone(owner: Owner) -> None:
    owner.start()
    owner.counts()
    assert owner.socket.stat().st_mode & 0o777 == 0o600


def test_nobody_there_is_said_in_two_lines(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the store process is not there"):
        asyncio.run(Remote(tmp_path / "store.sock").counts())


def test_it_leaves_when_the_pipe_it_was_started_with_ends(owner: Owner) -> None:
    reading, writing = os.pipe()
    argv = [sys.executable, "-m", "ingest", "store", "--data", str(owner.folder)]
    argv += ["--store", f"duckdb://{owner.file}", "--socket", str(owner.socket)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=reading) as process:
        os.close(reading)
        try:
            owner.counts()
            os.close(writing)
            assert process.wait(20) == 0
        finally:
            process.send_signal(signal.SIGKILL)
