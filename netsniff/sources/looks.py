"""Looks into /proc: which sockets a process holds, whose child it is, when it began.

The paths are relative: whoever calls has gone to /proc, which saves the kernel a step each time. A
process that is gone, or another user's, answers with None or nothing: that is no error.
"""

import posix
import sys
import time
from errno import EINVAL, ENOENT

assert sys.platform == "linux"

_TICK_NS = 1_000_000_000 // posix.sysconf("SC_CLK_TCK")
_UPTIME_NS = 10_000_000
_SOCKET = "socket:["
_CHILD_FAULTS = 8
"""Field 11 of /proc/PID/stat: minor faults of the children it has waited for; none has none."""


def descriptors(pid: int) -> int | None:
    """Return how many descriptors a process has open (Linux 6.2; 0 before); None: it is gone."""
    try:
        return posix.stat("%d/fd" % pid).st_size  # noqa: UP031 the fastest
    except OSError:
        return None


def socket_at(pid: int, descriptor: int) -> int:
    """Return the inode of the socket that is a process's descriptor of that number, or 0."""
    try:
        link = posix.readlink("%d/fd/%d" % (pid, descriptor))  # noqa: UP031
    except OSError:
        return 0
    return int(link[8:-1]) if link.startswith(_SOCKET) else 0


def sockets(pid: int) -> dict[int, int] | None:
    """Return the inodes of all sockets of a process with a descriptor of each; None: unreadable."""
    folder = "%d/fd" % pid  # noqa: UP031
    try:
        names = posix.listdir(folder)
    except OSError:
        return None
    found: dict[int, int] = {}
    for name in names:
        try:
            link = posix.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if link.startswith(_SOCKET):
            found.setdefault(int(link[8:-1]), int(name))
    return found


def is_tcp(pid: int, descriptor: int) -> bool:
    """Say whether a descriptor is a TCP socket; a gone one is none."""
    return _protocol(pid, descriptor).startswith(b"TCP")


def _protocol(pid: int, descriptor: int) -> bytes:
    """Return the protocol of a socket, as sockfs_xattr_get of net/socket.c names it."""
    try:
        return posix.getxattr("%d/fd/%d" % (pid, descriptor), "system.sockprotoname")  # noqa: UP031
    except OSError:
        return b""


def may_be_handed(pid: int) -> bool:
    """Say whether a process has children that could hand it a socket: SCM_RIGHTS, unix(7)."""
    fields = _fields(pid)
    if fields is None or not (int(fields[_CHILD_FAULTS]) or _has_children(pid)):
        return False
    return any(_protocol(pid, each).startswith(b"UNIX") for each in (sockets(pid) or {}).values())


def _has_children(pid: int) -> bool:
    try:
        descriptor = posix.open("%d/task/%d/children" % (pid, pid), posix.O_RDONLY)  # noqa: UP031
    except OSError:  # it is gone, or the kernel has no such file
        return True
    try:
        return bool(posix.read(descriptor, 1))
    finally:
        posix.close(descriptor)


def birth(pid: int) -> tuple[int, int, bytes] | None:
    """Return parent, start ticks, name of a process: fields 4, 22, 2 of /proc/PID/stat, proc(5)."""
    fields = _fields(pid)
    return None if fields is None else (int(fields[1]), int(fields[19]), fields[-1])


def _fields(pid: int) -> list[bytes] | None:
    """Return the fields of /proc/PID/stat from the 3rd on, what follows the 22nd as one; the name.

    None: it is gone.
    """
    try:
        descriptor = posix.open("%d/stat" % pid, posix.O_RDONLY)  # noqa: UP031
    except OSError:
        return None
    try:
        line = posix.read(descriptor, 1024)
    except OSError:
        return None
    finally:
        posix.close(descriptor)
    end = line.rfind(b")")
    fields = line[end + 2 :].split(b" ", 20)
    return None if len(fields) <= 19 else [*fields, line[line.find(b"(") + 1 : end]]


def began(ticks: int) -> tuple[int, int]:
    """Return after and before when a process of these start ticks began, ns of CLOCK_MONOTONIC.

    Ticks and /proc/uptime go on while the machine sleeps, proc(5); both are told in hundredths.
    """
    descriptor = posix.open("uptime", posix.O_RDONLY)
    try:
        hundredths = int(posix.read(descriptor, 64).partition(b" ")[0].replace(b".", b""))
    finally:
        posix.close(descriptor)
    at_ns = time.monotonic_ns() - hundredths * _UPTIME_NS + ticks * _TICK_NS
    return at_ns - _UPTIME_NS, at_ns + _TICK_NS


def is_of(pid: int, owner: int | None) -> bool:
    """Say whether a process is there and a user's; None: anybody's."""
    try:
        user = posix.stat("%d" % pid).st_uid  # noqa: UP031
    except OSError:
        return False
    return owner is None or user == owner


def is_thread(pid: int) -> bool:
    """Say whether a number is a thread's that is not its process's first.

    It has a folder in /proc that no listing shows, and no pidfd: pidfd_open(2), since Linux 5.3.
    """
    try:
        posix.close(posix.pidfd_open(pid))
    except OSError as failure:
        return failure.errno in {EINVAL, ENOENT}
    return False


def owned(owner: int | None) -> list[int]:
    """Return the processes of a user, or all, newest first."""
    pids = [int(name) for name in posix.listdir(".") if name.isdecimal()]
    return sorted((pid for pid in pids if is_of(pid, owner)), reverse=True)
