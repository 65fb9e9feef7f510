"""The source that works by a scanner of its own: who held what, and what happens when that ends."""

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netsniff.model import Event, Missed, Reading
from netsniff.sources import sock_diag
from netsniff.sources.base import SourceError

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

CONNECT = """
import socket, sys, time
time.sleep(float(sys.argv[2]))
one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
one.recv(100)
"""
"""A client that needs a moment before it connects, and leaves when it was answered."""


class Watch:
    """A source, and what it has told."""

    def __init__(self) -> None:
        self.source = sock_diag.SockDiag()
        self.descriptor = self.source.open()
        self.poller = select.poll()
        self.poller.register(self.descriptor, select.POLLIN)
        self.told: list[Event] = []
        number = self.source.flush()  # it is answered once the scanner has begun
        self.until(lambda: self.source.flushed >= number and bool(scanners()))
        self.scanner = scanners()[0]

    def until(self, wanted: Callable[[], bool], seconds: float = 5) -> bool:
        """Read until something is so; False: it never was."""
        end = time.monotonic() + seconds
        while not wanted():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.poller.poll(min(left, 0.05) * 1000)
            self.told += self.source.read()
        return True

    def holders(self, pid: int) -> list[str]:
        """With what confidence a process was told to hold something."""
        events = [each for each in self.told if isinstance(each, Reading) and each.holder]
        return [each.holder.confidence for each in events if each.holder and each.holder.pid == pid]

    def ended(self, port: int) -> list[Reading]:
        """The connections to a port that are over."""
        events = [each for each in self.told if isinstance(each, Reading) and each.final]
        return [each for each in events if each.remote and each.remote.port == port]

    def missed(self) -> list[Missed]:
        """The holes."""
        return [each for each in self.told if isinstance(each, Missed)]


