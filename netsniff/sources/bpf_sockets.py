"""Linux: has the kernel run our programs about sockets, and reads what they keep."""

import os
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from netsniff.sources import bpf_bell, bpf_call, bpf_entry, bpf_kernel
from netsniff.sources.bpf_socket_parts import LISTENING, REFUSED, Maps
from netsniff.sources.bpf_socket_programs import Program, addressed, moving, programs, released

assert sys.platform == "linux"

ROOM = 16384
"""Sockets kept: those that live and have moved something, and those that ended since the last read.
2.4 MB of the kernel's memory."""

_MOUNTS = Path("/proc/self/mounts")
_REFUSED_ROOM = 4096
_NUMBER = struct.Struct("=Q")
_INDEX = struct.Struct("=I")
# Of an entry, when it was touched and when it ended: most are read no further.
_MOMENTS = struct.Struct(f"={bpf_entry.TOUCHED}xQ8xQ{bpf_entry.SIZE - bpf_entry.RECEIVED}x")


class Kept(NamedTuple):
    """What is kept of one socket, and its cookie."""

    cookie: int
    entry: bpf_entry.Entry


class Sockets:
    """Programs at work until `close`. Making it raises OSError, NoSuchType.

    `kernel` says what there is to be hung on, where it is not to be asked.
    """

    def __init__(self, room: int = ROOM, kernel: bpf_kernel.Kernel | None = None) -> None:
        self._programs: list[int] = []
        self._tables: list[bpf_call.Table] = []
        self._bells: list[bpf_bell.Bell] = []
        self._since_ns = 0
        self.tells_bytes = True
        """Whether what moves is told while it does, and of UDP; the kernel must be 6.3 for it."""
        self.tells_release = False
        """Whether the end of a UDP socket is told; if not, its entry stays until `forget`."""
        begun = False
        try:
            self._begin(room, kernel or bpf_kernel.kernel())
            begun = True
        finally:
            if not begun:
                self.close()

    @property
    def bell(self) -> bpf_bell.Bell:
        """Rings as `listen` says."""
        return self._bells[0]

    def changed(self) -> list[Kept]:
        """Return what changed since the last call; who ended is told once. Raises OSError."""
        since_ns, self._since_ns = self._since_ns, time.monotonic_ns()
        found: list[Kept] = []
        for keys, values in self._tables[0].all():
            for at, (touched_ns, ended_ns) in enumerate(_MOMENTS.iter_unpack(values)):
                if touched_ns >= since_ns or ended_ns:
                    found.append(_kept(keys, values, at))
        self.forget([kept.cookie for kept in found if kept.entry.ended_ns])
        return found

    def discard(self, before_ns: int) -> None:
        """Forget those that ended before a moment. Raises OSError."""
        found: list[int] = []
        for keys, values in self._tables[0].all():
            for (cookie,), (_, ended_ns) in zip(
                _NUMBER.iter_unpack(keys), _MOMENTS.iter_unpack(values), strict=True
            ):
                if 0 < ended_ns < before_ns:
                    found.append(cookie)
        self.forget(found)

    def idle(self, before_ns: int) -> Iterator[Kept]:
        """Yield those that nothing was told of since a moment. Raises OSError."""
        for keys, values in self._tables[0].all():
            for at, (touched_ns, _) in enumerate(_MOMENTS.iter_unpack(values)):
                if touched_ns < before_ns:
                    yield _kept(keys, values, at)

    def forget(self, cookies: list[int]) -> None:
        """Make room: nothing is kept any more of these sockets. Raises OSError."""
        if cookies:
            self._tables[0].forget(b"".join(map(_NUMBER.pack, cookies)))

    def refused(self) -> int:
        """Return how many sockets found no room so far. Raises OSError."""
        return int(_NUMBER.unpack(self._tables[2].value(_INDEX.pack(REFUSED)))[0])

    def listen(self, again_ns: int, *, for_ends: bool) -> None:
        """Ring after so many ns, or before, `for_ends`, when a socket ends. Raises OSError."""
        self._bells[0].hush(again_ns)
        self._tables[2].put(_INDEX.pack(LISTENING), _NUMBER.pack(for_ends))

    def close(self) -> None:
        """End the programs and let go of all they kept."""
        while self._programs:
            os.close(self._programs.pop())
        while self._bells:
            self._bells.pop().close()
        while self._tables:
            self._tables.pop().close()

    def _begin(self, room: int, kernel: bpf_kernel.Kernel) -> None:
        for kind in (
            bpf_call.Kind(bpf_call.HASH, 8, bpf_entry.SIZE, room, "netsniff_socket"),
            bpf_call.Kind(bpf_call.RECENT_HASH, 8, bpf_entry.SIZE, _REFUSED_ROOM, "netsniff_none"),
            bpf_call.Kind(bpf_call.ARRAY, 4, 8, 2, "netsniff_number"),
        ):
            self._tables.append(bpf_call.Table(kind))
        self._bells.append(bpf_bell.Bell())
        entries, refused, numbers = (table.descriptor for table in self._tables)
        maps = Maps(entries, refused, numbers, self._bells[0].ring)
        wanted = programs(kernel.layout, maps)
        if kernel.tells_bytes:
            wanted += moving(kernel.layout, maps)
        self.tells_bytes = kernel.tells_bytes
        checked: list[int] = []
        for program in wanted:
            place = bpf_call.tracepoint(kernel.numbers[program.tracepoint])
            checked.append(self._load(program, place))
        self.tells_release = self._hang_on_groups(maps)
        self._programs.extend(bpf_call.hang_on_tracepoint(program) for program in checked)

    def _load(self, program: Program, place: bpf_call.Place) -> int:
        descriptor = bpf_call.load(program.name, program.code, place)
        self._programs.append(descriptor)
        return descriptor

    def _hang_on_groups(self, maps: Maps) -> bool:
        """Hang some on the group of all processes; all else works without. Says if they hang."""
        folder = _group()
        if folder is None:
            return False
        try:
            for program, place in (
                (released(maps), bpf_call.SOCKET_RELEASE),
                (addressed(maps, six=False), bpf_call.UDP_SEND),
                (addressed(maps, six=True), bpf_call.UDP6_SEND),
            ):
                loaded = self._load(program, place)
                self._programs.append(bpf_call.hang_on_group(loaded, place, folder))
        except OSError:
            return False
        return True


def _kept(keys: memoryview, values: memoryview, at: int) -> Kept:
    cookie = _NUMBER.unpack_from(keys, at * _NUMBER.size)[0]
    value = values[at * bpf_entry.SIZE : (at + 1) * bpf_entry.SIZE]
    return Kept(cookie, bpf_entry.decode(value))


def _group() -> str | None:
    """Where control groups of version 2 are mounted: their root holds every process."""
    try:
        mounts = _MOUNTS.read_text()
    except OSError:
        return None
    fields = (line.split(" ") for line in mounts.splitlines())
    return next((each[1] for each in fields if each[2] == "cgroup2"), None)
