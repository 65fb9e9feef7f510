"""Runs a command under the process connector and writes what was told: `FOLDER COMMAND...`.

It is a program, so that an ordinary account can run it; what it prints is one JSON object.
"""

import json
import os
import resource
import select
import subprocess
import sys
import time

from ptywrap.lifecycle import proc_connector, proctree
from ptywrap.lifecycle.base import Event, Exec, Exit, Fork, Gap

assert sys.platform == "linux"


def main(folder: str, *command: str) -> None:
    """Run it, held until it is followed."""
    reading, writing = os.pipe()  # first: dash knows descriptors of one digit only
    backend = proc_connector.ProcConnector()
    descriptor = backend.open()
    assert backend.reader is not None
    soon = bool(backend.reader.slice_ns) or os.sched_getscheduler(backend.reader.pid) != 0
    hold = f'echo >&{writing}; exec {writing}>&-; read go; exec "$@"'
    child = subprocess.Popen(
        ["/bin/sh", "-c", hold, "hold", *command],
        pass_fds=[writing],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TMPDIR": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.read(reading, 1)  # else its own exec may still be on the way
    backend.follow(child.pid)
    events = list(backend.read())
    assert child.stdin is not None
    before = busy(), time.monotonic_ns()
    child.stdin.close()
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while child.poll() is None or poller.poll(100):
        poller.poll(20)
        events += backend.read()
    ours = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    spent = sum(used.ru_utime + used.ru_stime for used in ours) + seconds(backend.reader.pid)
    after = busy(), time.monotonic_ns()
    backend.close()
    others = after[0] - before[0] - spent
    length = (after[1] - before[1]) / 1e9 * (os.cpu_count() or 1)
    said = told(child.pid, events)
    said |= {"soon": soon, "wall_ns": last(events, before[1]) - before[1]}
    said |= {"others_permille": round(max(0.0, others) / length * 1000)}
    json.dump(said, sys.stdout)


def busy() -> float:
    """Seconds for which the processors of this machine did anything."""
    with open("/proc/stat", encoding="ascii") as file:
        words = [int(word) for word in file.readline().split()[1:9]]
    return (sum(words) - words[3] - words[4]) / os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """Seconds a process used."""
    seen = proctree.stat(pid)
    assert seen is not None
    return (seen.user_ticks + seen.sys_ticks) / proctree.TICKS_A_SECOND


def told(root: int, events: list[Event]) -> dict[str, object]:
    """What was told, by kind; an exec told again replaces the former."""
    execs = {(e.pid, e.at): e for e in events if isinstance(e, Exec) and e.completeness == "exact"}
    return {
        "root": root,
        "forks": [[e.pid, e.ppid] for e in events if isinstance(e, Fork)],
        "execs": [[pid, e.argv] for (pid, _), e in sorted(execs.items())],
        "exits": [[e.pid, e.status] for e in events if isinstance(e, Exit)],
        "gaps": sum(isinstance(e, Gap) for e in events),
    }


def last(events: list[Event], begin: int) -> int:
    """When the last process ended."""
    return max((e.at for e in events if isinstance(e, Exit)), default=begin)


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[2:])
