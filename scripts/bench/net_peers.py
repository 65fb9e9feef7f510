"""Who watches beside us: nethogs and psutil polled, each started, ready, and asked what it saw."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from scripts.bench.net_cost import spent_ns
from scripts.bench.net_space import ROOT, Space
from scripts.bench.net_truth import Claim, Rest, Truth

_PATIENCE_S = 15.0
_REFRESH_S = 1.1


class Told(NamedTuple):
    """What an observer said of one load: claims, the CPU seconds it took, what it says it missed.

    `missed` None: it does not tell. `rest` is what it sums up.
    """

    claims: list[Claim]
    cpu_s: float
    missed: int | None = None
    rest: Rest = Rest()


class Peer(Protocol):
    """One that watches: `begin` returns when it is ready."""

    name: str

    def begin(self, space: Space) -> None:
        """Start it and wait until it watches."""
        ...

    def end(self, truths: list[Truth]) -> Told:
        """Stop it and return what it has seen; the truth only shapes claims without ports."""
        ...


class Psutil:
    """`psutil.net_connections` every so many milliseconds."""

    def __init__(self, period_ms: int) -> None:
        self.name = f"psutil {period_ms} ms"
        self._argv = [sys.executable, "-m", "scripts.bench.net_poll", str(period_ms)]

    def begin(self, space: Space) -> None:
        """Start polling."""
        pipe = subprocess.PIPE
        self._address = {space.address, space.address6}
        self._process = subprocess.Popen(self._argv, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self._before = spent_ns(self._process.pid)

    def end(self, truths: list[Truth]) -> Told:
        """Return each 4-tuple it saw, without bytes: it cannot tell them."""
        cpu_s = (spent_ns(self._process.pid) - self._before) / 1e9
        said, _ = self._process.communicate("")
        claims: dict[int, list[Claim]] = {}
        for port, address, _, pid, first, last in json.loads(said):
            if address in self._address:
                confidence = "exact" if pid else "none"
                claim = Claim(port, first, last, None, None, pid, confidence)
                claims.setdefault(port, []).append(claim)
        # What lingers in TIME_WAIT has lost its process: it is no other connection for that.
        kept = [[one for one in each if one.pid] or each[:1] for each in claims.values()]
        return Told([one for each in kept for one in each], cpu_s)


class Nethogs:
    """nethogs in trace mode, totals in bytes a process; wire bytes, headers and all."""

    name = "nethogs"

    def begin(self, space: Space) -> None:
        """Start it on the one device the load goes over."""
        self._folder = Path(tempfile.mkdtemp(prefix="bench-net-"))
        self._out = self._folder / "nethogs.out"
        argv = [
            "nethogs",
            "-t",
            "-b",
            "-v",
            "2",
            "-d",
            "1",
            *([space.device] if space.device else ["-a"]),
        ]
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _PATIENCE_S
        while b"Refreshing" not in self._out.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._before = spent_ns(self._process.pid)

    def end(self, truths: list[Truth]) -> Told:
        """Return one claim for each connection of each process it named; its bytes on the first."""
        time.sleep(_REFRESH_S)
        cpu_s = (spent_ns(self._process.pid) - self._before) / 1e9
        self._process.terminate()
        self._process.wait()
        totals = hogs(self._out.read_text(errors="replace"))
        shutil.rmtree(self._folder, ignore_errors=True)
        claims = []
        for truth in truths:
            if truth.pid in totals:
                received, sent = totals[truth.pid]
                totals[truth.pid] = (0, 0)
                at = (truth.port, truth.accepted_ns, truth.closed_ns)
                claims.append(Claim(*at, received, sent, truth.pid, "exact"))
        return Told(claims, cpu_s)


def hogs(text: str) -> dict[int | None, tuple[int, int]]:
    """Return received and sent bytes by pid, the most that trace mode ever said of it."""
    totals: dict[int | None, tuple[int, int]] = {}
    for line in text.splitlines():
        words = line.split("\t")
        parts = words[0].rsplit("/", 2)
        if len(words) != 3 or len(parts) != 3 or not parts[1].isdigit() or parts[1] == "0":
            continue
        sent, received = int(float(words[1])), int(float(words[2]))
        old = totals.get(int(parts[1]), (0, 0))
        totals[int(parts[1])] = (max(old[0], received), max(old[1], sent))
    return totals


@contextmanager
def watching(peers: list[Peer], space: Space) -> Iterator[None]:
    """Have all of them watch; whoever was begun must be ended by its `end`."""
    for peer in peers:
        peer.begin(space)
    yield


def here(names: list[str]) -> list[Peer]:
    """Return those of the named peers that this machine has."""
    found: list[Peer] = []
    for name in names:
        if name == "nethogs" and os.getuid() == 0 and shutil.which("nethogs"):
            found.append(Nethogs())
        elif name.startswith("psutil"):
            found.append(Psutil(int(name.split()[1])))
    return found
