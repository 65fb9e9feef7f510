"""A question gets its answer, a clear no, or an error that says what to do; never a hang."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest

from ptywrap import service
from ptywrap.errors import UserError

Serve = Callable[[bytes], Path]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a function that starts a listener answering one question with the given bytes."""
    threads: list[threading.Thread] = []
    listener = socket.socket(socket.AF_UNIX)
    path = tmp_path / "socket"

    def answer(reply: bytes) -> None:
        link, _ = listener.accept()
        with link:
            link.recv(1 << 16)
            link.sendall(reply)

    def start(reply: bytes) -> Path:
        listener.bind(str(path))
        listener.listen(1)
        threads.append(threading.Thread(target=answer, args=(reply,)))
        threads[0].start()
        return path

    yield start
    for thread in threads:
        thread.join(5)
    listener.close()


def _framed(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def test_an_answer_comes_back_as_a_map(serve: Serve) -> None:
    path = serve(_framed(msgpack.packb({"ok": True, "commands": [1, 2]})))

    assert service.ask(path, "log") == {"ok": True, "commands": [1, 2]}


def test_a_no_is_told_with_its_hint(serve: Serve) -> None:
    path = serve(_framed(msgpack.packb({"ok": False, "what": "no such run", "hint": "see log"})))

    with pytest.raises(UserError, match="no such run") as caught:
        service.ask(path, "show", id="ff")

    assert caught.value.hint == "see log"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x01",
        _framed(b"\xc1"),
        _framed(b"\x01"),
        struct.pack("<I", 1 << 31),
        _framed(b"")[:3],
    ],
)
def test_a_broken_answer_is_a_user_error(serve: Serve, reply: bytes) -> None:
    with pytest.raises(UserError, match="no answer to `log`"):
        service.ask(serve(reply), "log")


def test_nobody_there_is_told_apart_from_a_no(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        service.ask(tmp_path / "nobody", "log")


def test_a_listener_that_never_answers_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        with pytest.raises(UserError, match="no answer"):
            service.ask(path, "log", wait_s=0.05)


@pytest.mark.root
@pytest.mark.linux
@pytest.mark.skipif(os.getuid() != 0, reason="listens as another user: run as root")
def test_a_strangers_socket_gets_no_question(tmp_path: Path) -> None:
    path = tmp_path / "planted"
    ready, told = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        child = os.fork()
        if child == 0:
            # The kernel keeps the credentials of whoever calls listen (unix(7)).
            os.setuid(65534)
            listener.listen(1)
            os.write(told, b".")
            link, _ = listener.accept()
            os._exit(1 if link.recv(1) else 0)
        os.read(ready, 1)

        with pytest.raises(UserError, match="belongs to another user"):
            service.ask(path, "log")

    os.close(ready)
    os.close(told)
    assert os.waitpid(child, 0)[1] == 0


# An observer that is bound, and starts a program that says how it is bound itself.
BOUND = """
import resource, sys
from ptywrap.observe import readiness
from ptywrap.service import starting
readiness._modest()
print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 20, flush=True)
starting._start([*starting._GENTLY, "sh", "-c", 'ulimit -v >"$1"', "sh", sys.argv[1]]).wait()
"""


def test_what_an_observer_starts_is_not_bound_as_it_is(tmp_path: Path) -> None:
    """The store could not even load its engine within the memory of an observer."""
    told = tmp_path / "told"
    argv = [sys.executable, "-c", BOUND, str(told)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    until = time.monotonic() + 10
    while time.monotonic() < until and not (told.exists() and told.read_text()):
        time.sleep(0.01)
    assert (done.stdout, told.read_text()) == ("100\n", "unlimited\n")
