"""A tiny interpreter of classic BPF, after linux/Documentation/networking/filter.rst.

It knows the instructions that a filter of ours may have, and raises KeyError for any other.
"""

from collections.abc import Callable, Sequence

WORD = 0xFFFFFFFF
PROTOCOL = 0xFFFFF000
SIZES = {0x00: 4, 0x08: 2, 0x10: 1}


def verdict(program: Sequence[tuple[int, int, int, int]], packet: bytes, protocol: int) -> int:
    """How many bytes the kernel would keep of a packet: 0 is to drop it."""
    accumulator = index = at = 0
    for _ in range(4096):
        code, yes, no, operand = program[at]
        at += 1
        kind = code & 0x07
        if kind == 0x06:
            return operand
        if kind in {0x00, 0x01}:
            value = _load(code, operand, index, packet, protocol)
            if value is None:
                return 0
            accumulator, index = (value, index) if kind == 0 else (accumulator, value)
        elif kind == 0x04:
            accumulator = ARITHMETIC[code](accumulator, operand, index) & WORD
        elif kind == 0x05:
            at += operand if code == 0x05 else (yes if TESTS[code](accumulator, operand) else no)
        else:
            index = MOVES[code](accumulator)
    raise AssertionError("the program does not end")


def _load(code: int, operand: int, index: int, packet: bytes, protocol: int) -> int | None:
    mode = code & 0xE0
    if mode == 0x00:
        return operand
    if code == 0x20 and operand == PROTOCOL:
        return protocol
    begin = operand + (index if mode == 0x40 else 0)
    size = SIZES[code & 0x18]
    if begin + size > len(packet):
        return None
    value = int.from_bytes(packet[begin : begin + size], "big")
    return 4 * (value & 0x0F) if mode == 0xA0 else value


ARITHMETIC: dict[int, Callable[[int, int, int], int]] = {
    0x54: lambda a, k, x: a & k,
    0x74: lambda a, k, x: a >> k,
    0x0C: lambda a, k, x: a + x,
}
TESTS: dict[int, Callable[[int, int], bool]] = {
    0x15: lambda a, k: a == k,
    0x45: lambda a, k: bool(a & k),
}
MOVES: dict[int, Callable[[int], int]] = {0x07: lambda a: a}
