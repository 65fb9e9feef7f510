"""Connections as nobody lists them, for the bench of the network; standard library only.

usage: python -m scripts.bench.net_odd CASE ADDRESS PORT NUMBER

PORT and those above it are the server's. Each case makes NUMBER connections that the server logs,
unless it says otherwise; each asks for eight bytes more than the one before. Whoever connects is
the owner, whoever uses it later.
"""

import select
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable

from scripts.bench import net_odd_owners as owners
from scripts.bench.net_odd_ends import SIZE, STEP, connected, fetch

RESET, CLOSING, SILENT, NOBODY = 1, 2, 3, 9
_MPTCP = 262
_NO_LINGER = struct.pack("ii", 1, 0)


def refused(to: tuple[str, int], number: int) -> None:
    """Knock where nobody listens: none is logged."""
    for _ in range(number):
        socket.socket().connect_ex((to[0], to[1] + NOBODY))


def nobody_home(to: tuple[str, int], number: int) -> None:
    """Knock at an address without a host and give up: none is logged."""
    for _ in range(number):
        one = socket.socket()
        one.settimeout(0.05)
        one.connect_ex((to[0].rpartition(".")[0] + ".77", to[1] + NOBODY))
        one.close()


def reset(to: tuple[str, int], number: int) -> None:
    """Be thrown out by a reset after the request."""
    for _ in range(number):
        with connected(to, RESET) as one:
            one.sendall(b"x" * 100)
            one.settimeout(1)
            try:
                one.recv(10)
            except OSError:
                continue


def closed_at_once(to: tuple[str, int], number: int) -> None:
    """Be closed without a byte."""
    for _ in range(number):
        with connected(to, CLOSING) as one:
            one.recv(10)


def no_bytes(to: tuple[str, int], number: int) -> None:
    """Connect, say nothing for 20 ms, close."""
    for _ in range(number):
        with connected(to, SILENT):
            time.sleep(0.02)


def our_reset(to: tuple[str, int], number: int) -> None:
    """Read all, then close by a reset."""
    for at in range(number):
        one = connected(to)
        fetch(one, at)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        one.close()


def half_closed(to: tuple[str, int], number: int) -> None:
    """Send all, close that way, and read until the server closes, too."""
    for at in range(number):
        with connected(to) as one:
            fetch(one, at, "/close")
            one.shutdown(socket.SHUT_WR)
            one.recv(10)


def sendfile(to: tuple[str, int], number: int) -> None:
    """Upload a file from the page cache."""
    for at in range(number):
        with tempfile.TemporaryFile() as file, connected(to, SILENT) as one:
            file.write(bytes(200_000 + STEP * at))
            file.flush()
            one.sendfile(file, 0)


def unread(to: tuple[str, int], number: int) -> None:
    """Close with the answer unread: a reset by the kernel, bytes that arrived and nobody took."""
    for at in range(number):
        with connected(to) as one:
            one.sendall(b"GET /0/%012d HTTP/1.1\r\n\r\n" % (SIZE + STEP * at))
            time.sleep(0.01)


def mapped(to: tuple[str, int], number: int) -> None:
    """Reach IPv4 through an IPv6 socket."""
    for at in range(number):
        with socket.socket(socket.AF_INET6) as one:
            one.connect((f"::ffff:{to[0]}", to[1]))
            fetch(one, at)


def same_port(to: tuple[str, int], number: int) -> None:
    """Use one local port again and again, the server closing first."""
    port = 0
    for at in range(number):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", port))
            one.connect(to)
            port = one.getsockname()[1]
            fetch(one, at, "/close")
            one.recv(10)


def at_once(to: tuple[str, int], number: int) -> None:
    """Open all at once, then use them."""
    every = []
    for _ in range(number):
        one = socket.socket()
        one.settimeout(0)
        one.connect_ex(to)
        every.append(one)
    for at, one in enumerate(every):
        select.select([], [one], [])
        one.settimeout(None)
        fetch(one, at)
        one.close()


def again(to: tuple[str, int], number: int) -> None:
    """Dissolve a connection by AF_UNSPEC, connect the same socket anew: one cookie, two lives."""
    for at in range(0, number, 2):
        with socket.socket() as one:
            for turn in (at, at + 1):
                one.connect(to)
                fetch(one, turn)
                _dissolve(one)


def multipath(to: tuple[str, int], number: int) -> None:
    """Ask for Multipath TCP, as newer Go programs do: the TCP socket has no descriptor."""
    for at in range(number):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, _MPTCP) as one:
            one.connect(to)
            fetch(one, at)


def long_poll(to: tuple[str, int], number: int) -> None:
    """Wait a second for an answer, all at the same time."""
    every = [connected(to) for _ in range(number)]
    for at, one in enumerate(every):
        one.sendall(b"GET /1000000/%012d HTTP/1.1\r\n\r\n" % (SIZE + STEP * at))
    for at, one in enumerate(every):
        got = 0
        while got < SIZE + STEP * at:
            got += len(one.recv(1 << 18))
        one.close()


def reused(to: tuple[str, int], number: int) -> None:
    """Ask ten times over each connection, each kept for a while."""
    for at in range(number):
        with connected(to) as one:
            for _ in range(10):
                fetch(one, at)


def _dissolve(one: socket.socket) -> None:
    import ctypes  # noqa: PLC0415 - one case needs it

    ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16)


CASES: dict[str, Callable[[tuple[str, int], int], None]] = {
    one.__name__: one
    for one in (
        refused, nobody_home, reset, closed_at_once, no_bytes, our_reset, half_closed, sendfile,
        owners.execed, owners.inherited, owners.shared, owners.passed_on, owners.threads,
        owners.forks, owners.killed, unread, mapped, same_port, at_once, again, multipath,
        long_poll, reused,
    )
}  # fmt: skip


if __name__ == "__main__":
    CASES[sys.argv[1]]((sys.argv[2], int(sys.argv[3])), int(sys.argv[4]))
