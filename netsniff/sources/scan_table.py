"""Reads the kernel's table of sockets for the scanner, and says what is new in it."""

import posix
import sys
from struct import Struct

from netsniff.sources import diag, diag_socket
from netsniff.sources.holders import Holders

assert sys.platform == "linux"

_ATTRIBUTE = Struct("=HH")
_TYPE, _INFO = 0x3FFF, 2
_COUNTERS = slice(4 + 120, 4 + 136)  # bytes_acked and bytes_received of tcp_info, after the header


class Table:
    """The table as it was read last; `owner` None: everybody's sockets are of interest."""

    def __init__(
        self, questions: diag_socket.Questions, owner: int | None, *, counted: bool
    ) -> None:
        self.fresh: list[tuple[int, int, bytes]] = []
        """Inode, cookie and message of those of interest that nothing is known of."""
        self.inodes: list[int] = []
        """Of all sockets that a process may hold."""
        self.cookies: list[int] = []
        """Of all sockets, where it was read in full."""
        self.moved: list[bytes] = []
        """Messages of those of interest that are new or moved bytes since it was read in full."""
        self._questions, self._owner = questions, owner
        self._told: dict[int, tuple[int, bytes]] = {}
        self._counts = posix.open("self/net/snmp", posix.O_RDONLY) if counted else -1

    def opened(self) -> bytes:
        """Return what changes whenever a connection is begun or accepted; empty: it is not known.

        They are ActiveOpens and PassiveOpens of our network namespace, proc_pid_net(5).
        """
        if self._counts < 0:
            return b""
        told = posix.pread(self._counts, 8192, 0)
        fields = told[told.rfind(b"\nTcp: ") :].split(b" ", 7)
        return b" ".join(fields[5:7])

    def read(self, holders: Holders, *, full: bool) -> None:
        """Read it. Raises OSError, diag.Unreadable."""
        self.fresh, self.inodes, self.cookies, self.moved = [], [], [], []
        self._questions.ask(info=full)
        while (part := self._questions.answer()) is not None:
            self._look(part, holders)
            if full:
                self._compare(part)
        if full and len(self._told) > len(self.cookies):
            self._told = {each: self._told[each] for each in self.cookies if each in self._told}

    def _look(self, part: list[tuple[int, int, int, int, int, int]], holders: Holders) -> None:
        known, strays, owner = holders.known, holders.strays, self._owner
        inodes, view = self.inodes, self._questions.view
        for cookie, inode, uid, _, begin, end in part:
            if not inode:  # accepted by nobody yet, or let go of
                continue
            inodes.append(inode)
            if inode in known or inode in strays or (owner is not None and uid != owner):
                continue
            self.fresh.append((inode, cookie, bytes(view[begin:end])))

    def _compare(self, part: list[tuple[int, int, int, int, int, int]]) -> None:
        view, told, owner = self._questions.view, self._told, self._owner
        moved = bytearray()
        for cookie, _, uid, state, begin, end in part:
            self.cookies.append(cookie)
            if owner is not None and uid != owner:
                continue
            now = (state, _counters(view[begin:end]))
            if told.get(cookie) != now:
                told[cookie] = now
                moved += view[begin:end]
                moved += bytes(-(end - begin) % 4)
        if moved:
            self.moved.append(bytes(moved))


def _counters(message: memoryview) -> bytes:
    """Return what changes in a message when bytes are moved; empty: it has no tcp_info."""
    at = diag.MESSAGE_BYTES
    while at + _ATTRIBUTE.size <= len(message):
        size, kind = _ATTRIBUTE.unpack_from(message, at)
        if kind & _TYPE == _INFO:
            return bytes(message[at:][_COUNTERS])
        at += max(_ATTRIBUTE.size, (size + 3) & ~3)
    return b""
