"""The laptop's store process answers whoever asks, with what is sealed by then."""

import contextlib
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import msgpack
import pytest

from ptywrap import wire
from tests import build
from tests.ingest.batches import a_command
from tests.ingest.laptop import Laptop, refusal


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


def test_it_says_what_it_holds_and_what_waits(laptop: Laptop) -> None:
    laptop.seal(a_command(1), build.a_process(), build.a_loss())
    process = laptop.start()
    status = laptop.ask("status")
    wanted = ("commands", "processes", "losses", "missed", "waiting_facts", "repaired", "pid")
    assert [status[name] for name in wanted] == [1, 1, 1, 3, 0, [], process.pid]


def an_observer(laptop: Laptop, *facts: wire.Fact, answers: bool = True) -> socket.socket:
    """Listen where the observer does: seal facts and say yes, or keep silent."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(laptop.folder / "observer.sock"))
    listening.listen()

    def attend() -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listening.accept()
                with link:
                    link.recv(4096)
                    if facts:
                        laptop.seal(*facts)
                    if answers:
                        link.sendall(b"\x05\0\0\0\x81\xa2ok\xc3")
                    else:
                        link.recv(1)

    threading.Thread(target=attend, daemon=True).start()
    return listening


def test_the_observer_seals_first_so_that_the_last_command_is_in_the_answer(
    laptop: Laptop,
) -> None:
    with an_observer(laptop, a_command(1, line="just now")) as observer:
        laptop.start("--observer", observer.getsockname())
        answer = laptop.ask("log")
    assert ([row["line"] for row in answer["commands"]], answer["stale"]) == (["just now"], False)


def test_an_observer_that_does_not_answer_makes_the_answer_stale(laptop: Laptop) -> None:
    laptop.seal(a_command(1))
    with an_observer(laptop, answers=False) as observer:
        laptop.start("--observer", observer.getsockname())
        answer = laptop.ask("log")
    assert (len(answer["commands"]), answer["stale"]) == (1, True)


def test_without_an_observer_nothing_newer_can_be_missing(laptop: Laptop) -> None:
    laptop.start("--observer", laptop.folder / "nobody.sock")
    assert laptop.ask("log")["stale"] is False
