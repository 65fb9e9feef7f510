"""The server that knows: it logs time and bytes of every connection, for the bench of the network.

usage: python -m scripts.bench.net_server PORT ADDRESS... ; then `take` or `quit` in lines on stdin

`take` prints one JSON object: `connections`, each (port of ours, peer's address, peer's port,
accepted at, closed at or null, received, sent, whether it ended by a reset), and `datagrams`, each
(peer's address, peer's port, first at, received, sent). Times are CLOCK_MONOTONIC ns, bytes are
payload. What was taken is forgotten, but for connections that are still open.

What is served, by port: PORT answers HTTP (`/DELAY_US/SIZE`, and closes first with a further
`/close`), +1 resets after a request, +2 closes at once, +3 reads and never answers, +4 is UDP and
answers each datagram with itself.
"""

import heapq
import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

assert sys.platform == "linux"

HTTP, RESET, CLOSING, SILENT, DATAGRAM = range(5)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %012d\r\nContent-Type: text/plain\r\n\r\n"
HEAD_BYTES = len(HEAD % 0)
_BLOCK = memoryview(bytes(1 << 18))
_NO_LINGER = struct.pack("ii", 1, 0)


class Connection:
    """One connection as this side knows it."""

    __slots__ = ("ask", "last", "left", "line", "socket", "waiting")

    def __init__(self, accepted: socket.socket, line: list[Any], ask: int) -> None:
        self.socket = accepted
        self.line = line
        self.ask = ask
        self.waiting = b""
        self.left = 0
        self.last = False


class Server:
    """Serves all ports of all addresses from one loop."""

    def __init__(self, port: int, addresses: list[str]) -> None:
        self.poll = select.epoll()
        self.listeners: dict[int, tuple[socket.socket, int]] = {}
        self.open: dict[int, Connection] = {}
        self.done: list[list[Any]] = []
        self.datagrams: dict[tuple[str, int], list[Any]] = {}
        self.due: list[tuple[int, int, int, int]] = []
        self.serial = 0
        for address in addresses:
            for ask in range(5):
                self._listen(address, port + ask, ask)
        self.poll.register(0, select.EPOLLIN)

    def run(self) -> None:
        """Serve until told to quit."""
        while True:
            for descriptor, _ in self.poll.poll(self._patience()):
                if descriptor == 0:
                    if not self._told():
                        return
                elif descriptor in self.listeners:
                    self._knock(*self.listeners[descriptor])
                elif descriptor in self.open:
                    self._serve(self.open[descriptor])
            while self.due and self.due[0][0] <= time.monotonic_ns():
                _, serial, descriptor, size = heapq.heappop(self.due)
                connection = self.open.get(descriptor)
                if connection is not None and connection.line[-1] == serial:
                    self._answer(connection, size)

    def _patience(self) -> float:
        if not self.due:
            return -1
        return max(0.0, (self.due[0][0] - time.monotonic_ns()) / 1e9)

    def _listen(self, address: str, port: int, ask: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_DGRAM if ask == DATAGRAM else socket.SOCK_STREAM
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.settimeout(0)
        listener.bind((address, port))
        if ask == DATAGRAM:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        else:
            listener.listen(4096)
        self.listeners[listener.fileno()] = (listener, ask)
        self.poll.register(listener.fileno(), select.EPOLLIN)

    def _told(self) -> bool:
        words = os.read(0, 4096).split()
        if b"take" in words:
            now = [one.line[:-1] for one in self.open.values()]
            taken = {
                "connections": [line[:-1] for line in self.done] + now,
                "datagrams": [[*peer, *line] for peer, line in self.datagrams.items()],
            }
            self.done, self.datagrams = [], {}
            sys.stdout.write(json.dumps(taken) + "\n")
            sys.stdout.flush()
        return bool(words) and b"quit" not in words

    def _knock(self, listener: socket.socket, ask: int) -> None:
        if ask == DATAGRAM:
            self._echo(listener)
            return
        while True:
            try:
                accepted, peer = listener.accept()
            except BlockingIOError:
                return
            accepted.settimeout(0)
            self.serial += 1
            port = listener.getsockname()[1]
            line = [port, peer[0], peer[1], time.monotonic_ns(), None, 0, 0, False, self.serial]
            connection = Connection(accepted, line, ask)
            self.open[accepted.fileno()] = connection
            if ask == CLOSING:
                self._close(connection, reset=False)
            else:
                self.poll.register(accepted.fileno(), select.EPOLLIN)
                self._serve(connection)

    def _echo(self, listener: socket.socket) -> None:
        while True:
            try:
                data, peer = listener.recvfrom(65536)
            except BlockingIOError:
                return
            line = self.datagrams.setdefault(peer[:2], [time.monotonic_ns(), 0, 0])
            line[1] += len(data)
            try:
                line[2] += listener.sendto(data, peer)
            except OSError:
                continue  # its buffer is full: what was not sent is not counted

    def _serve(self, connection: Connection) -> None:
        if connection.left:
            self._send(connection)
            return
        try:
            data = connection.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection, reset=True)
            return
        connection.line[5] += len(data)
        if not data:
            self._close(connection, reset=False)
        elif connection.ask == RESET:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._close(connection, reset=True)
        elif connection.ask == HTTP:
            self._request(connection, data)

    def _request(self, connection: Connection, data: bytes) -> None:
        connection.waiting += data
        head, end, rest = connection.waiting.partition(b"\r\n\r\n")
        if not end:
            return
        connection.waiting = rest
        words = head.split(b" ", 2)[1].strip(b"/").split(b"/")
        connection.last = len(words) > 2
        delay_ns, size = int(words[0]) * 1000, int(words[1])
        if delay_ns:
            due = (time.monotonic_ns() + delay_ns, connection.line[-1], connection.socket.fileno())
            heapq.heappush(self.due, (*due, size))
        else:
            self._answer(connection, size)

    def _answer(self, connection: Connection, size: int) -> None:
        connection.left = size + HEAD_BYTES
        head = HEAD % size
        self._send(connection, head + _BLOCK[: min(size, 1 << 18)])

    def _send(self, connection: Connection, block: bytes | None = None) -> None:
        while connection.left:
            try:
                sent = connection.socket.send(block or _BLOCK[: connection.left])
            except BlockingIOError:
                self.poll.modify(connection.socket.fileno(), select.EPOLLOUT)
                return
            except OSError:
                self._close(connection, reset=True)
                return
            block = None
            connection.line[6] += sent
            connection.left -= sent
        self.poll.modify(connection.socket.fileno(), select.EPOLLIN)
        if connection.last:
            connection.socket.shutdown(socket.SHUT_WR)

    def _close(self, connection: Connection, *, reset: bool) -> None:
        del self.open[connection.socket.fileno()]
        connection.socket.close()
        connection.line[4] = time.monotonic_ns()
        connection.line[7] = reset
        self.done.append(connection.line)


def main() -> int:
    """Serve the ports from PORT on, of each ADDRESS."""
    server = Server(int(sys.argv[1]), sys.argv[2:])
    print("ready", flush=True)
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
