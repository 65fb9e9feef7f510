"""How long a held command waits for the observer: one that runs, and one that has to start."""

import os
import subprocess
import sys
import time
from typing import Any

from ptywrap.launch.rouse import Rouse
from scripts.bench import leftovers, report
from scripts.bench.paired import interleaved
from scripts.bench.stand import Stand

_HOLD_MS = 300.0
_CROWD = 4
_PATIENCE_NS = 5_000_000_000


def rows(at: Stand, repeats: int) -> Any:
    """Ask as the wrapper asks; a cold observer has to start and to prove its sensors first."""
    asked = {
        "cold": lambda: _cold(at),
        "cold beside four busy processes": lambda: _crowded(at),
        "warm": lambda: _asked_ms(at),
    }
    taken = interleaved(asked, repeats)
    demands = [
        report.at_most(f"{name}: never over {_HOLD_MS:g} ms", _HOLD_MS, max(values))
        for name, values in taken.items()
    ]
    return [report.row("from `follow` to its answer", "ms", taken, demands)]


def _crowded(at: Stand) -> float:
    burning = "while True: pass"
    crowd = [subprocess.Popen([sys.executable, "-I", "-S", "-c", burning]) for _ in range(_CROWD)]
    try:
        return _cold(at)
    finally:
        for each in crowd:
            each.kill()
            each.wait()


def _cold(at: Stand) -> float:
    leftovers.stop(at)
    return _asked_ms(at)


def _asked_ms(at: Stand) -> float:
    environ = {name.encode(): value.encode() for name, value in at.home.environ.items()}
    python = environ[b"PTYWRAP_VENV"] + b"/bin/python"
    at.marks.mkdir(mode=0o700, exist_ok=True)
    held = subprocess.Popen(["sleep", "60"])
    try:
        before = time.monotonic_ns()
        roused = Rouse(os.fsencode(at.marks), python, environ)
        if not roused.follow(os.urandom(16).hex(), held.pid, before + _PATIENCE_NS):
            raise RuntimeError("the observer does not answer")
        return (time.monotonic_ns() - before) / 1e6
    finally:
        held.kill()
        held.wait()
