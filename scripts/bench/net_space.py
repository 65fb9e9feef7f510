"""Where the server stands: a network namespace of its own, or loopback for who is not root."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scripts.bench.net_truth import Truth

ROOT = Path(__file__).parents[2]
PORT = 18600
_NAME = "bench-net"
_DEVICE = "benchnet"
_PART = os.getpid() % 250
_SUBNET = f"10.213.{_PART}"
_PREFIX = f"fd86:213:{_PART}"


class Datagrams(NamedTuple):
    """What was exchanged with one UDP peer."""

    address: str
    port: int
    first_ns: int
    received_bytes: int
    sent_bytes: int


class Space(NamedTuple):
    """The server, and from where it is reached; `device` None: over loopback."""

    address: str
    address6: str
    device: str | None
    inside: list[str]
    """What to put before a program that is to run where the server does."""
    server: subprocess.Popen[str]

    @property
    def ports(self) -> range:
        """Where the server listens for connections."""
        return range(PORT, PORT + 4)

    def take(self, settle_s: float = 0.3) -> tuple[list[Truth], list[Datagrams]]:
        """Return what the server has logged since it was last asked."""
        time.sleep(settle_s)
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write("take\n")
        self.server.stdin.flush()
        said = json.loads(self.server.stdout.readline())
        return (
            [Truth.of(line) for line in said["connections"]],
            [Datagrams(*line) for line in said["datagrams"]],
        )

    def url(self, delay_us: int, size: str, *, six: bool = False) -> str:
        """Return where `size` bytes come from after a delay."""
        host = f"[{self.address6}]" if six else self.address
        return f"http://{host}:{PORT}/{delay_us}/{size}"


@contextmanager
def space() -> Iterator[Space]:
    """Start the server, in another namespace where we may make one, and end both."""
    apart = os.getuid() == 0 and shutil.which("ip") is not None
    name = f"{_NAME}-{os.getpid()}"
    device = f"{_DEVICE}{os.getpid() % 10000}"
    here, there = f"{_SUBNET}.1/24", f"{_SUBNET}.2/24"
    try:
        if apart:
            _wire(name, device, (here, there))
        yield from _served(name if apart else None, device)
    finally:
        if apart:
            _ip("link", "del", device, check=False)
            _ip("netns", "del", name, check=False)


def _wire(name: str, device: str, ends: tuple[str, str]) -> None:
    _ip("netns", "add", name)
    _ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("addr", "add", ends[0], "dev", device)
    _ip("-6", "addr", "add", f"{_PREFIX}::1/64", "dev", device, "nodad")
    _ip("link", "set", device, "up")
    for words in (
        ("addr", "add", ends[1], "dev", "eth0"),
        ("-6", "addr", "add", f"{_PREFIX}::2/64", "dev", "eth0", "nodad"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _ip("-n", name, *words)


def _served(name: str | None, device: str) -> Iterator[Space]:
    addresses = ("127.0.0.1", "::1") if name is None else (f"{_SUBNET}.2", f"{_PREFIX}::2")
    inside = [] if name is None else ["ip", "netns", "exec", name]
    argv = [*inside, sys.executable, "-m", "scripts.bench.net_server", str(PORT), *addresses]
    server = _started(argv)
    try:
        yield Space(addresses[0], addresses[1], None if name is None else device, inside, server)
    finally:
        server.kill()
        server.wait()


def _started(argv: Sequence[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    server = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
    if os.getuid() == 0:
        # Beside burners it must tell times as they are.
        os.setpriority(os.PRIO_PROCESS, server.pid, -10)
    assert server.stdout is not None
    if server.stdout.readline() != "ready\n":
        server.kill()
        server.wait()
        raise RuntimeError("the server does not start")
    return server


def _ip(*words: str, check: bool = True) -> None:
    quiet = None if check else subprocess.DEVNULL
    subprocess.run(["ip", *words], check=check, stderr=quiet)
