"""The observer is started when nobody holds its lock, and asked to follow a command."""

import fcntl
import os
import socket
import threading
import time
from pathlib import Path

import msgpack
import pytest

from ptywrap.launch import rouse

HEX = "00112233445566778899aabbccddeeff"


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """Return an interpreter that only writes down how it was called."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/starts\n')
    program.chmod(0o755)
    return program


def a_rouse(folder: Path, python: Path) -> rouse.Rouse:
    """Return one for a marks folder."""
    return rouse.Rouse(os.fsencode(folder), os.fsencode(python), {b"PATH": b"/usr/bin:/bin"})


def starts(python: Path, number: int) -> list[str]:
    """Wait for so many starts and return how the interpreter was called."""
    until = time.monotonic() + 10
    path = python.parent / "starts"
    while time.monotonic() < until:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= number:
            return lines
        time.sleep(0.005)
    raise AssertionError(f"not {number} starts")


def test_a_free_lock_starts_the_observer(tmp_path: Path, started: Path) -> None:
    assert a_rouse(tmp_path, started).check()
    assert starts(started, 1) == ["-I -m ptywrap.observe"]


def test_a_held_lock_starts_nothing(tmp_path: Path, started: Path) -> None:
    with (tmp_path / "observer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert a_rouse(tmp_path, started).check()
    assert not (tmp_path / "starts").exists()


def test_an_observer_that_does_not_stay_is_not_started_again_at_once(
    tmp_path: Path, started: Path
) -> None:
    session = a_rouse(tmp_path, started)
    assert [session.check(), session.check(), session.check()] == [True, False, False]
    assert len(starts(started, 1)) == 1


def test_an_observer_that_never_stays_is_given_up(tmp_path: Path, started: Path) -> None:
    session = a_rouse(tmp_path, started)
    session._started_ns = [time.monotonic_ns() - 60_000_000_000] * 4
    assert not session.check()


def test_without_a_folder_there_is_no_observer(started: Path) -> None:
    assert not rouse.Rouse(b"", os.fsencode(started), {}).check()


def test_the_request_is_a_frame_of_one_msgpack_map() -> None:
    frame = rouse._request(HEX, 4711)
    assert int.from_bytes(frame[:4], "little") == len(frame) - 4
    assert msgpack.unpackb(frame[4:]) == {"ask": "follow", "session": HEX, "pid": 4711}


@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_decides_whether_the_command_is_followed(
    tmp_path: Path, started: Path, answer: bool
) -> None:
    body = msgpack.packb({"ok": answer, "what": "x", "hint": "y"})
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "observer.sock"))
    listener.listen()

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(512)
            connection.sendall(len(body).to_bytes(4, "little") + body)

    server = threading.Thread(target=serve)
    server.start()
    with (tmp_path / "observer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        until_ns = time.monotonic_ns() + 10_000_000_000
        assert a_rouse(tmp_path, started).follow(HEX, 1, until_ns) is answer
    server.join()
    listener.close()


def test_an_observer_that_was_leaving_is_followed_by_another(tmp_path: Path, started: Path) -> None:
    lock = (tmp_path / "observer.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    leaving = threading.Timer(0.1, lock.close)
    leaving.start()
    a_rouse(tmp_path, started).follow(HEX, 1, time.monotonic_ns() + 1_000_000_000)
    assert starts(started, 1) == ["-I -m ptywrap.observe"]


def test_nobody_who_answers_is_waited_for_no_longer_than_asked(
    tmp_path: Path, started: Path
) -> None:
    began_ns = time.monotonic_ns()
    assert not a_rouse(tmp_path, started).follow(HEX, 1, began_ns + 50_000_000)
    assert time.monotonic_ns() - began_ns >= 50_000_000
