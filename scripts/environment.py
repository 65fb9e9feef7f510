"""Make the Python environment of a checkout, once for each state of its pins.

Run by environment.sh with any Python that can make environments; imports the standard library only.
Prints the folder of the environment on stdout. On failure prints one line on stderr, status 1.

The stamp in that folder has three lines: the checkout's root, the hash of the pins, the extras.
scripts/ptywrap reads its first line and compares its age.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

STAMP = "ptywrap-stamp"
PACKAGES = ("ptywrap", "netsniff", "ingest")
# Variables that would make pip or the new interpreter look or install elsewhere.
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "VIRTUAL_ENV")


class Impossible(Exception):
    """The environment cannot be made; the text says why in one line."""


class Stamp(NamedTuple):
    """For which state of which checkout an environment was made."""

    root: str
    pins: str
    extras: str


def pins(root: Path) -> str:
    """The hash of everything that decides what is installed; the settings of tools do not."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    decides = [project["build-system"], project["project"], project.get("tool", {}).get("hatch")]
    constraints = (root / "constraints.txt").read_text()
    return hashlib.sha256(json.dumps([decides, constraints]).encode()).hexdigest()


def read_stamp(folder: Path) -> Stamp | None:
    """The stamp of an environment that was finished and whose interpreter is still there."""
    try:
        lines = (folder / STAMP).read_text().splitlines()
        return Stamp(*lines) if os.access(folder / "bin/python", os.X_OK) else None
    except (OSError, TypeError):
        return None


def own_name(root: Path) -> str:
    """The name of this account's own environment for a checkout it can only read.

    scripts/ptywrap derives the same name without starting a process, so this is no hash.
    """
    return "venv" + str(root).replace("/", "%")


def writable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK)


def place(root: Path, environ: Mapping[str, str]) -> Path:
    """Where this account's environment for the checkout is, or is to be made."""
    asked = environ.get("PTYWRAP_VENV")
    if asked:
        return Path(asked).absolute()
    shared = root / ".venv"
    if writable(shared) or read_stamp(shared):
        return shared
    home = environ.get("HOME") or os.path.expanduser("~")
    cache = environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    return Path(cache, "ptywrap", own_name(root))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder against other first uses; the kernel lets go of it if we are killed."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network file system without locks: go on without one
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def run(argv: list[str]) -> None:
    """Run one step of the making; its last line of output is the reason when it fails."""
    environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no output"]
        raise Impossible(f"{errors[-1].strip()} ({' '.join(argv[:4])} ...)")


def works(python: Path) -> bool:
    """Whether the interpreter starts and has pip: a system upgrade may have taken either away."""
    if not os.access(python, os.X_OK):
        return False
    tried = subprocess.run([python, "-I", "-c", "import pip"], capture_output=True, check=False)
    return tried.returncode == 0


def install(root: Path, folder: Path, extras: str) -> None:
    """Make the environment, or bring it up to the pins in place: sessions may be running on it."""
    python = folder / "bin/python"
    if not works(python):
        # The versioned name: an upgrade of the system's Python then leaves a dangling link, which
        # is noticed, and not an interpreter that looks in another version's folder.
        base = os.path.realpath(sys.executable)
        run([base, "-I", "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--no-input"]
    pinned = ["--constraint", str(root / "constraints.txt")]
    # Without isolation, so that the build backend is pinned like all the rest.
    run([*pip, *pinned, "hatchling"])
    wanted = f"{root}[{extras}]" if extras else str(root)
    run([*pip, *pinned, "--no-build-isolation", "--editable", wanted])
    # An account that can only read the checkout cannot keep what it compiles.
    subprocess.run(
        [python, "-I", "-m", "compileall", "-q", *(root / name for name in PACKAGES)],
        stdout=subprocess.DEVNULL,
        check=False,
    )


def refresh_launcher(root: Path, folder: Path) -> None:
    """Bring the installed launcher up to the checkout's; an editable install only copies it.

    The copy also has the source's mode, which a checkout may have lost (core.fileMode).
    """
    source, installed = root / "ptywrap/launch/ptywrap.sh", folder / "bin/ptywrap"
    same = installed.is_file() and source.read_bytes() == installed.read_bytes()
    if same and os.access(installed, os.X_OK):
        return
    fresh = installed.with_name(f".ptywrap-{os.getpid()}")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o755)
    fresh.replace(installed)


def make(root: Path, folder: Path, extras: str) -> None:
    """Leave a finished and stamped environment in the folder, whoever else is at it."""
    wanted = pins(root)
    with alone(folder):
        stamp = read_stamp(folder)
        if stamp and stamp.extras and not extras:
            extras = stamp.extras  # a developer's environment stays one
        if stamp != Stamp(str(root), wanted, extras):
            print(f"ptywrap: making its environment in {folder}, once", file=sys.stderr)
            (folder / STAMP).unlink(missing_ok=True)
            install(root, folder, extras)
            (folder / STAMP).write_text(f"{root}\n{wanted}\n{extras}\n")
        refresh_launcher(root, folder)
        os.utime(folder / STAMP)


def main() -> int:
    parser = argparse.ArgumentParser(description="make the environment of a checkout")
    parser.add_argument("root", type=Path)
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    os.umask(0o022)
    try:
        folder = place(root, os.environ)
        if writable(folder) or not read_stamp(folder):
            make(root, folder, "dev,capture,server" if arguments.dev else "")
    except (Impossible, OSError, KeyError, tomllib.TOMLDecodeError) as problem:
        print(f"ptywrap: its environment cannot be made: {problem}", file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
