"""Children whose sockets are traced: each prints what is true of them, then ends."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netsniff.model import Event, Missed, Reading

PATIENCE_S = 10.0
HEAD = """
import json, os, socket, struct, sys, time
def cookie(one):
    return struct.unpack("=Q", one.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def tcp():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return client, server.accept()[0]
def say(*values):
    print(json.dumps([os.getpid(), *values]), flush=True)
def loopback_up():
    import fcntl
    fcntl.ioctl(udp(), 0x8914, struct.pack("16sH14x", b"lo", 1))
"""


def child(text: str, *wrapped: str) -> list[Any]:
    """Run a program to its end; its process id, and what else it said."""
    argv = [*wrapped, sys.executable, "-I", "-c", HEAD + text]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    said: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@contextlib.contextmanager
def at_work(source: Any) -> Iterator[Any]:
    """Open a source for a while; skip with what it says where it cannot be used."""
    probe = source.probe()
    if not probe.usable:
        pytest.skip(f"{probe.reason}: {probe.remedy}")
    source.open()
    try:
        yield source
    finally:
        source.close()


class Told:
    """What a source has told so far."""

    def __init__(self, read: Callable[[], list[Event]]) -> None:
        self._read = read
        self.events: list[Event] = []

    def of(self, cookie: int) -> list[Reading]:
        """What was told of one socket by now."""
        self.events += self._read()
        readings = [event for event in self.events if isinstance(event, Reading)]
        return [reading for reading in readings if reading.cookie == cookie]

    def last(self, cookie: int) -> Reading:
        """The final word on a socket that is over."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for reading in self.of(cookie):
                if reading.final:
                    return reading
            time.sleep(0.02)
        raise AssertionError(f"the end of {cookie} was not told: {self.of(cookie)}")

    def missed(self) -> list[Missed]:
        """The holes told of by now."""
        self.events += self._read()
        return [event for event in self.events if isinstance(event, Missed)]
