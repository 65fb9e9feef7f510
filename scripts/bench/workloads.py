"""What the lifecycle is measured on: the workloads that processes are counted on, and a storm.

Each is the same at every run, so that a tracer that slows it may tell what another must see. Nearly
all their time is the making of processes.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tests.conformance import workloads as counted
from tests.conformance.workloads import Workload

_TIMED = """\
import os, sys, time
before = time.monotonic_ns()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status = os.waitpid(pid, 0)
length = time.monotonic_ns() - before
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"{length} {status}")
"""
_STORM = """\
i=0
while [ $i -lt {number} ]; do
    (exit 0) & (exit 0) & (exit 0) & (exit 0) & (exit 0) &
    (exit 0) & (exit 0) & (exit 0) & (exit 0) & (exit 0) &
    (exit 0) & (exit 0) & (exit 0) & (exit 0) & (exit 0) &
    (exit 0) & (exit 0) & (exit 0) & (exit 0) & (exit 0) &
    (exit 0) & (exit 0) & (exit 0) & (exit 0) & (exit 0) &
    wait
    i=$((i + 25))
done
"""


class Demanded(NamedTuple):
    """A workload and what is demanded: how much it may slow, and the reader's CPU an event."""

    title: str
    workload: Workload
    slowdown: float
    reader_us: float | None = None
    beats_bpftrace: bool = False


def every(folder: Path, forks: int) -> list[Demanded]:
    """Return them all, each in a folder of its own; the storm is of `forks` processes."""
    made = {name: build(_made(folder / name)) for name, build in counted.WORKLOADS.items()}
    burst = storm(_made(folder / "storm"), forks)
    return [
        Demanded("1,000 x /bin/true", made["loop"], 1.15, 40.0),
        Demanded("configure-like script", made["configure"], 1.10, beats_bpftrace=True),
        Demanded("make -j2", made["make"], 1.05),
        Demanded(f"storm of {forks:,} forks", burst, 1.15, 10.0, beats_bpftrace=True),
    ]


def storm(folder: Path, number: int) -> Workload:
    """Fork as fast as the machine can, 25 at a time, nothing executed."""
    (folder / "storm.sh").write_text(_STORM.format(number=number), encoding="utf-8")
    return Workload("storm", ["sh", "storm.sh"], folder, 0)


def timed(workload: Workload) -> tuple[list[str], Path]:
    """Return the argv that runs a workload and leaves `nanoseconds status` in the file beside it.

    The clock starts and stops below whatever watches, so that no start of a watcher is counted.
    """
    script, result = workload.folder / "timed.py", workload.folder / "timed.txt"
    script.write_text(_TIMED, encoding="utf-8")
    program, *words = workload.argv
    path = shutil.which(program, path=counted.PATH) or program
    python = os.path.realpath(sys.executable)
    return [python, "-IS", str(script), str(result), path, *words], result


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
