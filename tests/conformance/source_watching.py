"""Watches made-up programs through a source of sockets and keeps what was told of them.

Every program prints what is true: who it is, the cookie of each connection, its ends and what it
moved each way. Joined by the cookie, or by both ends while they are open; never by a port alone.
"""

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from netsniff.model import Endpoint, Event, Missed, Reading
from netsniff.sources.base import Source
from tests.conformance.watching import until

PATIENCE_S = 6.0

_CLIENT = """
import os, socket, struct, sys, time
host, port, number, send, want, hold_ms = sys.argv[1], *map(int, sys.argv[2:])
linux = sys.platform == "linux"
ticks = open("/proc/self/stat").read().rpartition(")")[2].split()[19] if linux else 0
os.read(0, 1)
for each in range(number):
    one = socket.create_connection((host, port))
    one.sendall(struct.pack("=II", send, want) + bytes(send - 8))
    got = 0
    while got < want:
        got += len(one.recv(65536))
    cookie = struct.unpack("=Q", one.getsockopt(1, 57, 8))[0] if linux else 0
    (a, p), (b, q) = one.getsockname()[:2], one.getpeername()[:2]
    print(os.getpid(), ticks, cookie, a, p, b, q, send, want, flush=True)
    if hold_ms:
        time.sleep(hold_ms / 1000)
    one.close()
"""


class Truth(NamedTuple):
    """One connection as the program that opened it knows it."""

    pid: int
    start_ticks: int
    cookie: int
    local: Endpoint
    remote: Endpoint
    sent_bytes: int
    received_bytes: int

    def is_told_by(self, event: Event) -> bool:
        """Say whether an event is about this end of this connection."""
        if isinstance(event, Missed):
            return False
        if event.cookie is not None and self.cookie:
            return event.cookie == self.cookie
        return (event.local, event.remote) == (self.local, self.remote)


class Load(NamedTuple):
    """What programs do: so many processes, each so many connections, one after the other."""

    processes: int = 1
    connections: int = 1
    send: int = 100
    want: int = 1000
    hold_ms: int = 0
    host: str = "127.0.0.1"


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[int]:
    """Answer each connection with as many bytes as it asks for; gives the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=256) as server:
        ended = threading.Event()
        thread = threading.Thread(target=_accept, args=(server, ended))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def _accept(server: socket.socket, ended: threading.Event) -> None:
    server.settimeout(0.05)
    while not ended.is_set():
        try:
            one, _ = server.accept()
        except TimeoutError:
            continue
        threading.Thread(target=_answer, args=(one,), daemon=True).start()


def _answer(one: socket.socket) -> None:
    with one:
        one.settimeout(20)
        head = one.recv(8, socket.MSG_WAITALL)
        send, want = (int.from_bytes(head[at : at + 4], sys.byteorder) for at in (0, 4))
        left = send - 8
        while left > 0:
            left -= len(one.recv(min(left, 65536)))
        one.sendall(bytes(want))
        one.recv(1)  # until the client closes


class Watch:
    """A source at work: collects what it tells."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: list[Event] = []
        self.poller = select.poll()
        self.descriptor = source.open()
        self.longest_ns = 0
        if self.descriptor is not None:
            self.poller.register(self.descriptor, select.POLLIN)

    def read(self) -> None:
        """Take what is there."""
        before = time.monotonic_ns()
        self.events.extend(self.source.read())
        self.longest_ns = max(self.longest_ns, time.monotonic_ns() - before)

    def until(self, done: Callable[[], bool], patience_s: float | None = None) -> bool:
        """Read until something is so; False when patience ran out."""
        return until(done, self.pause, PATIENCE_S if patience_s is None else patience_s)

    def pause(self) -> None:
        """Wait as the source wants it, a moment at most, and read."""
        if self.descriptor is None:
            time.sleep(min(self.source.period_ns / 1e9, 0.05))
            self.read()
        elif self.poller.poll(20):
            self.read()

    def quiet(self, length_s: float) -> None:
        """Read for a while."""
        deadline = time.monotonic() + length_s
        while time.monotonic() < deadline:
            self.pause()

    def told(self, truth: Truth) -> list[Reading]:
        """What was told of one connection's end, in order."""
        return [e for e in self.events if isinstance(e, Reading) and truth.is_told_by(e)]

    def final(self, truth: Truth) -> Reading | None:
        """What was told of it last, once it was over."""
        return next((each for each in reversed(self.told(truth)) if each.final), None)

    def missed(self) -> list[Missed]:
        """Holes."""
        return [each for each in self.events if isinstance(each, Missed)]


class Story(NamedTuple):
    """What was told, and what is true."""

    watch: Watch
    truths: list[Truth]
    began_ns: int
    ended_ns: int


def watch(source: Source, load: Load, done: Callable[[Story], bool]) -> Story:
    """Run a load under a source until something is so, the programs ended, or patience ran out."""
    with serving(load.host) as port:
        watching = Watch(source)
        try:
            watching.until(lambda: bool(watching.events), 0.2)  # what there was before
            began_ns = time.monotonic_ns()
            story = Story(watching, _run(watching, load, port), began_ns, began_ns)
            watching.until(lambda: done(story))
            return story._replace(ended_ns=time.monotonic_ns())
        finally:
            source.close()


def _run(watching: Watch, load: Load, port: int) -> list[Truth]:
    numbers = (port, load.connections, load.send, load.want, load.hold_ms)
    words = [load.host, *map(str, numbers)]
    children = [start(_CLIENT, *words) for _ in range(load.processes)]
    try:
        for child in children:
            watching.source.hurry(child.pid)
            go(child)
        ended = watching.until(lambda: all(child.poll() is not None for child in children), 20.0)
        assert ended, "the programs have not ended"
        return [_truth(line) for child in children for line in said(child)]
    finally:
        for child in children:
            end(child)


def _truth(line: str) -> Truth:
    words = line.split()
    pid, ticks, cookie, here, there, sent, received = (
        int(words[at]) for at in (0, 1, 2, 4, 6, 7, 8)
    )
    local, remote = Endpoint(words[3], here), Endpoint(words[5], there)
    return Truth(pid, ticks, cookie, local, remote, sent, received)


def start(code: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a program that waits for a byte before it begins."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def go(child: subprocess.Popen[bytes]) -> None:
    """Let a program begin."""
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.close()


def said(child: subprocess.Popen[bytes]) -> list[str]:
    """What a program printed."""
    assert child.stdout is not None
    text = child.stdout.read().decode()
    return text.splitlines()


def end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a program behind."""
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()
    child.kill()
    child.wait()