class Server:
    """Holds each connection for a moment, answers with a number of bytes and waits for its end."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def serve(self, number: int, *, hold_ms: float) -> None:
        """Serve some connections, one after the other."""
        for _ in range(number):
            one, _ = self.socket.accept()
            with one:
                time.sleep(hold_ms / 1000)
                one.sendall(bytes(50))
                one.recv(1)

    def client(self, *, delay_ms: float = 0) -> subprocess.Popen[bytes]:
        """A program that connects once."""
        words = [str(self.port), str(delay_ms / 1000)]
        return subprocess.Popen([sys.executable, "-I", "-S", "-c", CONNECT, *words])


def scanners(parent: int | None = None) -> list[int]:
    """The scanners that are children of ours or of another, newest first; a zombie is none."""
    tasks = Path(f"/proc/{parent or 'self'}/task").glob("*/children")
    pids = [pid for task in tasks for pid in task.read_text(encoding="ascii").split()]
    found = [pid for pid in pids if b"scanner.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return sorted(map(int, found), reverse=True)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Yield an open source."""
    watch = Watch()
    yield watch
    watch.source.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server."""
    server = Server()
    yield server
    server.socket.close()


def test_a_connection_of_100_ms_has_its_process_for_certain(watch: Watch, server: Server) -> None:
    watch.source.hurry(os.getpid())
    with server.client(delay_ms=100) as client:
        server.serve(1, hold_ms=100)
    assert watch.until(lambda: bool(watch.ended(server.port)))
    assert set(watch.holders(client.pid)) == {"exact"}
    (over,) = watch.ended(server.port)
    assert over.received_bytes in {49, 50}  # whose FIN came first is not told (diag_message.py)


def test_after_a_hint_even_one_of_3_ms_has_its_process(watch: Watch, server: Server) -> None:
    """The first ones of a program are looked for in the dark; one in two of them is found."""
    hints, writing = os.pipe2(os.O_NONBLOCK)
    watch.source.hear(hints)
    clients = []
    for _ in range(8):
        with server.client(delay_ms=5) as client:
            os.write(writing, (client.pid | 7 << 32).to_bytes(8, sys.byteorder))
            server.serve(1, hold_ms=3)
        clients.append(client.pid)
    assert watch.until(lambda: len(watch.ended(server.port)) == 8)
    os.close(hints)
    os.close(writing)
    assert sum(bool(watch.holders(pid)) for pid in clients) >= 4
    assert {each for pid in clients for each in watch.holders(pid)} == {"exact"}


def test_a_flush_is_answered_once_all_that_ended_before_is_told(
    watch: Watch, server: Server
) -> None:
    for _ in range(5):
        with server.client():
            server.serve(1, hold_ms=0)
    number = watch.source.flush()
    assert watch.until(lambda: watch.source.flushed >= number)
    assert len(watch.ended(server.port)) == 5


def test_a_flush_tells_what_a_living_connection_has_moved(watch: Watch, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as near:
        far, _ = server.socket.accept()
        with far:
            assert watch.until(lambda: watch.source.flushed >= watch.source.flush() - 1)
            far.sendall(bytes(1234))
            near.recv(2000)
            number = watch.source.flush()
            assert watch.until(lambda: watch.source.flushed >= number)
    moved = [each.received_bytes for each in watch.told if isinstance(each, Reading)]
    assert 1234 in moved


def test_a_scanner_that_dies_is_told_as_missed_and_started_again(
    watch: Watch, server: Server
) -> None:
    os.kill(watch.scanner, signal.SIGKILL)
    assert watch.until(lambda: bool(watch.missed()))
    assert [(each.number, each.reason) for each in watch.missed()] == [(None, "the scanner ended")]
    with server.client():
        server.serve(1, hold_ms=30)
    assert watch.until(lambda: bool(watch.ended(server.port)))
    assert len(scanners()) == 1
    assert watch.scanner not in scanners()


def test_what_ends_while_there_is_no_scanner_is_told_by_the_next_one(
    watch: Watch, server: Server
) -> None:
    os.kill(watch.scanner, signal.SIGSTOP)
    with server.client():
        server.serve(1, hold_ms=0)
    os.kill(watch.scanner, signal.SIGKILL)
    assert watch.until(lambda: bool(watch.ended(server.port)))


def test_a_scanner_that_dies_again_and_again_breaks_the_source(watch: Watch) -> None:
    def dies() -> bool:
        for pid in scanners():
            os.kill(pid, signal.SIGKILL)
        return False

    with pytest.raises(SourceError, match="again and again"):
        watch.until(dies)


def test_who_waits_for_a_flush_of_a_scanner_that_died_is_answered(watch: Watch) -> None:
    os.kill(watch.scanner, signal.SIGSTOP)
    number = watch.source.flush()
    os.kill(watch.scanner, signal.SIGKILL)
    assert watch.until(lambda: watch.source.flushed >= number)


def test_at_rest_what_ends_is_told_all_the_same(watch: Watch, server: Server) -> None:
    watch.source.rest()
    with server.client():
        server.serve(1, hold_ms=0)
    assert watch.until(lambda: bool(watch.ended(server.port)))


def test_at_rest_a_hint_wakes_it(watch: Watch, server: Server) -> None:
    hints, writing = os.pipe2(os.O_NONBLOCK)
    watch.source.hear(hints)
    watch.source.rest()
    watch.until(lambda: False, seconds=0.1)
    with server.client(delay_ms=5) as client:
        os.write(writing, (client.pid | 7 << 32).to_bytes(8, sys.byteorder))
        server.serve(1, hold_ms=60)
    assert watch.until(lambda: bool(watch.ended(server.port)))
    os.close(hints)
    os.close(writing)
    assert set(watch.holders(client.pid)) == {"exact"}


def test_who_has_a_thousand_descriptors_may_have_a_scanner(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        high = fcntl.fcntl(0, fcntl.F_DUPFD, 1100)
        stack.callback(os.close, high)
        for _ in range(high - len(os.listdir("/proc/self/fd"))):
            stack.callback(os.close, os.dup(high))
        watch = Watch()
        stack.callback(watch.source.close)
        with server.client():
            server.serve(1, hold_ms=0)
        assert watch.until(lambda: bool(watch.ended(server.port)))


def test_a_scanner_ends_with_the_one_who_started_it() -> None:
    code = "from netsniff.sources.sock_diag import SockDiag as S; s = S(); s.open(); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as starter:
        until = time.monotonic() + 10
        while not (found := scanners(starter.pid)) and time.monotonic() < until:
            time.sleep(0.01)
        starter.kill()
    while Path(f"/proc/{found[0]}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not Path(f"/proc/{found[0]}").exists()


def test_nothing_is_left_of_it_when_it_is_closed() -> None:
    before = len(os.listdir("/proc/self/fd"))
    Watch().source.close()
    assert (scanners(), len(os.listdir("/proc/self/fd"))) == ([], before)
