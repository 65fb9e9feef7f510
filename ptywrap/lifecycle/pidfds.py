"""Asks the kernel how a process that is not our child ended: pidfd_open(2), PIDFD_GET_INFO."""

import fcntl
import os
import struct
import sys

from ptywrap.lifecycle import proctree

assert sys.platform == "linux"

_INFO_BYTES = 64  # struct pidfd_info, first version with an exit code: linux/pidfd.h
_GET_INFO = (3 << 30) | (_INFO_BYTES << 16) | (0xFF << 8) | 11
_INFO_EXIT = 8


def hold(pid: int) -> int | None:
    """Return a descriptor of a living process (or unreaped zombie); None when there is none."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def status(descriptor: int) -> int | None:
    """Return the wait status of a process that was reaped; None while it was not, or before 6.15.

    On an unreaped zombie the call succeeds with status 0: only the returned mask tells.
    """
    info = bytearray(_INFO_BYTES)
    struct.pack_into("=Q", info, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(descriptor, _GET_INFO, info)
    except OSError:
        return None
    (mask,) = struct.unpack_from("=Q", info, 0)
    (code,) = struct.unpack_from("=i", info, 60)
    return int(code) if mask & _INFO_EXIT else None


def tells() -> bool:
    """Say whether this kernel tells the status of a process that was reaped, by trying it."""
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
    descriptor = hold(pid)
    os.waitpid(pid, 0)
    if descriptor is None:
        return False
    found = status(descriptor)
    os.close(descriptor)
    return found == 3 << 8


def ending(descriptor: int | None, pid: int, start_ticks: int) -> int | None:
    """Return the wait status of a process that ended, from the two sources that can be trusted."""
    found = None if descriptor is None else status(descriptor)
    if found is not None:
        return found
    seen = proctree.stat(pid)
    if seen is None or seen.start_ticks != start_ticks or not seen.ended:
        return None
    return seen.status if seen.status or proctree.ours(pid) else None
