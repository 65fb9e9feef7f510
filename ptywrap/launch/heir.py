"""What the pump needs when the keeper is dead: the status of a shell that is not its child."""

import fcntl
import posix
import select
import struct
import sys
import time

from ptywrap.launch import errand, status

# include/uapi/linux/pidfd.h: _IOWR(0xFF, 11, struct pidfd_info) of 64 bytes.
# The mask is first, the exit code last.
_PIDFD_GET_INFO = 0xC040FF0B
_INFO_EXIT = 1 << 3
_INFO_BYTES = 64
_PATIENCE_NS = 50_000_000


def site(environment: str) -> str:
    """Return the folder of third-party modules of a virtual environment."""
    major, minor = sys.version_info[:2]
    return f"{environment}/lib/python{major}.{minor}/site-packages"


def pidfd(pid: int) -> int:
    """Return a descriptor that is readable once the process has ended, -1 where there is none."""
    opened = getattr(posix, "pidfd_open", None)
    try:
        return -1 if opened is None else opened(pid)
    except OSError:
        return -1


def status_of(descriptor: int, pid: int) -> int:
    """Return the raw wait status of an ended process, UNKNOWN where the kernel tells nobody.

    An unreaped zombie answers the ioctl too, but without bit 8 in the mask and with status 0; its
    /proc entry tells then. For a moment neither may: somebody else is reaping it.
    """
    until_ns = time.monotonic_ns() + _PATIENCE_NS
    while True:
        found = _from_pidfd(descriptor)
        if found == status.UNKNOWN:
            found = _from_stat(pid)
        if found != status.UNKNOWN or time.monotonic_ns() > until_ns:
            return found
        select.select([], [], [], 0.002)


def _from_pidfd(descriptor: int) -> int:
    asked = struct.pack("<Q", _INFO_EXIT) + bytes(_INFO_BYTES - 8)
    try:
        answer = fcntl.ioctl(descriptor, _PIDFD_GET_INFO, asked)
    except (OSError, ValueError):
        return status.UNKNOWN
    if not int.from_bytes(answer[:8], "little") & _INFO_EXIT:
        return status.UNKNOWN
    return int.from_bytes(answer[60:64], "little", signed=True)


def _from_stat(pid: int) -> int:
    try:
        line = errand.whole(b"/proc/%d/stat" % pid)
        owner = posix.stat(b"/proc/%d" % pid).st_uid
    except OSError:
        return status.UNKNOWN
    if owner != posix.getuid() or line.rpartition(b")")[2].split()[:1] != [b"Z"]:
        return status.UNKNOWN
    return status.from_stat(line)
