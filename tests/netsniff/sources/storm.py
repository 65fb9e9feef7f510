"""Lets many sockets die before anybody reads, and prints what was told and what was counted.

It is run by test_diag_socket.py as root in a network namespace of its own: `storm.py STALLED`.
"""

import fcntl
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from netsniff.sources import diag_socket, loopback

assert sys.platform == "linux"

PAIRS = 400
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def loopback_up() -> None:
    """Set up what a new namespace has, but not in use."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


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
