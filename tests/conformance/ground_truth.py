"""Runs a command under the process connector and writes what was told: `FOLDER COMMAND...`.

It is a program, so that an ordinary account can run it; what it prints is one JSON object.
"""

import json
import os
import select
import subprocess
import sys
import time

from ptywrap.lifecycle.base import Event, Exec, Exit, Fork, Gap
from ptywrap.lifecycle.proc_connector import ProcConnector


def main(folder: str, *command: str) -> None:
    """Run it, held until it is followed."""
    backend = ProcConnector()
    descriptor = backend.open()
    assert backend.reader is not None
    soon = bool(backend.reader.slice_ns) or os.sched_getscheduler(backend.reader.pid) != 0
    child = subprocess.Popen(
        ["/bin/sh", "-c", 'read go; exec "$@"', "hold", *command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TMPDIR": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    backend.follow(child.pid)
    events = list(backend.read())
    assert child.stdin is not None
    begin = time.monotonic_ns()
    child.stdin.close()
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while child.poll() is None or poller.poll(100):
        poller.poll(20)
        events += backend.read()
    backend.close()
    json.dump(told(child.pid, events) | {"soon": soon, "wall_ns": _wall(events, begin)}, sys.stdout)


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


def _wall(events: list[Event], begin: int) -> int:
    return max((e.at for e in events if isinstance(e, Exit)), default=begin) - begin


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[2:])
