"""Opens sockets of inet_diag inside another network namespace, where that is allowed.

A namespace is known by its inode. Root enters any; an ordinary user enters one that a user
namespace of his own holds (a rootless container, `unshare -Urn`): first that, then the network
(setns(2), ioctl_ns(2)). Whoever entered a user namespace cannot leave it, so a child does it, hands
back what it opened (unix(7), SCM_RIGHTS) and ends; nobody else ever changes place.

An open socket keeps a namespace and its devices alive: close it when no process of interest is left
there. Only C modules are imported before the fork, because the process that scans uses this.
"""

import _socket
import fcntl
import posix
import select
import sys
from struct import Struct

assert sys.platform == "linux"

OTHER = "other network namespace"
"""The reason of what is missed where it cannot be entered."""
SOCKETS = 2
"""How many are opened: one to ask, one to be told of those that die."""

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
_GET_USER_NAMESPACE = 0xB701  # linux/nsfs.h: NS_GET_USERNS
_SET_DUMPABLE = 4  # linux/prctl.h
_SOCK_DIAG = 4  # linux/netlink.h: NETLINK_SOCK_DIAG
_PATIENCE_MS = 2000
_DESCRIPTORS = Struct(f"={SOCKETS}i")
_VERDICT = Struct("=i")


def of(pid: int) -> int | None:
    """Return the network namespace of a process; None: it is gone, or not ours to look at."""
    try:
        return posix.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def own() -> int:
    """Return the network namespace of this process; 0: the kernel has none."""
    return of(posix.getpid()) or 0


Opened = tuple[_socket.socket, _socket.socket]
"""One socket to ask, one to be told."""


class Entry:
    """An attempt to enter the namespace of a process; poll it, and `take` when it is readable."""

    def __init__(self, pid: int) -> None:
        """Start the child. Raises OSError."""
        self._ours, theirs = _socket.socketpair(
            _socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        )
        try:
            self._child = posix.fork()
        except OSError:
            self._ours.close()
            theirs.close()
            raise
        if self._child == 0:
            _leave_with(pid, theirs)
        theirs.close()

    def fileno(self) -> int:
        """Return what to poll."""
        return self._ours.fileno()

    def take(self) -> Opened:
        """Return the sockets. Raises OSError: it may not be entered, or its process is gone."""
        try:
            poll = select.poll()
            poll.register(self._ours, select.POLLIN)
            if not poll.poll(_PATIENCE_MS):
                raise TimeoutError(110, "nobody came back from there")
            space = _socket.CMSG_SPACE(_DESCRIPTORS.size)
            data, control, _, _ = self._ours.recvmsg(_VERDICT.size, space, _socket.MSG_CMSG_CLOEXEC)
        finally:
            self.close()
        verdict = _VERDICT.unpack(data)[0] if len(data) == _VERDICT.size else 32  # EPIPE
        if verdict or not control:
            raise OSError(verdict, posix.strerror(verdict))
        first, second = _DESCRIPTORS.unpack(control[0][2])
        return _socket.socket(fileno=first), _socket.socket(fileno=second)

    def close(self) -> None:
        """End the child and reap it."""
        self._ours.close()
        try:
            posix.kill(self._child, 9)
            posix.waitpid(self._child, 0)
        except OSError:
            pass  # somebody else reaped it


def _leave_with(pid: int, back: _socket.socket) -> None:
    """Be the child: enter, open, hand back, end, whatever happens on the way."""
    try:
        try:
            enter(pid)
            opened = [
                _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, _SOCK_DIAG)
                for _ in range(SOCKETS)
            ]
            numbers = _DESCRIPTORS.pack(*(each.fileno() for each in opened))
            rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)
            back.sendmsg([_VERDICT.pack(0)], [rights])
        except OSError as failure:
            back.send(_VERDICT.pack(failure.errno or 1))
    finally:
        posix._exit(0)


def enter(pid: int) -> None:
    """Move this process into the network namespace of another, for good. Raises OSError."""
    # Python 3.12 has os.setns; the child that comes here is about to end, and ctypes with it.
    import ctypes  # noqa: PLC0415 the process that scans would keep it

    library = ctypes.CDLL(None, use_errno=True)

    def set_to(namespace: int, kind: int) -> None:
        if library.setns(namespace, kind):
            number = ctypes.get_errno()
            raise OSError(number, posix.strerror(number))

    # Whoever is root in there must not get hold of us, who still see this machine's files.
    library.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    network = posix.open(f"/proc/{pid}/ns/net", posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        set_to(network, _NEW_NET)
    except PermissionError:
        holder = fcntl.ioctl(network, _GET_USER_NAMESPACE)
        set_to(holder, _NEW_USER)
        set_to(network, _NEW_NET)
