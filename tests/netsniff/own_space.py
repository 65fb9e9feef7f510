"""Makes a new network namespace of Linux ready for connections within it."""

import fcntl
import shutil
import socket
import struct

import pytest

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h

NEEDED = pytest.mark.skipif(
    not (shutil.which("unshare") and shutil.which("ip")),
    reason="needs unshare and ip: install util-linux and iproute2",
)


def loopback_up() -> None:
    """Set up what a new namespace has, but not in use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
