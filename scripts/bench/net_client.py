"""What a client does, for the bench of the network; standard library only.

usage: python -m scripts.bench.net_client SHAPE ADDRESS PORT NUMBER RATE DELAY_US SIZE

It needs nothing of the project, so that any account and any Python can run it. SHAPE is one of the
functions below; each connection asks for eight bytes more than the one before, so that its bytes
tell which it was. The shapes that nobody would list are in `net_odd.py`.
"""

import select
import socket
import sys
import time
from typing import NamedTuple

assert sys.platform == "linux"

STEP = 8


class Task(NamedTuple):
    """What to do; `rate` is connections a second, 0 as fast as it goes."""

    address: str
    port: int
    number: int
    rate: int
    delay_us: int
    size: int

    def due(self, began: float, at: int) -> float:
        """Return seconds until connection `at` is to begin."""
        return began + at / self.rate - time.monotonic() if self.rate else 0.0


def connected(task: Task) -> socket.socket:
    """Return a connected socket."""
    return socket.create_connection((task.address, task.port))


def ask(one: socket.socket, delay_us: int, size: int) -> None:
    """Send a request."""
    one.sendall(b"GET /%d/%012d HTTP/1.1\r\nHost: bench\r\n\r\n" % (delay_us, size))


def drain(one: socket.socket, size: int) -> None:
    """Read an answer of `size` bytes of content."""
    left: int | None = None
    head = b""
    while left is None or left > 0:
        data = one.recv(1 << 18)
        if not data:
            return
        if left is not None:
            left -= len(data)
            continue
        head += data
        if b"\r\n\r\n" in head:
            left = size - (len(head) - head.index(b"\r\n\r\n") - 4)


def steady(task: Task) -> None:
    """Open connections at a rate from this one process, each living as long as its answer takes."""
    poll = select.epoll()
    living: dict[int, tuple[socket.socket, int]] = {}
    began = time.monotonic()
    opened = 0
    while opened < task.number or living:
        due = task.due(began, opened)
        if opened < task.number and due <= 0:
            one, size = connected(task), task.size + STEP * opened
            ask(one, task.delay_us, size)
            poll.register(one.fileno(), select.EPOLLIN)
            living[one.fileno()] = (one, size)
            opened += 1
            continue
        for descriptor, _ in poll.poll(max(0.0, due) if opened < task.number else 1.0):
            one, size = living.pop(descriptor)
            poll.unregister(descriptor)
            drain(one, size)
            one.close()


def brief(task: Task) -> None:
    """Open, use and close one connection after another."""
    began = time.monotonic()
    for at in range(task.number):
        time.sleep(max(0.0, task.due(began, at)))
        one, size = connected(task), task.size + STEP * at
        ask(one, task.delay_us, size)
        drain(one, size)
        one.close()


def hold(task: Task) -> None:
    """Hold connections open, say so, and wait for the end of stdin."""
    held = [connected(task) for _ in range(task.number)]
    print(len(held), flush=True)
    sys.stdin.read()


def datagrams(task: Task) -> None:
    """Send datagrams at a rate, read what comes back and say how many those were."""
    family = socket.AF_INET6 if ":" in task.address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    one.connect((task.address, task.port))
    one.settimeout(0.5)
    began = time.monotonic()
    for at in range(task.number):
        one.send(bytes(task.size))
        if not at % 10:
            time.sleep(max(0.0, task.due(began, at)))
    back = 0
    try:
        while back < task.number:
            one.recv(65536)
            back += 1
    except OSError:
        pass
    print(back, flush=True)


def main() -> None:
    """Do one shape."""
    shapes = {"steady": steady, "brief": brief, "hold": hold, "datagrams": datagrams}
    shapes[sys.argv[1]](Task(sys.argv[2], *map(int, sys.argv[3:8])))


if __name__ == "__main__":
    main()
