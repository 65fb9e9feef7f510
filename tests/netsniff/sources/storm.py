"""Lets many sockets die before anybody reads, and prints what was told and what was counted.

It is run by test_diag_socket.py as root in a network namespace of its own:
`python -m tests.netsniff.sources.storm STALLED`.
"""

import socket
import sys
import time
from pathlib import Path

from netsniff.sources import diag_socket, loopback
from tests.netsniff.own_space import loopback_up

assert sys.platform == "linux"

PAIRS = 400


def connect(number: int) -> None:
    """Open and close some connections: two sockets each, and a listener, which dies, too."""
    for _ in range(number):
        loopback.pair().close()


def settled(deaths: diag_socket.Deaths, expected: int) -> int:
    """How many are told, once as many are told or counted as there were."""
    told, deadline = 0, time.monotonic() + 10
    while time.monotonic() < deadline:
        told += len(deaths.take())
        if told + deaths.drops() >= expected:
            break
        time.sleep(0.02)
    return told


def main(*, stalled: bool) -> None:
    """Print: sockets, told of, missed, missed when asked again, in /proc, told of afterwards."""
    loopback_up()
    deaths = diag_socket.Deaths(diag_socket.TCP_GROUPS, 212_992 // 2 if stalled else 8 << 20)
    connect(PAIRS)
    time.sleep(0.2)
    told = settled(deaths, 3 * PAIRS)
    missed, again = deaths.missed(), deaths.missed()
    table = Path("/proc/thread-self/net/netlink").read_bytes()
    in_table = diag_socket.drops_in(table, deaths.inode)
    connect(10)
    after = settled(deaths, 3 * 10 + missed)
    numbers = (3 * PAIRS, told, missed, again, in_table, after)
    sys.stdout.write(" ".join(map(str, numbers)))


if __name__ == "__main__":
    socket.setdefaulttimeout(5)
    main(stalled=sys.argv[1] == "1")
