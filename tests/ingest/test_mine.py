"""What is one's own over HTTP: the page, the export, the erasure, and signing a browser in."""

import contextlib
import io
import itertools
import json
import re
import socket
import time
import zipfile
from collections.abc import Iterator

import msgspec
import pytest

from tests.ingest import service
from tests.ingest.service import OPEN_HANDED, Service, batch, command

OTHER = "e" * 32
SOON_S = 10.0
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def token(running: Service) -> str:
    """Return the token of a device that has sent two commands, and `OTHER` another's."""
    mine, theirs = running.device(), running.device(OTHER)
    facts = (
        command(1, shape="make …", template="make", exit_status=0, wait_ns=5),
        command(2, shape=SCRIPT, template=SCRIPT, exit_status=2, wait_ns=6),
    )
    assert running.post(mine, batch(1, *facts)).json["rows"] >= 2
    assert running.post(theirs, batch(2, command(3), device=OTHER)).status == 200
    until = time.monotonic() + SOON_S
    while len(_commands(running, mine)) < 2 or not _commands(running, theirs):
        assert time.monotonic() < until, "the commands do not arrive"
        time.sleep(0.05)
    return mine


def _commands(running: Service, token: str) -> list[dict[str, object]]:
    answer = running.asks("GET", "/", token, Accept="application/json")
    return list(answer.json["commands"]) if answer.status == 200 else []


def test_the_page_shows_ones_own_commands_newest_first(running: Service, token: str) -> None:
    shapes = [row["shape"] for row in _commands(running, token)]
    assert shapes == ["make …", SCRIPT]


def test_the_pages_totals_are_those_of_its_rows(running: Service, token: str) -> None:
    answer = running.asks("GET", "/", token, Accept="application/json").json
    assert answer["totals"] == {
        "commands": 2,
        "failures": 1,
        "wall_ns": 4_000_000_000,
        "wait_ns": 11,
    }


def test_a_script_in_a_command_is_text(running: Service, token: str) -> None:
    answer = running.asks("GET", "/", token)
    page = answer.body.decode()
    assert (SCRIPT in page, "&lt;script&gt;" in page) == (False, True)
    policy = answer.headers["Content-Security-Policy"]
    assert (policy.startswith("default-src 'self';"), "unsafe" in policy) == (True, False)


def test_a_page_has_no_style_or_script_of_its_own(running: Service, token: str) -> None:
    page = running.asks("GET", "/", token).body.decode()
    assert re.findall(r"<script|<style|style=|\son\w+=", page) == []
    assert running.asks("GET", "/static/style.css").headers["Content-Type"].startswith("text/css")


def test_a_link_signs_in_once(running: Service, token: str) -> None:
    url = running.asks("POST", "/v1/me/link", token, b"{}").json["url"]
    path = url.removeprefix(f"http://127.0.0.1:{running.port}")
    first, second = running.asks("GET", path), running.asks("GET", path)
    assert (first.status, first.headers["Location"], second.status) == (303, "/", 403)
    cookie = first.headers["Set-Cookie"]
    assert ("HttpOnly" in cookie, "SameSite=Strict" in cookie) == (True, True)
    page = running.asks("GET", "/", Cookie=cookie.partition(";")[0], Accept="application/json")
    assert len(page.json["commands"]) == 2


def test_a_cookie_opens_the_page_and_nothing_else(running: Service, token: str) -> None:
    url = running.asks("POST", "/v1/me/link", token, b"{}").json["url"]
    answer = running.asks("GET", url.removeprefix(f"http://127.0.0.1:{running.port}"))
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    for method, path in (("GET", "/v1/me/export"), ("DELETE", "/v1/me"), ("POST", "/v1/leave")):
        assert running.asks(method, path, Cookie=cookie).status == 401


def test_a_link_is_no_longer_in_the_log(running: Service, token: str) -> None:
    url = running.asks("POST", "/v1/me/link", token, b"{}").json["url"]
    secret = url.rpartition("/")[2]
    running.asks("GET", f"/link/{secret}")
    assert secret not in running.log()


def test_a_cookie_of_who_left_opens_nothing(running: Service) -> None:
    token = running.device(f"{5:032x}")
    url = running.asks("POST", "/v1/me/link", token, b"{}").json["url"]
    answer = running.asks("GET", url.removeprefix(f"http://127.0.0.1:{running.port}"))
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert running.asks("GET", "/", Cookie=cookie).status == 200
    running.asks("POST", "/v1/leave", token, b"{}")
    assert running.asks("GET", "/", Cookie=cookie).status == 401


