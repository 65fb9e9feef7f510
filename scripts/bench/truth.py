"""What a run record shows of the truth that strace tells of the same workload."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance import strace_truth

# What gcc calls its temporary files; the rest of a workload is the same at every run.
_RANDOM = re.compile(r"/cc\w{6}\b")

Words = tuple[str, ...]


class Truth(NamedTuple):
    """Every process: its wait status, and the arguments of the last program it executed."""

    statuses: "Counter[int | None]"
    programs: "Counter[Words]"
    events: int


class Shares(NamedTuple):
    """What one record shows of the truth, in percent of it."""

    processes_missing: float
    processes_foreign: float
    ends_wrong: float
    argv_missing: float
    argv_wrong: float


def read(prefix: Path) -> Truth:
    """Read what strace wrote, and count births, programs and deaths."""
    seen = strace_truth.read(prefix).values()
    programs = Counter(_plain(one.argvs[-1]) for one in seen if one.argvs)
    events = 2 * len(seen) + sum(len(one.argvs) for one in seen)
    return Truth(Counter(one.status for one in seen), programs, events)


def shares(truth: Truth, processes: list[dict[str, Any]]) -> Shares:
    """Compare the processes of a run record with the truth, as multisets."""
    number, executed = truth.statuses.total(), truth.programs.total()
    statuses = Counter(_status(one) for one in processes)
    programs = Counter(_plain(one["argv"]) for one in processes if one["argv"] is not None)
    right = (programs & truth.programs).total()
    return Shares(
        100 * max(0, number - len(processes)) / number,
        100 * max(0, len(processes) - number) / number,
        100 * (min(number, len(processes)) - (statuses & truth.statuses).total()) / number,
        100 * max(0, executed - programs.total()) / executed,
        100 * (programs.total() - right) / executed,
    )


def _plain(argv: Iterable[str]) -> Words:
    return tuple(_RANDOM.sub("/ccRANDOM", word) for word in argv)


def _status(process: dict[str, Any]) -> int | None:
    """Return the wait status of a process of a record (a core dump is not in it)."""
    if process["signal"] is not None:
        return int(process["signal"])
    return None if process["exit_status"] is None else process["exit_status"] << 8
