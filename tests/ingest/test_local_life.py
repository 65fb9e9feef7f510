"""The laptop's store process starts once, is its owner's alone, and leaves when idle."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from tests import account
from tests import home as homes
from tests.ingest.batches import a_command
from tests.ingest.laptop import Laptop, refusal


def test_of_two_that_are_started_at_once_one_owns_the_file_and_both_callers_are_served(
    laptop: Laptop,
) -> None:
    laptop.seal(a_command(1))
    processes = [laptop.start("--idle", "3") for _ in range(4)]
    assert laptop.lines() == ["make test"]
    left = [process for process in processes if process.wait(timeout=20) == 0]
    assert len(left) == 4


def test_it_leaves_when_nobody_asks(laptop: Laptop) -> None:
    process = laptop.start("--idle", "0.6")
    laptop.ask("status")
    assert (process.wait(timeout=20), laptop.socket.exists()) == (0, False)


def test_a_client_that_keeps_silent_does_not_keep_it(laptop: Laptop) -> None:
    process = laptop.start("--idle", "0.6")
    laptop.ask("status")
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(laptop.socket))
        assert process.wait(timeout=20) == 0


def test_a_question_keeps_it(laptop: Laptop) -> None:
    process = laptop.start("--idle", "1.5")
    for _ in range(6):
        laptop.ask("status")
        time.sleep(0.5)
    assert process.poll() is None


def test_who_asks_while_it_leaves_is_answered_by_it_or_the_next(laptop: Laptop) -> None:
    laptop.seal(a_command(1))
    for _ in range(5):
        laptop.start("--idle", "0.1")
        laptop.ask("status")
        time.sleep(0.1)
        laptop.start("--idle", "0.1")
        assert laptop.lines() == ["make test"]


def test_what_it_loaded_is_archived_when_it_is_quiet(laptop: Laptop) -> None:
    path = laptop.seal(a_command(1))
    laptop.start()
    laptop.lines()
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [one.name for one in laptop.archive.iterdir()] == [path.name]


def test_only_its_owner_may_knock(laptop: Laptop) -> None:
    laptop.seal(a_command(1))
    laptop.start()
    laptop.ask("status")
    made = (laptop.socket, *laptop.file.parent.iterdir())
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in made} == {
        "store.sock": 0o600,
        "history.duckdb": 0o600,
        "history.duckdb.wal": 0o600,
        "store.lock": 0o600,
    }


@pytest.mark.root
def test_another_account_is_not_answered(laptop: Laptop, second: account.Account) -> None:
    laptop.start()
    laptop.ask("status")
    for path in (laptop.folder, laptop.socket):
        path.chmod(0o777)
    script = (
        "import socket, sys; link = socket.socket(socket.AF_UNIX); link.connect(sys.argv[1]); "
        "link.settimeout(9); print(len(link.recv(9)))"
    )
    argv: list[str | Path] = [second.python, "-c", script, laptop.socket]
    done = account.run_as(second, argv, {"PATH": os.defpath, "HOME": "/"})
    assert done.stdout == "0\n"


def test_an_ordinary_user_has_a_store_of_their_own(
    second: account.Account, second_home: homes.Home
) -> None:
    laptop = Laptop(second_home.folder / "laptop")
    laptop.seal(a_command(1))
    for path in (laptop.folder, laptop.device, *laptop.device.rglob("*")):
        os.chown(path, second.uid, second.gid)
    argv = [second.python, *laptop.argv()[1:]]
    process = account.popen_as(second, argv, second_home.environ, cwd=second.checkout)
    ask = (
        "import sys, pathlib; from ptywrap import service\n"
        "print(len(service.ask(pathlib.Path(sys.argv[1]), 'log')['commands']))"
    )
    while not laptop.socket.exists() and process.poll() is None:
        time.sleep(0.01)
    done = account.run_as(
        second, [second.python, "-c", ask, laptop.socket], second_home.environ, cwd=second.checkout
    )
    process.terminate()
    assert (done.stdout, process.wait(timeout=20)) == ("1\n", 0)


def test_it_leaves_when_told_by_a_signal_and_loses_nothing(laptop: Laptop) -> None:
    laptop.seal(a_command(1))
    process = laptop.start()
    laptop.lines()
    process.terminate()
    left = process.wait(timeout=20)
    laptop.start()
    assert (left, laptop.lines(), laptop.file.with_suffix(".duckdb.wal").exists()) == (
        0,
        ["make test"],
        False,
    )


def test_a_file_that_another_program_has_open_is_refused_and_left_alone(laptop: Laptop) -> None:
    laptop.file.parent.mkdir()
    duckdb.connect(str(laptop.file)).close()
    script = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, laptop.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        laptop.start()
        said = refusal(laptop, "log")
        other.communicate()
    assert laptop.lines() == []
    assert (said, [path.name for path in laptop.file.parent.glob("*damaged*")]) == (
        (
            f"{laptop.file} cannot be opened",
            "another program has it open: close that one, then try again",
        ),
        [],
    )


def test_a_file_of_a_newer_ptywrap_is_refused_and_left_alone(laptop: Laptop) -> None:
    laptop.start()
    laptop.ask("status")
    laptop.stop()
    with duckdb.connect(str(laptop.file)) as connection:
        connection.execute("UPDATE about SET schema = 1000")
    laptop.seal(a_command(1))
    laptop.start("--idle", "1")
    said = refusal(laptop, "log")
    assert (said, len(list(laptop.spool.glob("*.seg")))) == (
        (f"{laptop.file} was written by a newer ptywrap", "update ptywrap"),
        1,
    )


def test_it_needs_neither_aiohttp_nor_pyarrow(laptop: Laptop) -> None:
    laptop.seal(a_command(1))
    process = laptop.start()
    laptop.lines()
    maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
    assert [name for name in ("aiohttp", "pyarrow", "pandas") if name in maps] == []


def test_it_keeps_no_descriptor_of_who_asked(laptop: Laptop) -> None:
    process = psutil.Process(laptop.start().pid)
    laptop.ask("log")
    before = process.num_fds()
    for _ in range(30):
        laptop.ask("log")
    assert process.num_fds() <= before + 1
