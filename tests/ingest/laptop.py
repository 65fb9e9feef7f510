"""A laptop's store process over folders of a test's own, and a spool to fill it from."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ptywrap import clock, service, spool, wire
from ptywrap.errors import UserError
from tests import build

ROOT = Path(__file__).resolve().parents[2]
START_S = 20.0


class Laptop:
    """One device's folders; `start` runs the store process over them."""

    def __init__(self, folder: Path | None = None) -> None:
        # A socket's path has room for about 100 bytes: pytest's own folders are too deep.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="store-"))
        self.device = self.folder / build.DEVICE
        self.spool = self.device / "spool"
        self.archive = self.device / "archive"
        self.file = self.folder / "data" / "history.duckdb"
        self.socket = self.folder / "store.sock"
        self.log = self.folder / "store.log"
        self.writer = spool.Spool(self.spool, build.a_segment, clock.monotonic_ns)
        self.running: list[subprocess.Popen[bytes]] = []

    def argv(self, *more: str | Path) -> list[str | Path]:
        """Return how the store process is started here."""
        return [
            *(sys.executable, "-m", "ingest", "local"),
            *("--file", self.file, "--spool", self.spool, "--archive", self.archive),
            *("--socket", self.socket, "--log", self.log),
            *more,
        ]

    def start(self, *more: str | Path) -> subprocess.Popen[bytes]:
        """Start the store process."""
        process = subprocess.Popen(self.argv(*more), cwd=ROOT, stdin=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def seal(self, *facts: wire.Fact) -> Path:
        """Append facts and seal them; return the segment."""
        for fact in facts:
            assert self.writer.append(fact)
        path = self.writer.seal()
        assert path is not None
        return path

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """Ask, and wait for the process to listen."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                return service.ask(self.socket, question, **arguments)
            except (ConnectionError, FileNotFoundError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def lines(self, **question: Any) -> list[str]:
        """Return the lines that `log` is answered with."""
        return [row["line"] for row in self.ask("log", **question)["commands"]]

    def stop(self) -> None:
        """Tell the process to leave, and wait for it."""
        self.ask("stop")
        self.running.pop().wait(timeout=START_S)

    def kill(self) -> None:
        """Kill the process as a power cut would."""
        process = self.running.pop()
        process.kill()
        process.wait()

    def close(self) -> None:
        """End what was started here and remove the folders."""
        for process in self.running:
            process.kill()
            process.wait()
        self.writer.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def files(self) -> Iterable[Path]:
        """Return every file there is."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def holding(self, text: bytes) -> list[str]:
        """Return the names of the files that hold some bytes."""
        return [path.name for path in self.files() if text in path.read_bytes()]


def refusal(laptop: Laptop, question: str, **arguments: Any) -> tuple[str, str]:
    """Return the two lines with which a question is refused."""
    try:
        answer = laptop.ask(question, **arguments)
    except UserError as error:
        return str(error), error.hint
    raise AssertionError(f"{question} was answered: {answer}")


def descriptors(process: subprocess.Popen[bytes]) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))
