"""What strace saw: every process with its argument lists and its end, from `strace -ff` files."""

import re
import signal
from pathlib import Path
from typing import NamedTuple

OPTIONS = ["-f", "-ff", "-e", "trace=process", "-v", "-xx", "-s", "9999"]

_EXEC = re.compile(r'execve\("[^"]*", \[([^\]]*)\], .* = 0$')
_WORD = re.compile(r'"([^"]*)"')
_EXITED = re.compile(r"\+\+\+ exited with (\d+) \+\+\+")
_KILLED = re.compile(r"\+\+\+ killed by (\w+)( \(core dumped\))? \+\+\+")
_THREAD = re.compile(r"clone3?\(.*CLONE_THREAD.* = (\d+)$")


class Seen(NamedTuple):
    """One process: what it ran in turn, and its wait status."""

    argvs: list[list[str]]
    status: int | None


def command(prefix: Path) -> list[str]:
    """What to put before a command."""
    return ["strace", *OPTIONS, "-o", str(prefix), "--"]


def read(prefix: Path) -> dict[int, Seen]:
    """The processes by pid; threads are none."""
    files = {
        int(path.suffix[1:]): path.read_text() for path in prefix.parent.glob(f"{prefix.name}.*")
    }
    threads = {
        int(found[1])
        for text in files.values()
        for line in text.splitlines()
        if (found := _THREAD.match(line))
    }
    return {pid: _seen(text) for pid, text in files.items() if pid not in threads}


def _seen(text: str) -> Seen:
    argvs = []
    status = None
    for line in text.splitlines():
        if found := _EXEC.match(line):
            argvs.append([_plain(word) for word in _WORD.findall(found[1])])
        elif found := _EXITED.match(line):
            status = int(found[1]) << 8
        elif found := _KILLED.match(line):
            status = signal.Signals[found[1]].value | (0x80 if found[2] else 0)
    return Seen(argvs, status)


def _plain(word: str) -> str:
    data = bytes.fromhex(word.replace("\\x", ""))
    return data.decode("utf-8", "backslashreplace")
