"""A service of a test's own: real processes on loopback, asked over real sockets."""

import contextlib
import fcntl
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import zstandard

from ingest import journal
from ingest.__main__ import main
from ingest.entries import Entry
from ptywrap import wire
from tests import build

ROOT = Path(__file__).resolve().parents[2]
START_S = 20.0
_LISTENING = re.compile(r"listening at (https?)://127\.0\.0\.1:(\d+)")
# Nobody is told to wait: all of a test comes from one device at one address.
OPEN_HANDED = "requests_per_second = 100000\nbytes_per_minute = 1000000000\n"


class Answer(NamedTuple):
    """What came back: status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Service:
    """`ptywrap-ingest serve` over a folder, its store in memory.

    `away`: another holds the store's lock, so that nobody reads the journal or answers.
    """

    def __init__(
        self, settings: str = OPEN_HANDED, *, away: bool = False, folder: Path | None = None
    ) -> None:
        # A socket's path has room for about 100 bytes: pytest's own folders are too deep.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="front-"))
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700, exist_ok=True)
        (self.data / "config.toml").write_text(settings)
        self.port = 0
        self.scheme = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = (self.data / "store.lock").open("wb") if away else None
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._said = self.folder / "said"

    def start(self, *more: str, before: Sequence[str] = ()) -> "Service":
        """Start it, by what comes before, and wait until it listens."""
        argv = [
            *before,
            *(sys.executable, "-m", "ingest", "serve", "--listen", "127.0.0.1:0"),
            *("--data", str(self.data), "--store", "memory:", *more),
        ]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=said)
        until = time.monotonic() + START_S
        while (found := _LISTENING.search(self._said.read_text())) is None:
            assert time.monotonic() < until, self._said.read_text()
            assert self.process.poll() is None, self._said.read_text()
            time.sleep(0.01)
        self.scheme, self.port = found[1], int(found[2])
        return self

    @property
    def pid(self) -> int:
        """The front's."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """Kill the front without notice."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to leave; return its status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(START_S)

    def close(self) -> None:
        """End it and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(START_S)
        if self._lock is not None:
            self._lock.close()
        # A store process whose front was killed leaves by itself, once it has begun.
        until = time.monotonic() + START_S
        while any(str(self.data) in words for words in _running()):
            assert time.monotonic() < until, "a store process stays"
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)

    def token(self, *words: str) -> str:
        """Return what `token create` prints."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            assert main(["token", "create", *words, "--data", str(self.data)]) == 0
        return said.getvalue().strip()

    def tokens(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ptywrap-ingest token`."""
        argv = [sys.executable, "-m", "ingest", "token", *words, "--data", str(self.data)]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)

    def asks(
        self, method: str, path: str, token: str = "", body: bytes = b"", **headers: str
    ) -> Answer:
        """Ask once on a connection of its own; `_` in the name of a header is `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            said["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body or None, said)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def enrol(self, token: str, device: str = build.DEVICE) -> Answer:
        """Enrol a device."""
        return self.asks("POST", "/v1/enrol", token, json.dumps({"device": device}).encode())

    def device(self, device: str = build.DEVICE, *words: str) -> str:
        """Return a token of an enrolled device."""
        token = self.token(*words)
        assert self.enrol(token, device).status == 200
        return token

    def post(self, token: str, batch: "Sent", **headers: str) -> Answer:
        """Post a batch."""
        said = {
            "Content_Type": "application/msgpack",
            "Content_Encoding": "zstd",
            "Idempotency_Key": batch.id,
            "X_Ptywrap_Sent_At": str(time.time_ns()),
        }
        return self.asks("POST", "/v1/batches", token, batch.body, **(said | headers))

    def journalled(self) -> list[tuple[str, str]]:
        """Return kind and id of what the journal holds."""
        return [(entry.kind, entry.id) for _, entry in journal.read(self.data / "journal")]

    def connects(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), START_S)

    def log(self) -> str:
        """Return what the front logged."""
        return (self.data / "logs" / "front.log").read_text()


class Sent(NamedTuple):
    """A batch as it travels."""

    id: str
    body: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-256 of its bytes."""
        return hashlib.sha256(self.body).digest()


def batch(number: int, *facts: wire.Fact, device: str = build.DEVICE) -> Sent:
    """Return the batch of segment `number`, of one command unless facts are given."""
    name = f"{number:012d}-000000000000-{device}"
    told = facts or (command(number),)
    header = build.a_segment(device=device, wall_ns=time.time_ns())
    return Sent(name, zstandard.compress(wire.pack(name, header, told), 3))


def command(mark: int, **changes: Any) -> wire.Command:
    """Return an ended command of its own for each mark, begun so many seconds ago."""
    values: dict[str, Any] = {
        "id": wire.command_id(build.SESSION, 100, mark),
        "started_at": time.time_ns() - mark * 1_000_000_000,
        "line": None,
        "cwd": None,
        "other_reasons": {},
    }
    return build.a_command(**(values | changes))


def _running() -> Iterator[list[str]]:
    """Yield the words of every process."""
    for process in psutil.process_iter(["cmdline"]):
        yield process.info["cmdline"] or []


def alive(pid: int) -> bool:
    """Say whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def entries(running: Service) -> list[tuple[journal.Position, Entry]]:
    """Return everything a service has journalled."""
    return list(journal.read(running.data / "journal"))
