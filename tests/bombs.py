"""Batches made to cost much: open arrays, lying lengths, and what is just within every bound."""

from typing import Any

import msgpack

from ptywrap import strict, wire
from tests import build

MIB = 1 << 20
_ENTRIES = {
    "maps": b"\x80",
    "nothing": b"\xc0",
    "arrays": b"\x90",
    "texts": b"\xa2\xc4\x80",
    "bins": b"\xc4\x02ab",
    "numbers": b"\xcf" + b"\x7f" * 8,
    "fractions": b"\xcb" * 9,
}
_SIGNED = (b"\0\0\0\0\0\0\x80\0" + b"\0\0\0\0\0\0\x80\xff") * 2047 + bytes(8)


def opened(entry: bytes, inside: int, size: int) -> bytes:
    """Return arrays of `inside` entries, each in the last entry of the former, `size` bytes."""
    one = b"\xdc" + inside.to_bytes(2, "big") + entry * (inside - 1)
    return one * (size // len(one)) + b"\xc0"


def nested(depth: int) -> bytes:
    """Return nothing in so many arrays."""
    return b"\x91" * depth + b"\xc0"


def tables(number: int, rows: int, columns: dict[str, list[Any]]) -> bytes:
    """Return a batch of so many tables nobody knows, all alike."""
    batch: dict[str, Any] = msgpack.unpackb(wire.pack("0", build.a_segment(), []))
    batch["tables"] = {f"t{at}": {"n": rows, "cols": columns} for at in range(number)}
    return bytes(msgpack.packb(batch))


OPENED = {
    f"{name}, {inside} a level, {size} bytes": opened(entry, inside, size)
    for name, entry in _ENTRIES.items()
    for inside in (2, 15, strict.ARRAY_LIMIT)
    for size in (MIB // 2, 4 * MIB - (64 << 10))
}
CLOSED = b"\xdc\x10\x00" + (b"\xdc\x03\xff" + b"\x80" * 0x3FF) * 4096
WITHIN = {
    "numbers": tables(12, 4096, {f"c{at}": ["n", 8, bytes(32768)] for at in range(10)}),
    "sums": tables(12, 4096, {f"c{at}": ["o", -(1 << 62), 8, _SIGNED] for at in range(10)}),
    "texts": tables(12, 4096, {"c": ["d", [f"{at}" for at in range(4000)], 2, bytes(8192)]}),
    "columns": tables(45, 1, {f"c{at}": ["c", None] for at in range(200)}),
}
