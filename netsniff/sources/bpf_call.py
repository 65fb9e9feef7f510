"""Linux: bpf(2) through libc: maps, programs, and where these hang; all ends with a descriptor."""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

assert sys.platform == "linux"

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361}
_NUMBER = _NUMBERS.get(os.uname().machine)
_MAP_CREATE, _LOOK_UP, _UPDATE, _PROGRAM_LOAD, _TRACEPOINT_OPEN = 0, 1, 2, 5, 17
_LOOK_UP_BATCH, _DELETE_BATCH, _LINK_CREATE = 24, 27, 28
HASH, ARRAY, RECENT_HASH, RING = 1, 2, 9, 27
"""Kinds of maps; the third forgets its oldest entry where it is full."""

_ATTRIBUTES_BYTES = 160
_LICENSE = ctypes.create_string_buffer(b"Dual MIT/GPL")
_LOG_BYTES = 65536

_MAP = struct.Struct("=IIII12x16s")
_ELEMENT = struct.Struct("=I4xQQQ")
_PROGRAM = struct.Struct("=IIQQIIQII16sII36xI")
_OPEN = struct.Struct("=QI")
_LINK = struct.Struct("=III4x")
_BATCH = struct.Struct("=QQQQII")
_COUNT = struct.Struct("=I")
_COUNT_AT = 32
_BATCH_ROOM = 1024

_LIBRARY = ctypes.CDLL(None, use_errno=True)


class Kind(NamedTuple):
    """What a map is made of."""

    kind: int
    key_bytes: int
    value_bytes: int
    room: int
    name: str


def create(kind: Kind) -> int:
    """Make a map and return its descriptor. Raises OSError."""
    return _bpf(_MAP_CREATE, _buffer(_MAP.pack(*kind[:4], kind.name.encode())))


class Place(NamedTuple):
    """Where a program may hang: its kind, how it is attached, the number of a kernel's type."""

    kind: int
    attach: int
    number: int = 0


SOCKET_RELEASE, UDP_SEND, UDP6_SEND = Place(9, 34), Place(18, 14), Place(18, 15)
"""BPF_CGROUP_INET_SOCK_RELEASE of BPF_PROG_TYPE_CGROUP_SOCK; BPF_CGROUP_UDP4_SENDMSG and
BPF_CGROUP_UDP6_SENDMSG of BPF_PROG_TYPE_CGROUP_SOCK_ADDR: for sockets that are not connected."""


def tracepoint(number: int) -> Place:
    """BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, on the type of this number."""
    return Place(26, 23, number)


class Table:
    """A map of ours, read many entries at a time."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.descriptor = create(kind)
        self._batch = min(_BATCH_ROOM, kind.room)
        # Made when it is first read so: most maps are not.
        self._keys = self._values = ctypes.create_string_buffer(1)

    def all(self) -> Iterator[tuple[memoryview, memoryview]]:
        """Yield keys and values, some thousands at once, good until the next. Raises OSError."""
        if len(self._keys) == 1:
            self._keys = ctypes.create_string_buffer(self._batch * self._kind.key_bytes)
            self._values = ctypes.create_string_buffer(self._batch * self._kind.value_bytes)
        place = ctypes.create_string_buffer(8)
        begun, more = False, True
        while more:
            attributes = self._attributes(self._batch, place, begun=begun)
            try:
                _bpf(_LOOK_UP_BATCH, attributes)
            except FileNotFoundError:
                more = False  # This was the rest.
            begun = True
            number = _COUNT.unpack_from(attributes, _COUNT_AT)[0]
            if number:
                keys, values = number * self._kind.key_bytes, number * self._kind.value_bytes
                yield memoryview(self._keys)[:keys], memoryview(self._values)[:values]

    def forget(self, keys: bytes) -> None:
        """Delete entries by their keys, one after the other in `keys`. Raises OSError."""
        kept = ctypes.create_string_buffer(keys, len(keys))
        attributes = _BATCH.pack(
            0, 0, ctypes.addressof(kept), 0, len(keys) // self._kind.key_bytes, self.descriptor
        )
        _bpf(_DELETE_BATCH, _buffer(attributes))

    def value(self, key: bytes) -> bytes:
        """Return what is kept under a key. Raises OSError."""
        found = bytes(self._kind.value_bytes)
        return self._one(_LOOK_UP, key, found)

    def put(self, key: bytes, value: bytes) -> None:
        """Keep something under a key. Raises OSError."""
        self._one(_UPDATE, key, value)

    def _one(self, command: int, key: bytes, value: bytes) -> bytes:
        named = ctypes.create_string_buffer(key, self._kind.key_bytes)
        kept = ctypes.create_string_buffer(value, self._kind.value_bytes)
        packed = _ELEMENT.pack(self.descriptor, ctypes.addressof(named), ctypes.addressof(kept), 0)
        _bpf(command, _buffer(packed))
        return kept.raw

    def close(self) -> None:
        """Let go of the map; the kernel frees it when no program uses it either."""
        os.close(self.descriptor)

    def _attributes(
        self, number: int, place: "ctypes.Array[ctypes.c_char]", *, begun: bool
    ) -> "ctypes.Array[ctypes.c_char]":
        at = ctypes.addressof(place)
        keys, values = ctypes.addressof(self._keys), ctypes.addressof(self._values)
        return _buffer(_BATCH.pack(at if begun else 0, at, keys, values, number, self.descriptor))


def load(name: str, code: bytes, place: Place) -> int:
    """Have a program checked; return its descriptor. Raises OSError: its text says what failed."""
    kept = ctypes.create_string_buffer(code, len(code))
    try:
        return _load(name, kept, place, None)
    except OSError as refused:
        log = ctypes.create_string_buffer(_LOG_BYTES)
        try:
            os.close(_load(name, kept, place, log))
        except OSError:
            said = log.value.decode(errors="replace").strip().splitlines()
            reason = next((line for line in reversed(said) if not line.startswith("processed")), "")
            raise OSError(refused.errno, reason or os.strerror(refused.errno or 0), name) from None
        raise


def hang_on_tracepoint(program: int) -> int:
    """Let a program run where it belongs, until the descriptor returned closes. Raises OSError."""
    return _bpf(_TRACEPOINT_OPEN, _buffer(_OPEN.pack(0, program)))


def hang_on_group(program: int, place: Place, folder: str) -> int:
    """Let a program run for a control group and all below it. Raises OSError."""
    group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _bpf(_LINK_CREATE, _buffer(_LINK.pack(program, group, place.attach)))
    finally:
        os.close(group)


def _load(
    name: str,
    code: "ctypes.Array[ctypes.c_char]",
    place: Place,
    log: "ctypes.Array[ctypes.c_char] | None",
) -> int:
    logged = (2, len(log), ctypes.addressof(log)) if log else (0, 0, 0)
    packed = _PROGRAM.pack(
        *(place.kind, len(code) // 8, ctypes.addressof(code), ctypes.addressof(_LICENSE)),
        *logged,
        *(0, 0, name.encode(), 0, place.attach, place.number),
    )
    return _bpf(_PROGRAM_LOAD, _buffer(packed))


def _buffer(packed: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(packed, _ATTRIBUTES_BYTES)


def _bpf(command: int, attributes: "ctypes.Array[ctypes.c_char]") -> int:
    if _NUMBER is None:
        raise OSError(errno.ENOSYS, "the number of bpf(2) is not known for this machine")
    answer: int = _LIBRARY.syscall(_NUMBER, command, attributes, ctypes.c_uint(len(attributes)))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
