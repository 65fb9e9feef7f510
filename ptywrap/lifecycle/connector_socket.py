"""Opens the kernel's process connector: a netlink socket that is told of forks, execs and exits.

Layouts and constants: linux/netlink.h, linux/connector.h, linux/cn_proc.h, linux/filter.h.
"""

import socket
import struct
import sys
from array import array

assert sys.platform == "linux"

_NETLINK_CONNECTOR = 11
_GROUP_PROC = 1
_LISTEN, _IGNORE = 1, 2
FORK, EXEC, EXIT = 0x1, 0x2, 0x80000000
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 33, 26
_BUFFER_BYTES = 8 << 20
_TIMEOUT = struct.pack("@ll", 0, 12_000)  # struct timeval: how long the reader's `readv` waits

_LOAD, _LOAD_X, _JUMP, _EQUAL, _EQUAL_X, _RETURN = 0x20, 0x07, 0x05, 0x15, 0x1D, 0x06


def filter_program() -> bytes:
    """Return the classic BPF program that lets only events of thread-group leaders through.

    It compares pid with tgid: of the child for a fork (bytes 60 and 64), else 52 and 56. A word
    load swaps from big endian, so the constant it is compared with is swapped, too.
    """
    steps = (
        (_LOAD, 0, 0, 36),
        (_EQUAL, 0, 4, socket.htonl(FORK)),
        (_LOAD, 0, 0, 60),
        (_LOAD_X, 0, 0, 0),
        (_LOAD, 0, 0, 64),
        (_JUMP, 0, 0, 3),
        (_LOAD, 0, 0, 52),
        (_LOAD_X, 0, 0, 0),
        (_LOAD, 0, 0, 56),
        (_EQUAL_X, 0, 1, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
        (_RETURN, 0, 0, 0),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def connect() -> socket.socket:
    """Return the socket, bound and filtered, not listening yet. Raises OSError.

    EPERM: an ordinary user before Linux 6.6. EPROTONOSUPPORT: built without CONFIG_CONNECTOR.
    """
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    connector = socket.socket(socket.AF_NETLINK, kind, _NETLINK_CONNECTOR)
    try:
        _enlarge(connector)
        program = array("B", filter_program())
        address, size = program.buffer_info()
        attached = struct.pack("@HP", size // 8, address)
        connector.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
        connector.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
        connector.bind((0, _GROUP_PROC))
    except OSError:
        connector.close()
        raise
    return connector


def _enlarge(connector: socket.socket) -> None:
    """Ask for room for some 10 000 events; an ordinary user gets what net.core.rmem_max allows."""
    try:
        connector.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    except PermissionError:
        connector.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)


def listen(connector: socket.socket, events: int) -> None:
    """Ask for some events; the kernel acts before this returns and sends no answer.

    Raises ECONNREFUSED in another network namespace; in another pid or user namespace it is
    silently ignored.
    """
    _send(connector, _LISTEN, events)


def ignore(connector: socket.socket, events: int) -> None:
    """Ask for silence."""
    _send(connector, _IGNORE, events)


def _send(connector: socket.socket, operation: int, events: int) -> None:
    request = struct.pack("=II", operation, events)
    message = struct.pack("=IIIIHH", 1, 1, 0, 0, len(request), 0) + request
    header = struct.pack("=IHHII", 16 + len(message), 3, 0, 0, connector.getsockname()[0])
    connector.send(header + message)
