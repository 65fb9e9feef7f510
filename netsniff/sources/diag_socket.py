"""Opens the kernel's sockets of inet_diag: one to ask, one to be told of sockets as they die.

It imports C modules only: the small process that scans uses it. Constants: linux/netlink.h,
linux/sock_diag.h. Any user may do all of this; only a larger buffer than net.core.rmem_max is
root's.
"""

import _socket
import posix
import sys
from errno import EAGAIN, ENOBUFS
from struct import Struct

from netsniff.sources import diag

assert sys.platform == "linux"

_NETLINK_SOCK_DIAG = 4
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = Struct("=9I")  # linux/sock_diag.h: SK_MEMINFO_DROPS is the ninth
_ALL_GROUPS = 0xF
"""A bit for each of INET_TCP 1, INET_UDP 2, INET6_TCP 3, INET6_UDP 4 (sknetlink_groups)."""
TCP_GROUPS = 0x5
_BUFFER_BYTES = 8 << 20
DEATH_BYTES = 1283
"""What a message about a destroyed socket takes of the buffer on Linux 6.18."""
_DATAGRAM_BYTES = 64 << 10
_PATIENCE = Struct("@ll").pack(1, 0)  # struct timeval: an answer is there before the question ends
_LARGEST_DATAGRAM = 4096  # of a destroyed socket: 380 bytes on 6.18


class Questions:
    """A socket to ask. After `ask`, call `answer` until it returns None.

    A message of an answer is `buffer[begin:end]`, good until the next call.
    """

    def __init__(self, opened: _socket.socket | None = None) -> None:
        """Open one here, or take one that was opened in another network namespace."""
        self._socket = opened or _open()
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, _PATIENCE)
        self._sequence = 0
        self._asked = False
        self.buffer = bytearray(_DATAGRAM_BYTES)
        self.view = memoryview(self.buffer)

    def ask(self, states: int = diag.LIVING, bytecode: bytes = b"", *, info: bool = True) -> None:
        """Ask for TCP sockets of both families. Raises OSError."""
        request = diag.dump_request(self._next(), states, bytecode=bytecode, info=info)
        self._socket.send(request)

    def ask_family(
        self, family: int, protocol: int, states: int = diag.LIVING, bytecode: bytes = b""
    ) -> None:
        """Ask for the sockets of one family and protocol. Raises OSError."""
        request = diag.family_request(self._next(), family, protocol, states, bytecode)
        self._socket.send(request)

    def answer(self) -> list[tuple[int, int, int, int, int, int]] | None:
        """Return more of the answer, as `diag.first_sight` has it; None: that was all.

        Raises OSError: the kernel refused, or has no such module. Raises diag.Unreadable.
        """
        if not self._asked:
            return None
        self._take()
        seen, end = diag.first_sight(self.buffer, self._size)
        if end is not None:
            self._asked = False
            if end:
                raise OSError(abs(end), posix.strerror(abs(end)))
        return seen

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _next(self) -> int:
        while self._asked:  # an answer given up is taken to its end: until then the kernel is busy
            try:
                self.answer()
            except OSError:
                self._asked = False
            except diag.Unreadable:
                continue
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        self._asked = True
        return self._sequence

    def _take(self) -> None:
        """Receive a datagram that answers the last question: one given up may not be over."""
        while True:
            self._size = self._socket.recv_into(self.buffer)
            if diag.sequence(self.buffer, self._size) == self._sequence:
                return


class Deaths:
    """A socket that tells of each socket of this network namespace that is destroyed.

    `buffer_bytes` is what the kernel granted; a message takes `DEATH_BYTES` of it.
    """

    def __init__(
        self,
        groups: int = _ALL_GROUPS,
        buffer_bytes: int = _BUFFER_BYTES,
        opened: _socket.socket | None = None,
    ) -> None:
        """Open one here, or take one that was opened in another network namespace."""
        self._socket = opened or _open()
        try:
            self.buffer_bytes = _enlarge(self._socket, buffer_bytes)
            self._socket.settimeout(0)
            self._socket.bind((0, groups))
        except OSError:
            self._socket.close()
            raise
        self.inode = posix.fstat(self._socket.fileno()).st_ino
        self.overrun = False
        self._told = 0

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._socket.fileno()

    def take(self, most: int = 4096) -> list[bytes]:
        """Return the datagrams that wait; `overrun` is set when some could not wait.

        Never blocks. Read each with `diag.first_sight`.
        """
        receive = self._socket.recv
        taken: list[bytes] = []
        while len(taken) < most:
            try:
                taken.append(receive(_LARGEST_DATAGRAM))
            except OSError as failure:
                if failure.errno == EAGAIN:
                    break
                if failure.errno != ENOBUFS:
                    raise
                self.overrun = True
        return taken

    def missed(self) -> int:
        """Return how many messages were dropped since this was last asked."""
        self.overrun = False
        total = self.drops()
        new, self._told = (total - self._told) & 0xFFFFFFFF, total
        return new

    def drops(self) -> int:
        """Return how many messages found no room, ever: column Drops of /proc/net/netlink."""
        try:
            told = self._socket.getsockopt(_socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            return int(_MEMINFO.unpack(told)[8])
        except (OSError, ValueError):  # before Linux 4.12
            return drops_in(_contents("/proc/thread-self/net/netlink"), self.inode)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def drops_in(table: bytes, inode: int) -> int:
    """Return what /proc/net/netlink says was dropped of the socket with this inode; 0: no such."""
    for line in table.splitlines():
        columns = line.split()
        if len(columns) >= 10 and columns[9] == b"%d" % inode:
            return int(columns[8])
    return 0


def opened() -> int:
    """Return how many TCP connections this network namespace has begun or accepted, ever.

    Raises OSError and diag.Unreadable.
    """
    return opened_in(_contents("/proc/thread-self/net/snmp"))


def opened_in(table: bytes) -> int:
    """Read it: ActiveOpens and PassiveOpens without AttemptFails of RFC 4022.

    Raises diag.Unreadable.
    """
    lines = [line.split() for line in table.splitlines() if line.startswith(b"Tcp:")]
    if len(lines) == 2:
        values = dict(zip(*lines, strict=False))
        try:
            began = int(values[b"ActiveOpens"]) + int(values[b"PassiveOpens"])
            return began - int(values[b"AttemptFails"])
        except (KeyError, ValueError):
            pass
    raise diag.Unreadable("/proc/net/snmp without ActiveOpens")


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _open() -> _socket.socket:
    kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    return _socket.socket(_socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)


def _enlarge(opened: _socket.socket, wanted: int) -> int:
    try:
        opened.setsockopt(_socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted)
    except PermissionError:
        opened.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, wanted)
    return opened.getsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF)
