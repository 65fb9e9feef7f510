"""Who stalls is hung up on: heads and bodies drop by drop, and too many connections."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.ingest.service import Service, batch

HEAD_S = 0.8
SETTINGS = """
requests_per_second = 1000
head_and_body_ms = 800
idle_ms = 1000
connections_per_address = 8
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """Yield a service that waits for a head and a body for 0.8 s."""
    made = Service(SETTINGS).start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def token(running: Service) -> str:
    """Return the token of an enrolled device."""
    return running.device()


def _head(token: str, size: int) -> bytes:
    return (
        "POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/msgpack\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {batch(1).id}\r\n"
        f"Content-Encoding: zstd\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


def _gone_after(connection: socket.socket, drops: bytes = b"") -> tuple[float, bytes]:
    """Send drop by drop until the other end is closed; return seconds and what was answered."""
    began = time.monotonic()
    connection.settimeout(0.05)
    answer = b""
    while time.monotonic() - began < 10 * HEAD_S:
        try:
            if drops:
                connection.send(drops[:1])
                drops = drops[1:]
            more = connection.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            break
        if not more:
            break
        answer += more
    return time.monotonic() - began, answer


def test_a_connection_that_says_nothing_is_closed(running: Service) -> None:
    with running.connects() as connection:
        seconds, answer = _gone_after(connection)
    assert (HEAD_S * 0.9 < seconds < HEAD_S * 2.5, answer) == (True, b"")


def test_a_head_drop_by_drop_is_cut(running: Service) -> None:
    with running.connects() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        seconds, answer = _gone_after(connection, b"X-Slow: " + b"y" * 1000)
    assert (HEAD_S * 0.9 < seconds < HEAD_S * 2.5, answer) == (True, b"")


def test_a_body_drop_by_drop_is_cut(running: Service, token: str) -> None:
    with running.connects() as connection:
        connection.sendall(_head(token, 5000))
        seconds, answer = _gone_after(connection, b"y" * 1000)
    assert seconds < HEAD_S * 2.5 + 1
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_head_and_body_share_their_time(running: Service, token: str) -> None:
    head = _head(token, 5000)
    with running.connects() as connection:
        connection.sendall(head[:20])
        time.sleep(HEAD_S * 0.6)
        began = time.monotonic()
        connection.sendall(head[20:])
        connection.settimeout(5)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < HEAD_S * 0.8


def test_a_second_head_that_stalls_is_cut_too(running: Service) -> None:
    with running.connects() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /healthz")
        seconds, answer = _gone_after(connection)
    assert (seconds < HEAD_S * 2.5, answer) == (True, b"")


def test_a_connection_that_rests_is_closed(running: Service) -> None:
    with running.connects() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert _gone_after(connection)[0] < 3


def test_one_address_has_so_many_connections_and_no_more(running: Service) -> None:
    held = [running.connects() for _ in range(8)]
    try:
        time.sleep(0.1)
        with running.connects() as more:
            assert _gone_after(more)[0] < HEAD_S / 2
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.1)
    assert running.asks("GET", "/healthz").status == 200


def test_others_are_answered_while_many_stall(running: Service) -> None:
    held = [running.connects() for _ in range(6)]
    for connection in held:
        connection.sendall(b"GET / HT")
    began = time.monotonic()
    assert running.asks("GET", "/healthz").status == 200
    assert time.monotonic() - began < HEAD_S / 2
    for connection in held:
        connection.close()


def test_what_was_cut_is_counted(running: Service) -> None:
    metrics = running.asks("GET", "/metrics").body.decode().splitlines()
    cut = [line for line in metrics if line.startswith("ptywrap_connections_cut_total")]
    assert cut != ["ptywrap_connections_cut_total 0"]
