"""Finds kernel types in BTF, the kernel's own description of itself (/sys/kernel/btf/vmlinux).

Documentation/bpf/btf.rst: a header, a section of types numbered from 1 in their order, a section of
names. It is 5 MB and 130,000 types: names are found by searching bytes, and only where types begin
is counted one by one.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator

_HEADER = struct.Struct("=HBBIIIII")
_MAGIC = 0xEB9F
_STRUCT, _UNION, _TYPEDEF, _FUNCTION = 4, 5, 8, 12
_ALIASES = {_TYPEDEF, 9, 10, 11, 18}
# Words of 4 bytes that follow the first three, once and for each member.
_ONCE = {1: 1, 3: 3, 14: 1, 17: 1}
_EACH = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}
_KINDS = 32
_DEPTH = 16


class NoSuchType(Exception):
    """The bytes are no BTF, or this kernel has no such type or member."""


class Types:
    """The types of one kernel."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size:
            raise NoSuchType("it is cut short")
        head: tuple[int, ...] = _HEADER.unpack_from(data)
        magic, _, _, header, types_at, types_size, names_at, names_size = head
        if magic != _MAGIC:
            raise NoSuchType("it is no BTF of this machine's byte order")
        types_at, names_at = header + types_at, header + names_at
        if types_size % 4 or max(types_at + types_size, names_at + names_size) > len(data):
            raise NoSuchType("it is cut short")
        # Neither section is copied: the process that reads them has to stay small.
        self._data = data
        self._types = types_at, types_at + types_size
        self._names = names_at, names_at + names_size
        self._words = memoryview(data)[slice(*self._types)].cast("I")
        self._starts = _starts(self._words)

    def typedef(self, name: str) -> int:
        """Return the number of a type definition. Raises NoSuchType."""
        return self._found(name, _TYPEDEF)

    def function(self, name: str) -> int:
        """Return the number of a function. Raises NoSuchType."""
        return self._found(name, _FUNCTION)

    def offset(self, structure: str, *members: str) -> int:
        """Return where a member of a structure lies, in bytes, or a member of that member.

        Raises NoSuchType, also for a field of bits that begins within a byte.
        """
        at, number = 0, self._found(structure, _STRUCT)
        for member in members:
            found = self._member(number, self._named(member), set())
            if found is None or found[0] % 8:
                raise NoSuchType(f"struct {structure} has no {member}")
            at, number = at + found[0] // 8, found[1]
        return at

    def _named(self, name: str) -> int:
        """Where in the section of names a name stands; each is kept once."""
        begin, end = self._names
        at = self._data.find(b"\0" + name.encode() + b"\0", begin, end)
        if at < 0:
            raise NoSuchType(f"this kernel knows no {name}")
        return at + 1 - begin

    def _found(self, name: str, kind: int) -> int:
        for word in self._mentions(self._named(name)):
            number = bisect_left(self._starts, word, 1)
            is_start = number < len(self._starts) and self._starts[number] == word
            if is_start and self._words[word + 1] >> 24 & 31 == kind:
                return number
        raise NoSuchType(f"this kernel has no {name}")

    def _mentions(self, value: int) -> Iterator[int]:
        """Each word of the types that holds a value."""
        wanted = struct.pack("=I", value)
        begin, end = self._types
        at = self._data.find(wanted, begin, end)
        while at >= 0:
            if (at - begin) % 4 == 0 and at + 12 <= end:
                yield (at - begin) // 4
            at = self._data.find(wanted, at + 1, end)

    def _member(self, number: int, wanted: int, seen: set[int]) -> tuple[int, int] | None:
        """Bits from the beginning of a structure to a member, and the number of its type."""
        word = self._solid(number)
        if word is None or word in seen:
            return None
        seen.add(word)
        info = self._words[word + 1]
        if info >> 24 & 31 not in {_STRUCT, _UNION}:
            return None
        for at in range(word + 3, word + 3 + 3 * (info & 0xFFFF), 3):
            name, kind, bits = self._words[at : at + 3]
            bits = bits & 0xFFFFFF if info >> 31 else bits
            if name == wanted:
                return bits, kind
            if name == 0:
                found = self._member(kind, wanted, seen)
                if found is not None:
                    return bits + found[0], found[1]
        return None

    def _solid(self, number: int) -> int | None:
        """Where the type begins that a type definition or a qualifier stands for."""
        for _ in range(_DEPTH):
            if not 0 < number < len(self._starts):
                return None
            word = self._starts[number]
            if self._words[word + 1] >> 24 & 31 not in _ALIASES:
                return word
            number = self._words[word + 2]
        return None


def _starts(words: memoryview) -> "array[int]":
    """Where each type begins, in words; number 0 is `void` and nowhere, so it gets 0 as 1 does."""
    fixed, each = [3] * _KINDS, [0] * _KINDS
    for kind, more in _ONCE.items():
        fixed[kind] += more
    for kind, more in _EACH.items():
        each[kind] = more
    starts = array("I", [0])
    append = starts.append
    at, end = 0, len(words)
    while at + 2 < end:
        append(at)
        info = words[at + 1]
        kind = info >> 24 & 31
        many = each[kind]
        at += fixed[kind] + many * (info & 0xFFFF) if many else fixed[kind]
    if at != end:
        raise NoSuchType("it is cut short")
    return starts
