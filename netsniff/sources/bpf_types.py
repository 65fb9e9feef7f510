"""Finds kernel types in BTF, the kernel's own description of itself (/sys/kernel/btf/vmlinux).

Documentation/bpf/btf.rst: a header, a section of types numbered from 1 in their order, a section of
names. It is 5 MB and 130,000 types: names are found by searching bytes, and types are counted one
by one only as far as the last that is asked for.
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
_FIXED = tuple(3 + _ONCE.get(kind, 0) for kind in range(32))
_MORE = tuple(_EACH.get(kind, 0) for kind in range(32))
_AT_ONCE_WORDS = 16384
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
        self._begun = array("I", [0])
        """Where each type begins, in words, as far as was counted; number 0 is `void`, nowhere."""
        self._counted = 0
        self._structures: dict[str, int] = {}

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
        if structure not in self._structures:
            self._structures[structure] = self._found(structure, _STRUCT)
        at, number = 0, self._structures[structure]
        for member in members:
            found = self._member(number, member.encode() + b"\0", set())
            if found is None or found[0] % 8:
                raise NoSuchType(f"struct {structure} has no {member}")
            at, number = at + found[0] // 8, found[1]
        return at

    def _found(self, name: str, kind: int) -> int:
        begin, end = self._names
        at = self._data.find(b"\0" + name.encode() + b"\0", begin, end)
        if at < 0:
            raise NoSuchType(f"this kernel knows no {name}")
        for word in self._mentions(at + 1 - begin):
            self._count(word=word)
            number = bisect_left(self._begun, word, 1)
            is_start = number < len(self._begun) and self._begun[number] == word
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

    def _member(self, number: int, wanted: bytes, seen: set[int]) -> tuple[int, int] | None:
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
            if name and self._data.startswith(wanted, self._names[0] + name):
                return bits, kind
            if not name:
                found = self._member(kind, wanted, seen)
                if found is not None:
                    return bits + found[0], found[1]
        return None

    def _solid(self, number: int) -> int | None:
        """Where the type begins that a type definition or a qualifier stands for."""
        for _ in range(_DEPTH):
            self._count(number=number)
            if not 0 < number < len(self._begun):
                return None
            word = self._begun[number]
            if self._words[word + 1] >> 24 & 31 not in _ALIASES:
                return word
            number = self._words[word + 2]
        return None

    def _count(self, *, word: int = 0, number: int = 0) -> None:
        """Count types until a word is passed and a number is reached, or all of them."""
        words, begun, at = self._words, self._begun, self._counted
        append, last = begun.append, len(words) - 3
        while at <= last and (at <= word or len(begun) <= number):
            # Some thousands at once: what is asked for is checked seldom.
            end = min(at + _AT_ONCE_WORDS, last)
            while at <= end:
                append(at)
                info = words[at + 1]
                kind = info >> 24 & 31
                many = _MORE[kind]
                at += _FIXED[kind] + many * (info & 0xFFFF) if many else _FIXED[kind]
        self._counted = at
        if at > last and at != len(words):
            raise NoSuchType("it is cut short")
