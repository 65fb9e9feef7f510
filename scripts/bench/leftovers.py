"""What is left when shells are gone: after many of them, and once the observer has had its time."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from scripts.bench import report, sessions
from scripts.bench.outer import Outer
from scripts.bench.stand import Stand

_TOGETHER = 10
_PATIENCE_S = 5.0
_IDLE_S = 3


def rows(at: Stand, number: int) -> Any:
    """Open and close shells, a few at a time, by `exit`, end of file and closing the window."""
    ways: tuple[Callable[[Outer], None], ...] = (_exit, _end_of_file, Outer.hang_up)
    _restarted(at, f"observer_idle_seconds = {_IDLE_S}\n")
    done = 0
    while done < number:
        outers = [sessions.opened(at) for _ in range(min(_TOGETHER, number - done))]
        for outer in outers:
            ways[done % len(ways)](outer)
            done += 1
    processes = _soon_empty(at.left)
    files = _soon_empty(lambda: _files(at))
    later = _soon_empty(lambda: [*at.left(), *map(str, at.watchers())], _IDLE_S + _PATIENCE_S)
    values = {
        "processes": [float(len(processes))],
        "files": [float(len(files))],
        "processes after the idle time-out": [float(len(later))],
    }
    for name in (*processes, *files, *later):
        print(f"left: {name}")
    demands = [report.at_most(f"no {name}", 0.0, values[name][0]) for name in values]
    return [report.row(f"left after {number} shells", "", values, demands)]


def _files(at: Stand) -> list[str]:
    kept = {"observer.lock", "observer.sock"}
    return [path.name for path in at.marks.iterdir() if path.name not in kept]


def _soon_empty(look: Callable[[], list[str]], patience_s: float = _PATIENCE_S) -> list[str]:
    deadline = time.monotonic() + patience_s
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def stop(at: Stand) -> None:
    """Ask the observer to leave and wait until it has."""
    for pid in at.observers():
        os.kill(pid, signal.SIGTERM)
    _soon_empty(lambda: [str(pid) for pid in at.observers()])


def _restarted(at: Stand, settings: str) -> None:
    """Let the next observer read other settings."""
    stop(at)
    folder = at.folder / "config_home" / "ptywrap"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(settings, encoding="utf-8")


def _exit(outer: Outer) -> None:
    outer.send(b"exit\r")
    outer.end()


def _end_of_file(outer: Outer) -> None:
    outer.send(b"\x04")
    outer.end()
