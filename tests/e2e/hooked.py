"""A shell with our hooks on a pty of its own, as the launcher would start it, and what it told."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ptywrap import marks
from ptywrap.launch.inject import injected
from tests.e2e.places import Place, read_proc
from tests.e2e.terminal import PROMPT, ROOT, Start, plain, wait_for

SESSION = "0123456789abcdef" * 2
HOOKS = ROOT / "ptywrap" / "shell"
PATHS = {"bash": "/bin/bash", "zsh": "/usr/bin/zsh", "fish": "/usr/bin/fish"}
FILES = {"bash": "home/.bashrc", "zsh": "home/.zshrc", "fish": "config/fish/config.fish"}
# fish draws its prompt again at every key, but tells its event once.
# zsh draws it again when a job ends, unless it is told not to.
RC = {
    "bash": "",
    "zsh": "unsetopt notify\n",
    "fish": "\nfunction tell_ready --on-event fish_prompt\n  printf '<ready>'\nend\n",
}
READY = {"bash": PROMPT, "zsh": PROMPT, "fish": b"<ready>"}


class Told(NamedTuple):
    """One command as the hooks told it: what does not change from run to run."""

    text: str | None
    status: int
    pipe_status: tuple[int, ...]


class Launch(NamedTuple):
    """How the shell is launched: with `rc` behind its file, bare unless `hooked`.

    `before` runs in the child.
    """

    shell: str = "bash"
    rc: str = ""
    login: bool = False
    hooked: bool = True
    before: Callable[[], None] | None = None


class Hooked:
    """One shell in its window, at its first prompt."""

    def __init__(
        self, place: Place, launch: Launch | None = None, /, **changes: str | None
    ) -> None:
        """Start the shell; `changes` to its environment, None takes a variable away."""
        launch = launch or Launch()
        self.place = place
        self.marks = place.root / "marks"
        self.marks.mkdir(mode=0o700, exist_ok=True)
        owner = place.home.stat()
        os.chown(self.marks, owner.st_uid, owner.st_gid)
        path = PATHS[launch.shell]
        self.ready = READY[launch.shell]
        with (place.root / FILES[launch.shell]).open("a") as file:
            file.write(RC[launch.shell] + launch.rc)
        environ = place.environment(SHELL=path)
        if launch.hooked:
            ours = {
                "MARKS": str(self.marks),
                "SESSION": SESSION,
                "TTY": "/dev/pts/9",
                "KEEPER": "9",
            }
            environ |= {f"PTYWRAP_{name}": value for name, value in ours.items()}
        environ |= {name: value for name, value in changes.items() if value is not None}
        for name in [name for name, value in changes.items() if value is None]:
            environ.pop(name, None)
        first = "-" + launch.shell if launch.login else path
        argv, encoded = injected(
            path.encode(),
            [first.encode()],
            {name.encode(): value.encode() for name, value in environ.items()},
            bytes(HOOKS),
            launch.login,
        )
        start = Start(columns=200, before=_becoming(launch, path, argv, encoded))
        self.window = place.open([path], environ, start)
        self.window.until(self.ready)

    @property
    def pid(self) -> int:
        """The shell's pid."""
        return self.window.pid

    def type(self, *lines: str) -> bytes:
        """Type commands, each at its prompt, and return the plain output with the prompts."""
        output = b""
        for line in lines:
            self.window.line(line)
            output += self.window.until(self.ready)
        return plain(output)

    def interrupt(self, line: str) -> None:
        """Press Ctrl-C behind a line: once it runs if that ends in Enter, else in the editor."""
        self.window.send(line.encode())
        if line.endswith("\r"):
            program = line.split(maxsplit=1)[0]
            assert wait_for(lambda: self._front() == program)
        else:
            self.window.until(line[-1].encode())
        # A shell may miss one that comes just before it waits for a key, with us and without.
        self._prompted()
        self.window.send(b"\x03")
        while not self._prompted():
            self.window.send(b"\x03")

    def _front(self) -> str:
        """Return the program that has the terminal."""
        return read_proc(self.window.foreground(), "comm").decode().strip()

    def _prompted(self) -> bool:
        """Read until nothing comes for a while; tell whether a prompt was in it."""
        start = self.window.position
        while self.window.read_once(300):
            pass
        self.window.position = len(self.window.output)
        return PROMPT in self.window.output[start:]

    @property
    def file(self) -> Path:
        """The mark file."""
        return self.marks / f"{SESSION}.{self.pid}"

    def records(self) -> list[marks.ShellRecord]:
        """Return all records so far."""
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return []
        found, used = marks.shell_records(data)
        assert used == len(data)
        return found

    def told(self) -> list[Told]:
        """Return the commands that have ended so far."""
        return [
            Told(record.text, record.status, record.pipe_status)
            for record in self.records()
            if not isinstance(record, marks.Started)
        ]


def _becoming(
    launch: Launch, path: str, argv: list[bytes], environ: dict[bytes, bytes]
) -> Callable[[], None]:
    def become() -> None:
        if launch.before is not None:
            launch.before()
        os.execve(path, argv, environ)

    return become


def ok(text: str | None, status: int = 0) -> Told:
    """Return a simple command as it is told."""
    return Told(text, status, (status,))


@contextmanager
def forks(pid: int) -> Iterator[list[str]]:
    """Trace a process meanwhile: the list holds its forks, threads left out, after the block."""
    if shutil.which("strace") is None:
        pytest.skip("forks are counted by strace: install the package strace")
    file = Path(f"/proc/{pid}/cwd").resolve() / "forks"
    argv = ["strace", "-qq", "-e", "trace=fork,vfork,clone,clone3", "-e", "signal=none"]
    tracer = subprocess.Popen([*argv, "-o", file, "-p", str(pid)])
    status = Path(f"/proc/{pid}/status")
    assert wait_for(lambda: "TracerPid:\t0\n" not in status.read_text()), "strace cannot attach"
    found: list[str] = []
    yield found
    tracer.terminate()
    tracer.wait()
    found += [line for line in file.read_text().splitlines() if "CLONE_THREAD" not in line]


def comma_locale(folder: Path) -> dict[str, str]:
    """Return the variables of a locale whose decimal point is a comma, made here."""
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("a comma locale is made from the package locales: install it")
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"}
