"""The workloads of the lifecycle measurements: nearly all their time is the making of processes.

Each is the same at every run, so that a tracer that slows it may tell what another must see.
"""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_TIMED = """\
import os, sys, time
before = time.monotonic_ns()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status = os.waitpid(pid, 0)
length = time.monotonic_ns() - before
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"{length} {status}")
"""
_LOOP = """\
i=0
while [ $i -lt {number} ]; do
    /bin/true
    i=$((i + 1))
done
"""
_CONFIGURE = """\
# What configure does: tiny files, small programs, pipes, subshells, now and then a compiler.
cd "$1" || exit 1
i=0
while [ $i -lt {number} ]; do
    echo "int value_$i(void) {{ return $i; }}" >conftest.c
    cat conftest.c >conftest.in
    grep -q value conftest.in || exit 1
    name=$(expr "x$i" : 'x\\(.*\\)')
    lower=$(echo "HAVE_$name" | tr A-Z a-z)
    sed "s/value/$lower/" conftest.in >conftest.out
    if (test -s conftest.missing) 2>/dev/null; then exit 1; fi
    test "$(uname -s)" = Linux || exit 1
    case $i in *[05]) gcc -pipe -c conftest.c -o conftest.o || exit 1 ;; esac
    rm -f conftest.in conftest.out conftest.o
    i=$((i + 1))
done
"""
_MAKE = """\
CC = gcc -pipe -O1
OBJECTS = {objects}
program: $(OBJECTS)
\t$(CC) -o $@ $(OBJECTS)
%.o: %.c
\t$(CC) -c -o $@ $<
"""
_SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int part_{number}(const char *text) {{ return (int)strlen(text) + {number}; }}
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


class Workload(NamedTuple):
    """What runs and what is demanded: a slowdown, and how many thousandths of argvs may be null.

    `prepare` makes ready for a run, outside of what is timed.
    """

    name: str
    argv: list[str]
    slowdown: float
    argv_missing_permille: float
    prepare: Callable[[], None]
    beats_bpftrace: bool = False


def nothing() -> None:
    """Prepare nothing."""


def every(folder: Path, share: int) -> list[Workload]:
    """Return the three workloads of the first issue and the storm, all divided by `share`."""
    return [
        loop(folder, 1000 // share),
        configure(folder, 40 // share),
        make(folder, 41 // share),
        storm(folder, 8000 // share),
    ]


def loop(folder: Path, number: int) -> Workload:
    """Run `/bin/true` `number` times."""
    script = _script(folder, "loop.sh", _LOOP.format(number=number))
    return Workload("1,000 x /bin/true", ["/bin/sh", script], 1.15, 10.0, nothing)


def configure(folder: Path, number: int) -> Workload:
    """Run checks like those of a configure script: about 11 processes each, 8 of them programs."""
    script = _script(folder, "configure.sh", _CONFIGURE.format(number=number))
    return Workload("configure-like script", ["/bin/sh", script, str(folder)], 1.10, 40.0, nothing)


def make(folder: Path, number: int) -> Workload:
    """Compile and link `number` small C files, two at a time: three programs each."""
    place = folder / "project"
    place.mkdir()
    names = [f"part_{at}" for at in range(number)]
    for at, name in enumerate(names):
        _script(place, f"{name}.c", _SOURCE.format(number=at))
    main = "int main(void) { return 0; }\n"
    _script(place, "main.c", main)
    objects = " ".join(f"{name}.o" for name in ["main", *names])
    _script(place, "Makefile", _MAKE.format(objects=objects))

    def clean() -> None:
        for path in [*place.glob("*.o"), place / "program"]:
            path.unlink(missing_ok=True)

    argv = ["/usr/bin/make", "-s", "-j2", "-C", str(place)]
    return Workload("make -j2", argv, 1.05, 20.0, clean)


def storm(folder: Path, number: int) -> Workload:
    """Fork as fast as the machine can, 25 at a time, nothing executed."""
    script = _script(folder, f"storm-{number}.sh", _STORM.format(number=number))
    name = f"storm of {number:,} forks"
    return Workload(name, ["/bin/sh", script], 1.15, 0.0, nothing, beats_bpftrace=True)


def timed(folder: Path, workload: Workload) -> tuple[list[str], Path]:
    """Return the argv that runs a workload and leaves `nanoseconds status` in the file beside it.

    The clock starts and stops below whatever watches, so that no start of a watcher is counted.
    """
    script = _script(folder, "timed.py", _TIMED)
    result = folder / "timed.txt"
    return [os.path.realpath(sys.executable), "-IS", script, str(result), *workload.argv], result


def _script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH)
    return str(path)
