"""Moves a gigabyte between two network namespaces with a capture helper beside the one that takes.

usage: unshare --net python -m tests.netsniff.capture.gigabyte BYTES

It prints one line of numbers: bytes taken, names told, packets that the filter let through, packets
lost, nanoseconds of the helper's CPU.
"""

import ctypes
import os
import random
import socket
import struct
import subprocess
import sys
from pathlib import Path

from netsniff.capture import privilege
from tests.netsniff.capture.hearing import heard
from tests.netsniff.names import hellos

assert sys.platform == "linux"

SENDER, TAKER, PORT = "10.14.0.1", "10.14.0.2", 8014
NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def send(size: int, told: int, asked: int) -> None:
    """Be the other end: unshare, say so, and send once the link is there."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(told, b"x")
    os.read(asked, 1)
    ip("addr", "add", f"{SENDER}/24", "dev", "names1")
    ip("link", "set", "names1", "up")
    chance = random.Random(14)  # noqa: S311 any byte may begin a segment
    piece = chance.randbytes(1 << 22)
    with socket.create_server((SENDER, PORT)) as server:
        os.write(told, b"x")
        taker, _ = server.accept()
        taker.recv(4096)
        while size > 0:
            size -= taker.send(piece[: min(size, len(piece))])
        taker.close()


def take() -> int:
    """Connect and read to the end."""
    taken, room = 0, bytearray(1 << 20)
    with socket.create_connection((SENDER, PORT)) as taker:
        taker.sendall(hellos.a_hello("gigabyte.example"))
        while size := taker.recv_into(room):
            taken += size
    return taken


def cpu_ns(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def main(size: int) -> None:
    told, said = os.pipe()
    asked, ask = os.pipe()
    child = os.fork()
    if not child:
        send(size, said, asked)
        os._exit(0)
    os.read(told, 1)
    ip("link", "add", "names0", "type", "veth", "peer", "name", "names1", "netns", str(child))
    ip("addr", "add", f"{TAKER}/24", "dev", "names0")
    ip("link", "set", "names0", "up")
    os.write(ask, b"x")
    os.read(told, 1)
    with heard() as helper, privilege.packet_socket() as beside:
        before_ns = cpu_ns(helper.capture.pid)
        taken = take()
        spent_ns = cpu_ns(helper.capture.pid) - before_ns
        names = helper.until(lambda _: helper.names())
        passed, lost = struct.unpack("II", beside.getsockopt(263, 6, 8))
    os.waitpid(child, 0)
    print(taken, len(names), passed, lost, spent_ns)  # noqa: T201 it answers so


if __name__ == "__main__":
    main(int(sys.argv[1]))
