"""A service that behaves as badly as a network can, and a proxy: real sockets on loopback.

with faults.service() as it:
    it.moods.append("reset")          # what the next batches meet, in turn; then `keep`
    ...
    it.stored["000000000001-…"]       # the bytes of a body that was stored
"""

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

_LINGER_NONE = struct.pack("ii", 1, 0)
_ABROAD = "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n"
_LONG = _ABROAD.format(200, "application/json", 999, "").encode()


class Request(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Closed(Exception):
    """The other end hung up in the middle of a request."""


class Service:
    """What came, what was stored, and how the next requests are met."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.moods: list[str] = []
        self.enrolling: dict[str, Any] = {}
        self.stored: dict[str, bytes] = {}
        self.repeated = 0
        self.differed = 0
        self.limit_bytes = 1 << 20
        self.on_batch: Callable[[], None] = lambda: None
        self.url = ""

    def batches(self) -> list[Request]:
        """Return the requests that carried a batch."""
        return [request for request in self.requests if request.path == "/v1/batches"]

    def paths(self) -> list[str]:
        """Return what was asked for, method first."""
        return [f"{request.method} {request.path}" for request in self.requests]

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Meet one connection: one request, one answer or worse."""
        try:
            with contextlib.suppress(OSError, Closed, asyncio.IncompleteReadError):
                request = await _request(reader)
                self.requests.append(request)
                await self._meet(request, writer)
        finally:
            writer.close()

    async def _meet(self, request: Request, writer: asyncio.StreamWriter) -> None:
        mood = self.moods.pop(0) if self.moods else "keep"
        worse = {
            "hang": _hang,
            "loris": _loris,
            "reset": _reset,
            "half": _half,
            "flood": _flood,
        }.get(mood)
        if mood == "lost":
            self._answer(request)
            await _reset(writer)
        elif worse is not None:
            await worse(writer)
        elif mood == "portal":
            await _write(writer, 200, b"<html>Welcome! Accept our terms.</html>", "text/html")
        elif mood == "redirect":
            await _write(writer, 302, b"", "text/html", f"Location: {self.url}/elsewhere\r\n")
        elif mood.partition(" ")[0].isdecimal():
            await _refuse(writer, *mood.split(" "))
        else:
            status, body = self._answer(request)
            await _write(writer, status, json.dumps(body).encode())

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        path = request.path.partition("?")[0]
        if path != "/v1/batches":
            return (202 if request.method == "DELETE" else 200), self.enrolling
        self.on_batch()
        name = request.headers["idempotency-key"]
        if len(request.body) > self.limit_bytes:
            return 413, {"error": "too large"}
        known = self.stored.get(name)
        self.repeated += known == request.body
        if known is not None and known != request.body:
            self.differed += 1
            return 400, {"error": "another body has this id"}
        self.stored[name] = request.body
        return 200, {"batch": name, "rows": 1, "rejected": 0, "repeated": known is not None}


class Proxy:
    """A forward proxy that takes CONNECT and whole addresses; `asked` says for what."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append(f"{method} {target}")
        where = target.removeprefix("http://").partition("/")[0]
        host, _, port = where.rpartition(":")
        onward = await asyncio.open_connection(host.strip("[]"), int(port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            onward[1].write(head.replace(target.encode(), target.partition(where)[2].encode(), 1))
        await asyncio.gather(_pass_on(reader, onward[1]), _pass_on(onward[0], writer))


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, as hex."""
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def service(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Service]:
    """Run a service on a port of its own; `host` is the name its address shows."""
    made = Service()
    with _listening(made.client, tls) as port:
        made.url = f"{'https' if tls else 'http'}://{host}:{port}"
        yield made


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy on a port of its own."""
    made = Proxy()
    with _listening(made.client, None) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Give the address of a port that answers no packet: its queue of connections is full."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            one = held.enter_context(socket.socket())
            one.setblocking(False)  # noqa: FBT003 - its one parameter
            with contextlib.suppress(BlockingIOError):
                one.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _listening(
    client: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    tls: ssl.SSLContext | None,
) -> Iterator[int]:
    """Serve from a thread with a loop of its own, and end what is still open at the end."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # a TLS client that hangs up is what is tested
    server = loop.run_until_complete(asyncio.start_server(client, "127.0.0.1", 0, ssl=tls))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # closed transports are let go of in the next turn


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    if len(head[0].split(" ")) != 3:
        raise Closed
    method, path, _ = head[0].split(" ")
    pairs = [line.partition(": ") for line in head[1:] if line]
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def _write(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    kind: str = "application/json",
    more: str = "",
) -> None:
    writer.write(_ABROAD.format(status, kind, len(body), more).encode() + body)
    await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: str, how: str = "") -> None:
    """Answer a status: `html` is not the service's page, digits are a Retry-After."""
    if how == "html":
        await _write(writer, int(status), b"<html>No.</html>", "text/html")
        return
    more = f"Retry-After: {how}\r\n" if how else ""
    body = json.dumps({"error": "not now"}).encode()
    await _write(writer, int(status), body, more=more)


async def _hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def _loris(writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time: no silence is long enough to be cut."""
    writer.write(_LONG)
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _flood(writer: asyncio.StreamWriter) -> None:
    """Answer without an end."""
    writer.write(_LONG.replace(b"999", b"99999999999"))
    while True:
        writer.write(b"[" * 65_536)
        await writer.drain()


async def _half(writer: asyncio.StreamWriter) -> None:
    """Break off within the answer."""
    writer.write(_LONG + b"{")
    await writer.drain()


async def _reset(writer: asyncio.StreamWriter) -> None:
    """Send a RST (socket(7), SO_LINGER of 0)."""
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
