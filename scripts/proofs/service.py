"""A running ingest service of a proof's own: started, killed, asked and stopped by pid."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
LIFTED = """requests_per_second = 1000000
bytes_per_minute = 1000000000000
all_requests_per_second = 1000000
connections_per_address = 8000
"""
"""Settings under which no laptop of a proof is told to wait: all come from one address."""
_LOOK_S = 0.01


class Service:
    """`ptywrap-ingest serve` over a data folder; it may be started again after every end."""

    def __init__(self, folder: Path, store: str = "", *, settings: str = "") -> None:
        """Take the folder, settings (TOML) and a free port of loopback; nothing runs yet."""
        self.data = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._store = ("--store", store) if store else ()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "config.toml").write_text(settings)

    @property
    def file(self) -> Path:
        """The file of the embedded engine."""
        return self.data / "fleet.duckdb"

    def start(self) -> float:
        """Start it and wait until it is ready; return how long that took, s."""
        begun = time.monotonic()
        argv = [
            *(sys.executable, "-m", "ingest", "serve", "--listen", f"127.0.0.1:{self.port}"),
            *("--data", str(self.data), *self._store),
        ]
        with (self.data / "proof.log").open("ab") as log:
            self._process = subprocess.Popen(
                argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait(lambda: self.asks("/readyz")[0] == 200, "the service is not ready")
        return time.monotonic() - begun

    def secret(self, *arguments: str) -> str:
        """Return a new token or enrolment secret."""
        argv = [sys.executable, "-m", "ingest", "token", "create", "--data", str(self.data)]
        done = subprocess.run(
            [*argv, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def tenant_key(self) -> str:
        """Return the key of the tenant's hashes, hex."""
        key: str = json.loads((self.data / "service.json").read_text())["tenant_key"]
        return key

    @property
    def front(self) -> int:
        """The pid of the front."""
        if self._process is None:
            raise RuntimeError("the service was not started")
        return self._process.pid

    def store(self) -> int | None:
        """Return the pid of the store process over this folder, None while there is none."""
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            words = _words(pid)
            if "store" in words and str(self.data) in words and "ingest" in words:
                return pid
        return None

    def kill_front(self) -> None:
        """Kill the front without notice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def kill_store(self) -> bool:
        """Kill the store process without notice; False where none runs just now."""
        pid = self.store()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid is not None

    def stop(self) -> int:
        """Ask it to leave; return the front's status once all it took is stored and both left."""
        if self._process is None:
            return 0
        self._process.terminate()
        status = self._process.wait(2 * PATIENCE_S)
        wait(lambda: self.store() is None, "the store process stays")
        self._process = None
        return status

    def close(self) -> None:
        """End whatever of it still runs."""
        self.kill_front()
        while self.kill_store():
            time.sleep(_LOOK_S)

    def asks(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Return status and body of a GET; status 0 where nobody answers."""
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, ValueError):
            return 0, b""

    def metrics(self) -> dict[str, float]:
        """Return the plain counters of /metrics, and the sums of those with labels."""
        found: dict[str, float] = {}
        for line in self.asks("/metrics")[1].decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name and not line.startswith("#"):
                plain = name.partition("{")[0]
                found[plain] = found.get(plain, 0.0) + float(value)
        return found

    def drained(self, batches: int, within_s: float = 240.0) -> float:
        """Return how long it takes until so many batches are stored, s."""
        begun = time.monotonic()
        name = "ptywrap_batches_stored_total"

        def stored() -> bool:
            return self.metrics().get(name, 0.0) >= batches

        wait(stored, "the journal is not drained", within_s)
        return time.monotonic() - begun


def wait(true: Callable[[], bool], otherwise: str, within_s: float = PATIENCE_S) -> None:
    """Wait until something is true; TimeoutError says what was not."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(_LOOK_S)


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def resident_bytes(pid: int, name: str = "VmRSS") -> int:
    """Return what a process occupies (proc_pid_status(5)); `VmHWM` for its most."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in text.splitlines() if line.startswith(f"{name}:")), "x 0")
    return int(line.split()[1]) * 1024


def told(result: dict[str, Any]) -> int:
    """Print a proof's result; 0 where it holds."""
    print(json.dumps(result, indent=1))
    return 0 if result["holds"] else 1


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
