"""A throw-away home: folders, the environment that names them, and what was started in it.

Everything started with that environment is found again by its HOME, whoever its parent is by then.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

# Marks keep a command's text only in memory-backed folders, and tests want to see it.
MEMORY = Path("/dev/shm")
# What a developer's own terminal, or a continuous integration's, may say about us.
OURS = ("PTYWRAP_", "DO_NOT_TRACK", "XDG_")


class Home(NamedTuple):
    """A private folder and a whole environment that leads nowhere else."""

    folder: Path
    environ: dict[str, str]


class Owner(NamedTuple):
    """Whose folders they are."""

    uid: int
    gid: int


def a_home(owner: Owner | None = None) -> Home:
    """Make a home with its XDG folders, for its owner alone."""
    owner = owner or Owner(os.getuid(), os.getgid())
    base = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="home-", dir=base))
    environ = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PTYWRAP_VENV": sys.prefix,
        "SHELL": "/bin/bash",
        "TERM": "xterm",
    }
    os.chown(folder, *owner)
    for name in ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "RUNTIME_DIR", "STATE_HOME"):
        inner = folder / name.lower()
        inner.mkdir(mode=0o700)
        os.chown(inner, *owner)
        environ[f"XDG_{name}"] = str(inner)
    return Home(folder, environ)


def clean_environ() -> dict[str, str]:
    """The environment of the test run, without what it says about us."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def processes(home: Home) -> list[psutil.Process]:
    """Every process that was started with the environment of this home and still lives."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("HOME") == str(home.folder)
            if here and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue  # it went, or is not ours to look at
    return found


def leaks(home: Home, patience_s: float = 2.0) -> list[str]:
    """What is left of a home's processes once they had time to go: one line for each."""
    left = []
    for process in _remaining(home, patience_s):
        try:
            left.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return left


def close(home: Home) -> None:
    """End everything that was started in a home, by pid, and remove it."""
    for _round in range(3):  # what starts another process while it is being ended
        for process in processes(home):
            try:
                process.kill()
            except psutil.Error:
                continue
        if not _remaining(home, 1.0):
            break
    shutil.rmtree(home.folder, ignore_errors=True)


def _remaining(home: Home, patience_s: float) -> list[psutil.Process]:
    """The processes of a home that do not go by themselves in time.

    psutil.wait_procs would reap the test's own children and so take their status from the test.
    """
    until = time.monotonic() + patience_s
    while (running := processes(home)) and time.monotonic() < until:
        time.sleep(0.02)
    return running
