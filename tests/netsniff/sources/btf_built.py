"""Builds descriptions of made-up kernels, as pahole would."""

import struct
from typing import NamedTuple

INT, POINTER, STRUCT, UNION, TYPEDEF, CONST, FUNCTION, PROTOTYPE = 1, 2, 4, 5, 8, 10, 12, 13


class Member(NamedTuple):
    """A member: its name (empty: anonymous), its type's number, and where it begins in bits."""

    name: str
    kind: int
    bits: int


class Built:
    """Types in the order in which they are added, numbered from 1."""

    def __init__(self) -> None:
        self.names = b"\0"
        self.types = b""
        self.number = 0

    def add(self, kind: int, name: str = "", of: int = 0, tail: bytes = b"", many: int = 0) -> int:
        """Add a type and return its number."""
        self.types += struct.pack("=III", self._name(name), kind << 24 | many, of) + tail
        self.number += 1
        return self.number

    def structure(self, name: str, *members: Member, kind: int = STRUCT, bits: bool = False) -> int:
        """Add a structure or union; `bits`: offsets are told with the widths of bit fields."""
        packed = [struct.pack("=III", self._name(m.name), m.kind, m.bits) for m in members]
        number = self.add(kind, name, 64, b"".join(packed), len(members))
        if bits:
            at = len(self.types) - 12 * (len(members) + 1) + 4
            word = struct.unpack_from("=I", self.types, at)[0] | 1 << 31
            self.types = self.types[:at] + struct.pack("=I", word) + self.types[at + 4 :]
        return number

    def integer(self) -> int:
        """Add an unsigned int."""
        return self.add(INT, "unsigned int", 4, struct.pack("=I", 32))

    def data(self) -> bytes:
        """Return all of it."""
        header = (0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.names))
        return struct.pack("=HBBIIIII", *header) + self.types + self.names

    def _name(self, name: str) -> int:
        if not name:
            return 0
        at = self.names.find(b"\0" + name.encode() + b"\0")
        if at < 0:
            at = len(self.names) - 1
            self.names += name.encode() + b"\0"
        return at + 1
