"""Whose home a measurement happens in, and the observer that serves that home."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from scripts.bench import peers
from scripts.bench.outer import descendants, pss_bytes
from tests import account as accounts
from tests import home as homes

_CALM_S = 0.15
_PATIENCE_S = 20.0


class Stand(NamedTuple):
    """Somebody's home; `account` None: ours, as whoever we are."""

    home: homes.Home
    account: accounts.Account | None

    @property
    def folder(self) -> Path:
        """Where files of the measurement may lie."""
        return self.home.folder

    @property
    def marks(self) -> Path:
        """The marks folder."""
        return Path(self.home.environ["XDG_RUNTIME_DIR"]) / "ptywrap"

    @property
    def launcher(self) -> list[str]:
        """What starts the product."""
        root = peers.ROOT if self.account is None else self.account.checkout
        return ["/bin/sh", str(root / "ptywrap" / "launch" / "ptywrap.sh")]

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program as that somebody."""
        if self.account is None:
            options.setdefault("cwd", self.folder)
            return subprocess.Popen(argv, env=self.home.environ, **options)
        return accounts.popen_as(self.account, argv, self.home.environ, **options)

    def run(self, argv: Sequence[str], cwd: Path | None = None) -> None:
        """Run a program to its end; RuntimeError with what it said when it fails."""
        pipe = subprocess.PIPE
        options = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": subprocess.STDOUT}
        ran = self.start(argv, cwd=cwd or self.folder, **options)
        said, _ = ran.communicate()
        if ran.returncode:
            raise RuntimeError(f"{argv} ended with {ran.returncode}: {said.decode()[-400:]}")

    def observer(self) -> int | None:
        """Return the pid of the observer that holds the lock."""
        try:
            pid = int((self.marks / "observer.lock").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    def watchers(self) -> list[int]:
        """Return the pids of the observer and its reader."""
        pid = self.observer()
        return [] if pid is None else descendants(pid)

    def answers(self) -> bool:
        """Say whether the observer has come up."""
        return (self.marks / "observer.sock").exists()

    def calm(self) -> None:
        """Wait until the observer has come up, if one is about to, and has nothing left to do."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.observers() and not self.answers() and time.monotonic() < deadline:
            time.sleep(_CALM_S)
        before = sum(cpu_ns(pid) for pid in self.watchers())
        while time.monotonic() < deadline:
            time.sleep(_CALM_S)
            now = sum(cpu_ns(pid) for pid in self.watchers())
            if now - before < _CALM_S * 1e9 / 20:
                return
            before = now

    def observers(self) -> list[int]:
        """Return the pids of all observers that serve this home; more than one is a fault."""
        found = homes.processes(self.home)
        return [one.pid for one in found if "ptywrap.observe" in _words(one)]

    def left(self) -> list[str]:
        """Return what still runs of ours beside the observer, its reader and the store."""
        kept = set(self.watchers())
        return [
            " ".join(_words(one))
            for one in homes.processes(self.home)
            if one.pid not in kept and _words(one) and "ingest" not in _words(one)
        ]


class Size(NamedTuple):
    """Memory of observer and reader together."""

    pss_bytes: int
    rss_bytes: int
    peak_bytes: int


@contextmanager
def stand(account: accounts.Account | None) -> Iterator[Stand]:
    """Make a home and end what was started in it."""
    made = homes.a_home() if account is None else accounts.a_home(account)
    try:
        yield Stand(made, account)
    finally:
        homes.close(made)


def _words(process: psutil.Process) -> list[str]:
    """Return a process's arguments; none once it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a process's first thread (proc schedstat); 0 once it is gone."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0])
    except OSError:
        return 0


def size(pids: Sequence[int]) -> Size:
    """Return what processes occupy, and the sum of their peaks."""
    rss = [_status(pid, "VmRSS") for pid in pids]
    peaks = [_status(pid, "VmHWM") for pid in pids]
    return Size(sum(pss_bytes(pid) for pid in pids), sum(rss), sum(peaks))


def descriptors(pids: Sequence[int]) -> int:
    """Return how many files processes hold open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def _status(pid: int, name: str) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(f"{name}:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
