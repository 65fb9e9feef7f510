"""Opens the packet socket with the filter locked in it, and gives up whatever allowed that."""

import contextlib
import ctypes
import errno
import os
import resource
import socket
import struct
import sys

from netsniff.capture import filter as packets

assert sys.platform == "linux"

ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
_FORCE_BUFFER, _BUFFER_BYTES = 33, 4 << 20
_ATTACH_FILTER, _GET_FILTER, _LOCK_FILTER = 26, 26, 44  # asm-generic/socket.h
_CAPABILITIES_3 = 0x20080522  # linux/capability.h
_SET_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _AMBIENT, _CLEAR_ALL = 4, 24, 38, 47, 4
_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel did not do what was asked, or undid less than it should."""


def packet_socket() -> socket.socket:
    """Open a socket that hears all interfaces through the filter. Raises OSError without the right.

    With protocol 0 nothing arrives before the filter is in place (packet(7)).
    """
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
    program = packets.packed()
    kept = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a number of instructions, padding, their address.
    heard.setsockopt(
        socket.SOL_SOCKET,
        _ATTACH_FILTER,
        struct.pack("HL", len(packets.PROGRAM), ctypes.addressof(kept)),
    )
    heard.setsockopt(socket.SOL_SOCKET, _LOCK_FILTER, 1)
    with contextlib.suppress(OSError):  # only root may have more than net.core.rmem_max
        heard.setsockopt(socket.SOL_SOCKET, _FORCE_BUFFER, _BUFFER_BYTES)
    # struct sockaddr_ll with interface 0, which Python's bind cannot say.
    every = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(ALL_PROTOCOLS), 0, 0, 0, 0, b"")
    if _libc.bind(heard.fileno(), every, len(every)):
        raise OSError(ctypes.get_errno(), "bind")
    return heard


def adopted(descriptor: int) -> socket.socket:
    """Take over the socket a launcher opened, if it is what `packet_socket` would have opened.

    Raises Refused.
    """
    heard = socket.socket(fileno=descriptor)
    locked = heard.getsockopt(socket.SOL_SOCKET, _LOCK_FILTER)
    same = locked and heard.family == socket.AF_PACKET and _filter_of(heard) == packets.packed()
    if not same:
        heard.close()
        raise Refused("the launcher's socket has another filter: build the launcher anew")
    heard.set_inheritable(False)
    return heard


def give_up() -> None:
    """Drop every capability for good, and let nobody look into this process. Raises Refused."""
    for capability in range(64):
        _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)  # only root may, and only root has to
    _libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITIES_3, 0)
    if _libc.capset(header, bytes(24)):
        raise Refused(f"capset: {os.strerror(ctypes.get_errno())}")
    if _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise Refused(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if holds():
        raise Refused("capabilities are left")


def holds() -> bool:
    """Whether this process has any capability at all, be it only to raise later."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_3, 0), 8)
    kept = ctypes.create_string_buffer(24)
    if _libc.capget(header, kept):
        raise OSError(ctypes.get_errno(), "capget")
    return any(kept.raw)


def dropped(heard: socket.socket) -> int:
    """How many packets found no room since the last look (PACKET_STATISTICS, packet(7))."""
    _, lost = struct.unpack("II", heard.getsockopt(263, 6, 8))
    return int(lost)


def _filter_of(heard: socket.socket) -> bytes:
    """The classic filter of a socket, b"" for none; SO_GET_FILTER counts instructions."""
    kept = ctypes.create_string_buffer(8 * 4096)
    number = ctypes.c_uint(4096)
    done = _libc.getsockopt(
        heard.fileno(), socket.SOL_SOCKET, _GET_FILTER, kept, ctypes.byref(number)
    )
    if done and ctypes.get_errno() not in {0, errno.ENOENT}:
        return b""
    return kept.raw[: 8 * number.value] if not done else b""
