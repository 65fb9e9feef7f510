"""The journal when the system fails it: a failed sync, a full disk, a kill."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import journal
from tests.ingest import journals
from tests.ingest.journals import an_entry, ids

pytestmark = pytest.mark.linux


def strace(inject: str) -> list[str]:
    """Return how a command is run whose syncs fail; the test is skipped without strace."""
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace makes system calls fail: apt-get install strace")
    return [path, "-f", "-qq", "-o", "/dev/null", f"--inject=fdatasync:{inject}"]


def _written(folder: Path, inject: str, number: int = 5) -> list[str]:
    process = journals.writing(folder, number, *strace(inject))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.split()


# Two syncs begin a file (its counter and its first frame); the third is a group's.
def test_after_a_failed_sync_the_group_goes_into_a_new_file(tmp_path: Path) -> None:
    told = _written(tmp_path, "error=EIO:when=3")
    assert told == ["b0", "b1", "b2", "b3", "b4"]
    assert ids(tmp_path) == told
    assert [number for number, _ in journal.files(tmp_path)] == [2]


def test_a_file_whose_sync_failed_later_keeps_what_it_had(tmp_path: Path) -> None:
    told = _written(tmp_path, "error=EIO:when=5")
    assert (told, ids(tmp_path)) == (["b0", "b1", "b2", "b3", "b4"],) * 2
    assert [number for number, _ in journal.files(tmp_path)] == [1, 2]


def test_nothing_is_acknowledged_while_no_sync_works(tmp_path: Path) -> None:
    assert _written(tmp_path, "error=EIO") == ["unwritten"] * 5
    assert ids(tmp_path) == []


def test_it_goes_on_by_itself_when_syncs_work_again(tmp_path: Path) -> None:
    # Fails twice for the first group: nowhere to write it.
    told = _written(tmp_path, "error=EIO:when=1..2")
    assert told == ["unwritten", "b1", "b2", "b3", "b4"]
    assert ids(tmp_path) == told[1:]


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a tmpfs of 1 MiB; the test is skipped for who may not."""
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root: run the tests as root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a tmpfs cannot be mounted here: allow mounts (CAP_SYS_ADMIN)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def _until_full(folder: Path) -> tuple[list[str], list[str]]:
    writer = journal.Journal(folder / "journal")
    kept: list[str] = []
    refused: list[str] = []

    async def one(name: str, size: int) -> None:
        try:
            await writer.append(an_entry(name, bytes(size)))
            kept.append(name)
        except journal.Unwritten:
            refused.append(name)

    for number in range(6):
        await one(f"b{number}", 200_000)
    (folder / "ballast").unlink()
    await one("after", 100_000)
    await writer.close()
    return kept, refused


@pytest.mark.root
def test_a_full_disk_refuses_and_room_is_used_again(tmp_path: Path) -> None:
    with small_disk(tmp_path) as folder:
        (folder / "ballast").write_bytes(bytes(300_000))
        kept, refused = asyncio.run(_until_full(folder))
        assert (kept, refused) == (["b0", "b1", "b2", "after"], ["b3", "b4", "b5"])
        assert ids(folder / "journal") == kept


def test_a_killed_writer_has_everything_it_acknowledged(tmp_path: Path) -> None:
    for round_number in range(5):
        folder = tmp_path / str(round_number)
        process = journals.writing(folder, 100_000)
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(20 + 30 * round_number)]
        process.kill()
        told += process.stdout.read().split()
        process.wait()
        process.stdout.close()
        found = ids(folder)
        assert found[: len(told)] == told
        assert len(found) <= len(told) + 1
