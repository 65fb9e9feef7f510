"""What an observer wrote at a place: its facts, asked for through files and its socket alone."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ptywrap import segments, service, wire
from tests.e2e.places import Place
from tests.e2e.terminal import PROMPT, ROOT, Terminal, wait_for

PATIENCE_S = 20.0
LOOK_S = 0.05
Seen = TypeVar("Seen")


class Observing:
    """The observer of a place, started here or by whoever needs it."""

    def __init__(self, place: Place) -> None:
        """Take the place; nothing is started yet."""
        self.place = place
        self.marks = place.run / "ptywrap"
        self.lock = self.marks / "observer.lock"
        self.socket = self.marks / "observer.sock"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one and wait until it answers."""
        started = subprocess.Popen(
            [sys.executable, "-I", "-m", "ptywrap.observe", *arguments],
            env=self.place.environment(),
            cwd=ROOT,
        )
        self._started.append(started)
        assert wait_for(self.answers, PATIENCE_S)
        return started

    def finish(self, *arguments: str, **variables: str) -> int:
        """Start one that is to leave by itself at once; return its exit status."""
        done = subprocess.run(
            [sys.executable, "-I", "-m", "ptywrap.observe", *arguments],
            check=False,
            env=self.place.environment(**variables),
            timeout=PATIENCE_S,
        )
        return done.returncode

    def close(self) -> None:
        """End those that were started here."""
        for started in self._started:
            started.kill()
            started.wait()

    def shell(self, name: str = "bash") -> Terminal:
        """Open a window with a shell, and wait until the observer has taken its session."""
        before = len(self.ask("status")["sessions"])
        window = self.place.shell(name)
        assert wait_for(lambda: bool(len(self.ask("status")["sessions"]) > before), PATIENCE_S)
        return window

    def answers(self) -> bool:
        """Say whether somebody listens."""
        try:
            return bool(self.ask("status")["ok"])
        except OSError:
            return False

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to a question."""
        return service.ask(self.socket, question, **arguments)

    def pid(self) -> int:
        """Return the pid of the one that holds the lock."""
        return int(self.lock.read_text())

    def kill(self) -> None:
        """Kill it with its reader, without notice."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: is_zombie(pid))

    def stop(self) -> int:
        """Ask the last one that was started here to leave; return its exit status."""
        self._started[-1].terminate()
        return self._started[-1].wait(PATIENCE_S)

    def facts(self) -> list[wire.Fact]:
        """Return every fact there is, oldest first."""
        folders = self.place.state.glob("ptywrap/*/spool")
        return [fact for folder in folders for fact in segments.recent(folder)]

    def commands(self) -> list[wire.Command]:
        """Return the commands that have ended, as told last."""
        told = {(f.session, f.id): f for f in self.facts() if isinstance(f, wire.Command)}
        return [fact for fact in told.values() if fact.wall_ns is not None]

    def command(self, line: str) -> wire.Command:
        """Return the ended command of a line, once it is there."""
        return self.until(lambda: [c for c in self.commands() if c.line == line])[0]

    def ran(self, line: str, *expected: "Shown") -> wire.Command:
        """Return the command of a line once its processes are these: events may come late."""
        last = self.command(line)

        def same() -> list[wire.Command]:
            found = self.command(line)
            counted = found.process_count == len(expected)
            same_tree = shown(self.processes(found)) == list(expected)
            return [found] if counted and same_tree else []

        try:
            return self.until(same)[0]
        except AssertionError:
            assert shown(self.processes(last)) == list(expected)
            raise

    def processes(self, command: wire.Command) -> list[wire.Process]:
        """Return the processes of a command, as told last."""
        told = {
            (fact.pid, fact.start_ticks): fact
            for fact in self.facts()
            if isinstance(fact, wire.Process)
            and (fact.session, fact.command) == (command.session, command.id)
        }
        return list(told.values())

    def until(self, found: Callable[[], list[Seen]]) -> list[Seen]:
        """Return what is found once something is."""
        deadline = time.monotonic() + PATIENCE_S
        while not (seen := found()):
            assert time.monotonic() < deadline, self.facts()
            select.select([], [], [], LOOK_S)
        return seen

    def losses(self) -> list[wire.Loss]:
        """Return what was lost."""
        return [fact for fact in self.facts() if isinstance(fact, wire.Loss)]

    def bytes_spooled(self) -> bytes:
        """Return every byte of the spool."""
        paths = sorted(self.place.state.glob("ptywrap/*/spool/*"))
        return b"".join(path.read_bytes() for path in paths)


class Shown(NamedTuple):
    """A process of a tree as tests compare it."""

    name: str | None
    exit_status: int | None
    signal: int | None


def shown(processes: list[wire.Process]) -> list[Shown]:
    """Return name and end of processes, in the order they were born."""
    ordered = sorted(processes, key=lambda one: (one.started_at or 0, one.pid))
    return [Shown(one.name, one.exit_status, one.signal) for one in ordered]


def typed(window: Terminal, *lines: str) -> None:
    """Type lines one after the other, each once the prompt is back."""
    for line in lines:
        window.line(line)
        window.until(PROMPT)


def is_zombie(pid: int) -> bool:
    """Say whether a process has ended and was not reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
