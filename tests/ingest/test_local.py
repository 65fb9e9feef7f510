"""The laptop's store process answers whoever asks, loads what is sealed, and leaves when idle."""

import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import msgpack
import psutil
import pytest

from ptywrap import wire
from tests import account, build
from tests import home as homes
from tests.ingest.batches import a_command
from tests.ingest.laptop import ROOT, Laptop, refusal


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """Yield folders with no process over them yet."""
    made = Laptop()
    yield made
    made.close()


def test_a_sealed_command_is_in_the_log(laptop: Laptop) -> None:
    laptop.seal(a_command(1, line="make test"))
    laptop.start()
    assert laptop.lines() == ["make test"]


def test_a_command_sealed_while_it_runs_is_in_the_next_answer(laptop: Laptop) -> None:
    laptop.start()
    counts = []
    for mark in range(20):
        laptop.seal(a_command(mark))
        counts.append(len(laptop.lines()))
    assert counts == list(range(1, 21))


def test_a_run_is_shown_with_its_processes(laptop: Laptop) -> None:
    laptop.seal(build.a_session(), build.a_command(), build.a_process(), build.a_flow())
    laptop.start()
    record = laptop.ask("show", id="last")["record"]
    assert (record["command"]["shell"], [one["name"] for one in record["processes"]]) == (
        "bash",
        ["make"],
    )


def test_the_facts_of_a_run_can_be_had_as_they_were_told(laptop: Laptop) -> None:
    laptop.seal(build.a_command(), build.a_process())
    laptop.start()
    facts = laptop.ask("show_facts", id="last")["facts"]
    assert [(one["fact"], one["session"]) for one in facts] == [
        ("command", build.SESSION.hex()),
        ("process", build.SESSION.hex()),
    ]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("0123", "no command's id begins with `0123`"),
        ("zz", "no command's id begins with `zz`"),
        ("7", "`7` begins the ids of 2 commands"),
    ],
)
def test_a_name_that_tells_no_run_is_refused_in_two_lines(
    laptop: Laptop, name: str, what: str
) -> None:
    laptop.seal(a_command(1, id=0x7A << 56), a_command(2, id=0x7B << 56))
    laptop.start()
    said, hint = refusal(laptop, "show", id=name)
    assert (said, bool(hint)) == (what, True)


def test_with_nothing_recorded_there_is_no_last_run(laptop: Laptop) -> None:
    laptop.start()
    assert refusal(laptop, "show", id="last")[0] == "no command has been recorded yet"


@pytest.mark.parametrize(
    ("question", "arguments"), [("sing", {}), ("log", {"limit": "many"}), ("usual", {})]
)
def test_a_question_it_does_not_know_is_refused_and_the_next_is_answered(
    laptop: Laptop, question: str, arguments: dict[str, str]
) -> None:
    laptop.start()
    said, _ = refusal(laptop, question, **arguments)
    assert (said.startswith("no such question: "), laptop.lines()) == (True, [])


def test_bytes_that_are_no_question_end_only_their_own_connection(laptop: Laptop) -> None:
    laptop.start()
    laptop.ask("status")
    for garbage in (b"\xff\xff\xff\xff", b"\x05\0\0\0\xc1\xc1\xc1\xc1\xc1", b"\x01"):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(laptop.socket))
            link.sendall(garbage)
            link.shutdown(socket.SHUT_WR)
            link.recv(1 << 16)
    assert laptop.lines() == []


def test_many_questions_can_be_asked_on_one_connection(laptop: Laptop) -> None:
    laptop.start()
    laptop.ask("status")
    body = msgpack.packb({"ask": "status"})
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(laptop.socket))
        link.sendall((struct.pack("<I", len(body)) + body) * 3)
        link.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: link.recv(1 << 16), b""))
    assert said.count(b"\xa2ok\xc3") == 3


def test_two_who_ask_at_once_are_both_answered(laptop: Laptop) -> None:
    laptop.seal(*(a_command(mark) for mark in range(50)))
    laptop.start()
    laptop.ask("status")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: len(laptop.lines()), range(40)))
    assert answers == [50] * 40


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


def test_it_says_what_it_holds_and_what_waits(laptop: Laptop) -> None:
    laptop.seal(a_command(1), build.a_process(), build.a_loss())
    process = laptop.start()
    status = laptop.ask("status")
    wanted = ("commands", "processes", "losses", "missed", "waiting_facts", "repaired", "pid")
    assert [status[name] for name in wanted] == [1, 1, 1, 3, 0, [], process.pid]


def test_only_its_owner_may_knock(laptop: Laptop) -> None:
    laptop.start()
    laptop.ask("status")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (laptop.socket, laptop.file)]
    assert modes == [0o600, 0o600]


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
        laptop.start("--idle", "1")
        said = refusal(laptop, "log")
        other.communicate()
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


class Observer(threading.Thread):
    """Listens where the observer does; answers the first word with what it is told, if anything."""

    def __init__(self, laptop: Laptop, *facts: wire.Fact, answers: bool = True) -> None:
        super().__init__(daemon=True)
        self.path = laptop.folder / "observer.sock"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()
        self.laptop, self.facts, self.answers = laptop, facts, answers
        self.start()

    def run(self) -> None:
        """Seal what there is at each question."""
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            with link:
                link.recv(4096)
                if self.answers:
                    if self.facts:
                        self.laptop.seal(*self.facts)
                    link.sendall(b"\x05\0\0\0\x81\xa2ok\xc3")
                else:
                    time.sleep(2)


def test_the_observer_seals_first_so_that_the_last_command_is_in_the_answer(
    laptop: Laptop,
) -> None:
    observer = Observer(laptop, a_command(1, line="just now"))
    laptop.start("--observer", observer.path)
    answer = laptop.ask("log")
    observer.socket.close()
    assert ([row["line"] for row in answer["commands"]], answer["stale"]) == (["just now"], False)


def test_an_observer_that_does_not_answer_makes_the_answer_stale(laptop: Laptop) -> None:
    observer = Observer(laptop, answers=False)
    laptop.seal(a_command(1))
    laptop.start("--observer", observer.path)
    answer = laptop.ask("log")
    observer.socket.close()
    assert (len(answer["commands"]), answer["stale"]) == (1, True)


def test_without_an_observer_nothing_newer_can_be_missing(laptop: Laptop) -> None:
    laptop.start("--observer", laptop.folder / "nobody.sock")
    assert laptop.ask("log")["stale"] is False


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


@pytest.mark.parametrize("verb", ["serve", "token"])
def test_what_comes_with_the_fleet_release_says_so(verb: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingest", verb, "--listen", "127.0.0.1:1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 2)
