"""The control socket: whole frames, strangers refused, nothing that is asked can break it."""

import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptywrap.observe.asks import Answer, replying
from ptywrap.observe.control import Control


class Talk:
    """Both ends of one socket, turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.patience = 0
        self.path = folder / "control.sock"
        self.control = Control(self.path, replying({"echo": self.echo, "later": self.later}))

    def echo(self, request: dict[str, Any]) -> Answer:
        """Answer with what was asked."""
        return {"ok": True, "said": request.get("said")}

    def later(self, request: dict[str, Any]) -> Answer | None:
        """Answer only after some turns."""
        del request
        self.patience -= 1
        return {"ok": True} if self.patience < 0 else None

    def turn(self) -> None:
        """Serve what is readable now."""
        ready, _, _ = select.select(self.control.descriptors, [], [], 0.01)
        self.control.serve(set(ready))

    def link(self) -> socket.socket:
        """Return a connection."""
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(self.path))
        link.settimeout(0)
        return link

    def answer(self, link: socket.socket, turns: int = 10) -> dict[str, Any] | None:
        """Return the answer, None if there is none within some turns."""
        data = b""
        for _ in range(turns):
            self.turn()
            try:
                data += link.recv(65536)
            except BlockingIOError:
                continue
        if len(data) < 4:
            return None
        decoded: dict[str, Any] = msgspec.msgpack.decode(data[4:])
        return decoded


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """Yield a control socket."""
    made = Talk(tmp_path)
    yield made
    made.control.close()


def framed(request: object) -> bytes:
    """Return a request as it goes over the socket."""
    body = msgspec.msgpack.encode(request)
    return struct.pack("<I", len(body)) + body


def test_a_question_is_answered(talk: Talk) -> None:
    with talk.link() as link:
        link.sendall(framed({"ask": "echo", "said": "hi"}))
        assert talk.answer(link) == {"ok": True, "said": "hi"}


def test_a_question_may_come_byte_by_byte(talk: Talk) -> None:
    with talk.link() as link:
        for number in framed({"ask": "echo", "said": 1}):
            link.sendall(bytes([number]))
            talk.turn()
        assert talk.answer(link) == {"ok": True, "said": 1}


def test_one_link_may_ask_twice(talk: Talk) -> None:
    with talk.link() as link:
        for said in (1, 2):
            link.sendall(framed({"ask": "echo", "said": said}))
            assert talk.answer(link) == {"ok": True, "said": said}


def test_an_answer_that_is_not_there_yet_is_waited_for(talk: Talk) -> None:
    talk.patience = 5
    with talk.link() as link:
        link.sendall(framed({"ask": "later"}))
        early = talk.answer(link, turns=2)
        assert (early, talk.control.waiting, talk.answer(link)) == (None, True, {"ok": True})
        assert not talk.control.waiting


def test_an_unknown_question_is_refused_in_words(talk: Talk) -> None:
    with talk.link() as link:
        link.sendall(framed({"ask": "destroy"}))
        answer = talk.answer(link)
    assert answer is not None
    assert (answer["ok"], answer["what"]) == (False, "an unknown question")


@pytest.mark.parametrize("body", [b"\xc1", b"\x01", b"\x91\x01", b"\x81\x01\x02", b"\xa1\xff"])
def test_what_is_no_map_is_refused(talk: Talk, body: bytes) -> None:
    with talk.link() as link:
        link.sendall(struct.pack("<I", len(body)) + body)
        answer = talk.answer(link)
    assert answer is not None
    assert not answer["ok"]


def test_a_request_that_is_too_long_ends_the_link(talk: Talk) -> None:
    with talk.link() as link:
        link.sendall(struct.pack("<I", 1 << 30))
        assert talk.answer(link) is None
    assert len(talk.control.descriptors) == 1


def test_who_hangs_up_is_forgotten(talk: Talk) -> None:
    with talk.link() as link:
        link.sendall(b"\x05")
        talk.turn()
    for _ in range(2):
        talk.turn()
    assert len(talk.control.descriptors) == 1


def test_many_who_say_nothing_do_not_keep_others_out(talk: Talk) -> None:
    silent = []
    for _ in range(200):
        link = talk.link()
        silent.append(link)
        talk.turn()
    assert len(talk.control.descriptors) <= 65
    for link in silent:
        link.close()
    for _ in range(3):
        talk.turn()
    with talk.link() as link:
        link.sendall(framed({"ask": "echo", "said": 1}))
        assert talk.answer(link) == {"ok": True, "said": 1}


def test_the_socket_is_its_owners_alone_and_goes_with_it(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    mode = talk.path.stat().st_mode & 0o777
    talk.control.close()
    assert (oct(mode), talk.path.exists()) == ("0o600", False)


def test_what_a_killed_predecessor_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    talk = Talk(tmp_path)
    with talk.link() as link:
        link.sendall(framed({"ask": "echo", "said": 1}))
        assert talk.answer(link) == {"ok": True, "said": 1}
    talk.control.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_break_it(talk: Talk, data: bytes) -> None:
    with talk.link() as link:
        link.sendall(data)
        for _ in range(2):
            talk.turn()
    with talk.link() as link:
        link.sendall(framed({"ask": "echo", "said": 2}))
        assert talk.answer(link, turns=4) == {"ok": True, "said": 2}
