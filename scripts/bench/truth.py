"""Ground truth of a workload from `strace -f -e trace=process`, and what a record shows of it."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

STRACE = ["strace", "-f", "-q", "-e", "trace=process", "-e", "signal=none", "-s", "8192", "-o"]
_LINE = re.compile(r"(\d+) +(.*)")
_EXEC = re.compile(r'execve\("(?:[^"\\]|\\.)*", (\[.*\]), 0x[0-9a-f]+ /\* \d+ vars? \*/')
_EXECAT = re.compile(r'execveat\(.*?"(?:[^"\\]|\\.)*", (\[.*\]), 0x[0-9a-f]+ /\* \d+ vars? \*/')
_BORN = re.compile(r"(?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)$")
_EXITED = re.compile(r"\+\+\+ exited with (\d+) \+\+\+")
_KILLED = re.compile(r"\+\+\+ killed by (SIG\w+)")
# What gcc calls its temporary files; the rest of a workload is the same at every run.
_RANDOM = re.compile(r"/cc\w{6}\b")

Words = tuple[str, ...]
End = tuple[int | None, bool]
"""Exit status, or None and True for a death by a signal."""


class Truth(NamedTuple):
    """Every process: how it ended, and the arguments of the last program it executed."""

    ends: "Counter[End]"
    programs: "Counter[Words]"
    forks: int
    execs: int

    @property
    def events(self) -> int:
        """How many births, programs and deaths there were."""
        return self.forks + self.execs + self.ends.total()


class Shares(NamedTuple):
    """What one record shows of the truth, in percent of it."""

    processes_missing: float
    processes_foreign: float
    ends_wrong: float
    argv_missing: float
    argv_wrong: float


def read(path: Path) -> Truth:
    """Read what strace wrote; threads are not counted."""
    found = _Reading()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            found.line(int(match[1]), match[2])
    return found.truth()


def shares(truth: Truth, processes: list[dict[str, Any]]) -> Shares:
    """Compare the processes of a run record with the truth, as multisets."""
    number = truth.ends.total()
    ends = Counter(_end(one) for one in processes)
    programs = Counter(
        tuple(_RANDOM.sub("/ccRANDOM", word) for word in one["argv"])
        for one in processes
        if one["argv"] is not None
    )
    right = (programs & truth.programs).total()
    seen = programs.total()
    executed = truth.programs.total()
    return Shares(
        100 * max(0, number - len(processes)) / number,
        100 * max(0, len(processes) - number) / number,
        100 * (min(number, len(processes)) - (ends & truth.ends).total()) / number,
        100 * max(0, executed - seen) / executed if executed else 0.0,
        100 * (seen - right) / executed if executed else 0.0,
    )


def _end(process: dict[str, Any]) -> End:
    return process["exit_status"], process["signal"] is not None


class _Reading:
    """What the lines say so far; strace may cut a call in two when another process speaks."""

    def __init__(self) -> None:
        self.argv: dict[int, Words] = {}
        self.begun: dict[int, Words] = {}
        self.unfinished: dict[int, str] = {}
        self.threads: set[int] = set()
        self.ends: dict[int, list[End]] = {}
        self.last: Counter[Words] = Counter()
        self.forks = 0
        self.execs = 0

    def line(self, pid: int, text: str) -> None:
        if text.endswith("<unfinished ...>"):
            self.unfinished[pid] = text
            words = _words(text)
            if words is not None:
                self.begun[pid] = words
            return
        whole = self.unfinished.pop(pid, "") + text if text.startswith("<... ") else text
        self._born(pid, whole)
        self._executed(pid, whole)
        self._ended(pid, text)

    def _born(self, pid: int, text: str) -> None:
        born = _BORN.search(text)
        if born is None:
            return
        if "CLONE_THREAD" in text:
            self.threads.add(int(born[1]))
        elif pid != int(born[1]):
            self.forks += 1

    def _executed(self, pid: int, text: str) -> None:
        if "execve" not in text or not text.endswith(" = 0"):
            return
        words = _words(text) or self.begun.pop(pid, None)
        if words is not None:
            self.argv[pid] = words
            self.execs += 1

    def _ended(self, pid: int, text: str) -> None:
        exited = _EXITED.fullmatch(text)
        if (exited is None and _KILLED.match(text) is None) or pid in self.threads:
            self.threads -= {pid} if exited is not None else set()
            return
        end = (int(exited[1]), False) if exited is not None else (None, True)
        self.ends.setdefault(pid, []).append(end)
        if pid in self.argv:
            self.last[self.argv.pop(pid)] += 1

    def truth(self) -> Truth:
        ends = Counter(end for several in self.ends.values() for end in several)
        return Truth(ends, self.last, self.forks, self.execs)


def _words(text: str) -> Words | None:
    for pattern in (_EXEC, _EXECAT):
        match = pattern.search(text)
        if match is not None:
            return tuple(_RANDOM.sub("/ccRANDOM", word) for word in _literals(match[1]))
    return None


def _literals(text: str) -> Iterator[str]:
    """Yield the strings of strace's list; its escapes are those of C, and so of Python's bytes."""
    for literal in re.findall(r'"(?:[^"\\]|\\.)*"', text):
        yield ast.literal_eval("b" + literal).decode("utf-8", "backslashreplace")
