"""A place for one test: a home, folders in memory, and every process that was started there."""

import errno
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.terminal import LAUNCHER, PROMPT, Start, Terminal, wait_for

SHELLS = ("bash", "zsh", "fish")
# Memory-backed, so that marks may hold text; pytest's own folders are not.
MEMORY = Path("/dev/shm")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PID_OF = {"bash": "$$", "zsh": "$$", "fish": "$fish_pid"}
BASHRC = """PS1='ready> '
PS2='more> '
unset PROMPT_COMMAND
[[ $- != *i* ]] || bind 'set enable-bracketed-paste off'
"""
ZSHRC = "PS1='ready> '\nPS2='more> '\nunsetopt prompt_sp prompt_cr beep\n"
FISHRC = "set -g fish_greeting ''\nfunction fish_prompt\n  echo -n 'ready> '\nend\n"


class Roles(NamedTuple):
    """The processes of one session, by what they do (terminal.md 3.4)."""

    launcher: int
    keeper: int
    pump: int
    guardian: int
    shell: int


class Place:
    """A throw-away home with its folders; what is started with its environment is found by it."""

    def __init__(self, base: Path = MEMORY) -> None:
        """Make the folders, in memory unless `base` is elsewhere."""
        self.root = Path(tempfile.mkdtemp(prefix="terminal-", dir=base))
        self.home = self.folder("home")
        self.run = self.folder("run")
        self.state = self.folder("state")
        self.data = self.folder("data")
        self.config = self.folder("config")
        self.work = self.folder("work")
        # Without it, fish's first start reads every manual page in the background.
        (self.folder("data/fish") / "generated_completions").mkdir()
        self.terminals: list[Terminal] = []
        (self.home / ".bashrc").write_text(BASHRC)
        (self.home / ".profile").write_text(". ~/.bashrc\n")
        (self.home / ".zshrc").write_text(ZSHRC)
        (self.folder("config/fish") / "config.fish").write_text(FISHRC)

    def folder(self, name: str) -> Path:
        """Make a folder of the place, for its owner alone."""
        path = self.root / name
        path.mkdir(mode=0o700)
        return path

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return the environment of a terminal here; None takes a variable away."""
        variables: dict[str, str | None] = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": PATH,
            "PTYWRAP_VENV": sys.prefix,
            "SHELL": "/bin/bash",
            "TERM": "xterm",
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_DATA_HOME": str(self.data),
            "XDG_RUNTIME_DIR": str(self.run),
            "XDG_STATE_HOME": str(self.state),
        }
        variables.update(changes)
        return {name: value for name, value in variables.items() if value is not None}

    def give(self, uid: int, gid: int) -> None:
        """Make another account the owner of everything here."""
        for path in [self.root, *self.root.rglob("*")]:
            os.chown(path, uid, gid)

    def open(
        self, argv: list[str], environment: dict[str, str] | None = None, start: Start | None = None
    ) -> Terminal:
        """Open a window that runs `argv`; it is closed with the place."""
        start = start or Start()
        if start.cwd is None:
            start = start._replace(cwd=self.work)
        window = Terminal(argv, environment or self.environment(), start)
        self.terminals.append(window)
        return window

    def shell_environment(self, name: str) -> dict[str, str]:
        """Return the environment of a session of this shell; skip where there is none."""
        needs(name)
        return self.environment(SHELL=f"/usr/bin/{name}")

    def shell(self, name: str = "bash", start: Start | None = None) -> Terminal:
        """Open a window with the launcher and this shell in it, and wait for the prompt."""
        window = self.open(LAUNCHER, self.shell_environment(name), start)
        window.until(PROMPT)
        return window

    def command(self, *argv: str, start: Start | None = None) -> Terminal:
        """Open a window with one command under the launcher."""
        return self.open([*LAUNCHER, "--quiet", "--", *argv], start=start)

    def processes(self) -> list[int]:
        """Return every process that was started with the environment of this place."""
        sign = f"={self.root}".encode()
        pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        return [pid for pid in pids if sign in read_proc(pid, "environ")]

    def ours(self) -> list[int]:
        """Return the processes here that are ours: launcher, keeper, pump, guardian, watchdog."""
        return [pid for pid in self.processes() if is_ours(pid)]

    def services(self) -> list[int]:
        """Return observer, reader and store process: they outlive a session by design."""
        return [pid for pid in self.processes() if is_service(pid)]

    def close(self) -> None:
        """End everything that runs here and remove the folders."""
        for window in self.terminals:
            window.close()
        # What was just being started may still make a folder: look again once all is removed.
        for _round in range(10):
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            gone = wait_for(lambda: not self.processes(), 1)
            shutil.rmtree(self.root, ignore_errors=True)
            if gone and not self.processes() and not self.root.exists():
                break


def needs(program: str, package: str = "") -> None:
    """Skip the test when a program is not there."""
    if shutil.which(program, path=PATH) is None:
        pytest.skip(f"no {program}: install the package {package or program}")


def read_proc(pid: int, name: str) -> bytes:
    """Return a file of /proc/PID; empty when the process is gone or not ours to look at."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def is_service(pid: int) -> bool:
    """Tell whether this is the observer, one of its readers, or the local store."""
    line = read_proc(pid, "cmdline")
    signs = (b"ptywrap.observe", b"ptywrap.lifecycle", b"/netsniff/", b"\0ingest")
    return any(sign in line for sign in signs)


def is_ours(pid: int) -> bool:
    """Tell whether this process belongs to a running session of ours."""
    line = read_proc(pid, "cmdline")
    return (b"/launch/" in line or b"ptywrap" in line) and not is_service(pid)


def status_fields(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on (proc(5)): state, ppid, pgrp, session, ..."""
    return read_proc(pid, "stat").decode().rpartition(")")[2].split()


def alive(pid: int) -> bool:
    """Tell whether a process lives: not gone, not a zombie."""
    fields = status_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    found = read_proc(pid, f"task/{pid}/children").split()
    return [int(child) for child in found]


def variables(pid: int) -> dict[str, str]:
    """Return the environment a process was started with."""
    pairs = read_proc(pid, "environ").decode(errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def shell_pid(window: Terminal, shell: str = "bash") -> int:
    """Ask the shell in the window for its pid."""
    window.line(f"echo pi''d={PID_OF[shell]}=")
    return int(window.until(rb"pid=(\d+)=").rpartition(b"pid=")[2][:-1])


def roles(window: Terminal, shell: str = "bash") -> Roles:
    """Return who does what in the window's session, once all of them are there."""
    shell_process = shell_pid(window, shell)
    keeper = int(status_fields(shell_process)[1])
    launcher_session = status_fields(window.pid)[3]

    def pumps() -> list[int]:
        return [
            pid
            for pid in children(keeper)
            if pid != shell_process and status_fields(pid)[3:4] == [launcher_session]
        ]

    def guardians() -> list[int]:
        return [
            pid
            for pid in children(keeper)
            if pid != shell_process and status_fields(pid)[3:4] == [str(pid)] and is_ours(pid)
        ]

    assert wait_for(lambda: len(pumps()) == 1 and len(guardians()) == 1), (pumps(), guardians())
    launcher = int(status_fields(keeper)[1])
    return Roles(launcher, keeper, pumps()[0], guardians()[0], shell_process)


def removed(group: Path) -> bool:
    """Move all out of a control group and remove it; False while some are being born or buried."""
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            (group.parent / "cgroup.procs").write_text(pid)
        except ProcessLookupError:
            continue
    try:
        group.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