def test_the_export_is_an_archive_of_what_is_ones_own(running: Service, token: str) -> None:
    answer = running.asks("GET", "/v1/me/export", token)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        tables = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert len(tables["commands.json"]) == 2
    assert [row["device"] for row in tables["tokens.json"]] == ["d" * 32]
    assert token not in answer.body.decode("latin-1")


def test_the_export_is_json_too(running: Service, token: str) -> None:
    answer = running.asks("GET", "/v1/me/export", token, Accept="application/json")
    assert len(answer.json["commands"]) == 2


@pytest.fixture(scope="module")
def hurried() -> Iterator[tuple[Service, str]]:
    """Yield a service that waits half a second, and a token whose export is of several MB."""
    made = Service(f"{OPEN_HANDED}idle_ms = 500\n").start()
    token = made.device()
    for number in range(3):
        many = [command(number * 4000 + mark, branch=f"{mark:04000}") for mark in range(900)]
        assert made.post(token, batch(number, *many)).json["rejected"] == 0
    until = time.monotonic() + SOON_S
    while "ptywrap_commands_stored_total 2700" not in made.asks("GET", "/metrics").body.decode():
        assert time.monotonic() < until, "the commands do not arrive"
        time.sleep(0.05)
    yield made, token
    made.close()


def _downloaded(service: Service, token: str, pauses_s: Iterator[float]) -> tuple[int, int]:
    """Read an export with a pause after a piece; return bytes announced and received."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        connection.connect(("127.0.0.1", service.port))
        head = (
            "GET /v1/me/export HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n"
            f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())
        connection.settimeout(SOON_S)
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(256 << 10):
                received += piece
                time.sleep(next(pauses_s, 0.0))
    said, _, content = bytes(received).partition(b"\r\n\r\n")
    (announced,) = re.findall(rb"Content-Length: (\d+)", said)
    return int(announced), len(content)


def test_who_reads_slowly_gets_the_whole_export(hurried: tuple[Service, str]) -> None:
    began = time.monotonic()
    announced, received = _downloaded(*hurried, pauses_s=itertools.repeat(0.02, 100))
    assert (received, announced > 8 << 20) == (announced, True)
    assert time.monotonic() - began > 1.5


def test_who_stops_reading_is_hung_up_on(hurried: tuple[Service, str]) -> None:
    announced, received = _downloaded(*hurried, pauses_s=iter([1.5]))
    assert received < announced


def test_an_erasure_is_journalled_with_its_scope(running: Service) -> None:
    token = running.device(f"{6:032x}")
    answer = running.asks("DELETE", "/v1/me?since=5&repo=a/b", token)
    assert (answer.status, answer.json["since"], answer.json["repo"]) == (202, 5, "a/b")
    *_, (_, entry) = service.entries(running)
    assert (entry.kind, entry.device) == ("erase", f"{6:032x}")
    assert msgspec.msgpack.decode(entry.body) == {"since": 5, "repo": "a/b"}


@pytest.mark.parametrize("query", ["since=x", "since=-1", "since=", "repo=", "all=1"])
def test_a_wrong_scope_is_refused(running: Service, token: str, query: str) -> None:
    assert running.asks("DELETE", f"/v1/me?{query}", token).status == 400


def test_an_erasure_reaches_the_store(running: Service) -> None:
    device = f"{7:032x}"
    token = running.device(device)
    running.post(token, batch(3, device=device))
    until = time.monotonic() + SOON_S
    while not _commands(running, token):
        assert time.monotonic() < until, "the command does not arrive"
        time.sleep(0.05)
    assert running.asks("DELETE", "/v1/me", token).status == 202
    while _commands(running, token):
        assert time.monotonic() < until, "the command does not go"
        time.sleep(0.05)


def test_totals_of_the_store_are_metrics(running: Service, token: str) -> None:
    text = running.asks("GET", "/metrics").body.decode()
    (stored,) = [
        int(line.split()[1])
        for line in text.splitlines()
        if line.startswith("ptywrap_commands_stored_total ")
    ]
    assert stored >= 3
    assert "ptywrap_store_up 1\n" in text
