"""Stops whatever a source of sockets has listening, lets many sockets die, and counts.

It is run by test_source_losses.py, as root, in a network namespace of its own:
`python -m tests.conformance.source_storm NAME PAIRS`. Every child of the source is
stopped; one that has none is not read.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from netsniff import sources
from netsniff.model import Missed
from tests.conformance.source_watching import Watch
from tests.netsniff.own_space import loopback_up

SO_COOKIE = 57  # asm-generic/socket.h


def children() -> list[int]:
    """The pids of our children."""
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def storm(pairs: int) -> set[int]:
    """Open and close connections; return the cookies of both ends of each."""
    cookies = set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(pairs):
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            for end in (client, accepted):
                cookies.add(
                    int.from_bytes(end.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)
                )
                end.close()
    return cookies


def told_of(watch: Watch, cookies: set[int]) -> int:
    """How many of these were told as over."""
    final = (e.cookie for e in watch.events if not isinstance(e, Missed) and e.final)
    return len(cookies.intersection(final))


def lost(watch: Watch) -> int:
    """How many were told to be missed."""
    return sum(each.number or 0 for each in watch.missed())


def settle() -> None:
    """Wait until the kernel has told all: it does so from a work queue, when it has time."""
    table, before = Path("/proc/thread-self/net/netlink"), ""
    while (now := table.read_text()) != before:
        before = now
        time.sleep(0.3)


def main(name: str, pairs: int) -> None:
    """Print what was told of the storm and what was missed, then of some connections after it."""
    loopback_up()
    (source,) = (each for each in sources.here() if each.name == name)
    watch = Watch(source)
    source.hurry(os.getpid())
    watch.until(lambda: bool(watch.events), 1.0)
    stopped = children()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    began_ns = time.monotonic_ns()
    made = storm(pairs)
    settle()
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    watch.until(lambda: told_of(watch, made) + lost(watch) >= len(made), 10.0)
    watch.quiet(0.3)
    missed = watch.missed()
    after = storm(50)
    watch.until(lambda: told_of(watch, after) == len(after), 5.0)
    source.close()
    numbers = {
        "made": len(made),
        "told": told_of(watch, made),
        "missed": [each.number for each in missed],
        "since_ns": [each.since_ns - began_ns for each in missed],
        "after": told_of(watch, after),
        "missed_after": len(watch.missed()) - len(missed),
    }
    sys.stdout.write(json.dumps(numbers))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
