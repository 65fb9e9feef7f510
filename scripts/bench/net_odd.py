"""Connections as nobody lists them, for the bench of the network; run by itself, no dependencies.

usage: net_odd.py CASE ADDRESS PORT NUMBER ; PORT and those above it are the server's

Each case makes NUMBER connections that the server logs, unless it says otherwise; each asks for
eight bytes more than the one before. Whoever connects is the owner, whoever uses it later.
"""

import array
import os
import select
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable

SIZE, STEP = 30_000, 8
RESET, CLOSING, SILENT, NOBODY = 1, 2, 3, 9
_MPTCP = 262
_NO_LINGER = struct.pack("ii", 1, 0)


def connected(to: tuple[str, int], above: int = 0) -> socket.socket:
    """Return a socket connected to the server's port so far above the first."""
    return socket.create_connection((to[0], to[1] + above))


def fetch(one: socket.socket, at: int, words: str = "") -> None:
    """Ask for the size of connection `at`, read all, leave the socket open."""
    size = SIZE + STEP * at
    one.sendall(b"GET /0/%012d%s HTTP/1.1\r\nHost: bench\r\n\r\n" % (size, words.encode()))
    got, head = 0, b""
    while True:
        data = one.recv(1 << 18)
        if not data:
            return
        head += data if b"\r\n\r\n" not in head else b""
        got += len(data)
        if b"\r\n\r\n" in head and got >= size + head.index(b"\r\n\r\n") + 4:
            return


def once(to: tuple[str, int], at: int) -> None:
    """Make one ordinary connection."""
    with connected(to) as one:
        fetch(one, at)


def refused(to: tuple[str, int], number: int) -> None:
    """Knock where nobody listens: none is logged."""
    for _ in range(number):
        socket.socket().connect_ex((to[0], to[1] + NOBODY))


def nobody_home(to: tuple[str, int], number: int) -> None:
    """Knock at an address without a host and give up: none is logged."""
    for _ in range(number):
        one = socket.socket()
        one.settimeout(0.05)
        one.connect_ex((to[0].rpartition(".")[0] + ".77", to[1]))
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


def execed(to: tuple[str, int], number: int) -> None:
    """Connect, become another program, and use the socket there."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            one = connected(to)
            os.set_inheritable(one.fileno(), True)
            script = (
                "import socket,sys; s=socket.socket(fileno=int(sys.argv[1]));"
                "s.sendall(b'GET /0/%012d/close HTTP/1.1\\r\\n\\r\\n' % int(sys.argv[2]))\n"
                "while s.recv(1<<18): pass"
            )
            words = [sys.executable, "-ISc", script, str(one.fileno()), str(SIZE + STEP * at)]
            os.execv(sys.executable, words)
        os.waitpid(pid, 0)


def inherited(to: tuple[str, int], number: int) -> None:
    """Connect, and let a child use it while the parent closes its own end of it."""
    for at in range(number):
        one = connected(to)
        pid = os.fork()
        if pid == 0:
            fetch(one, at)
            os._exit(0)
        one.close()
        os.waitpid(pid, 0)


def shared(to: tuple[str, int], number: int) -> None:
    """Connect, and hold it in four children at once for 30 ms."""
    for at in range(number):
        with connected(to) as one:
            pids = []
            for _ in range(4):
                pid = os.fork()
                if pid == 0:
                    time.sleep(0.03)
                    os._exit(0)
                pids.append(pid)
            fetch(one, at)
            for pid in pids:
                os.waitpid(pid, 0)


def passed_on(to: tuple[str, int], number: int) -> None:
    """Connect in a child that hands the socket to its parent (SCM_RIGHTS) and ends."""
    for at in range(number):
        here, there = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            one = connected(to)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))]
            there.sendmsg([b"x"], rights)
            os._exit(0)
        _, handed, _, _ = here.recvmsg(1, 64)
        os.waitpid(pid, 0)
        with socket.socket(fileno=array.array("i", handed[0][2])[0]) as one:
            fetch(one, at)
        here.close()
        there.close()


def threads(to: tuple[str, int], number: int) -> None:
    """Connect from eight threads."""

    def some(first: int) -> None:
        for at in range(first, number, 8):
            once(to, at)

    every = [threading.Thread(target=some, args=(first,)) for first in range(8)]
    for one in every:
        one.start()
    for one in every:
        one.join()


def forks(to: tuple[str, int], number: int) -> None:
    """Fork for each connection, as a fork server does: no program is executed."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            once(to, at)
            os._exit(0)
        if at % 4 == 3:
            os.waitpid(pid, 0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def killed(to: tuple[str, int], number: int) -> None:
    """Die by SIGKILL with the socket open."""
    for at in range(number):
        pid = os.fork()
        if pid == 0:
            fetch(connected(to), at)
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)


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
        execed, inherited, shared, passed_on, threads, forks, killed, unread, mapped, same_port,
        at_once, again, multipath, long_poll, reused,
    )
}  # fmt: skip


if __name__ == "__main__":
    CASES[sys.argv[1]]((sys.argv[2], int(sys.argv[3])), int(sys.argv[4]))
