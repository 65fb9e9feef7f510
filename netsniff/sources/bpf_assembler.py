"""Writes programs for the kernel's BPF machine: instructions and labels in, machine code out.

An instruction is 8 bytes: code, two registers, a jump or memory offset, a number
(Documentation/bpf/standardization/instruction-set.rst, RFC 9669). Registers: 0 holds what a call
returned, 1 to 5 are its arguments and lost by it, 6 to 9 are kept, 10 is the end of the stack.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

BYTE, HALF, WORD, DOUBLE = 0x10, 0x08, 0x00, 0x18
"""Sizes in memory: 1, 2, 4 and 8 bytes."""

EQUAL, NOT_EQUAL, SET, NOT_ABOVE_SIGNED = 0x10, 0x50, 0x40, 0xD0
"""Tests of a jump: equal, not equal, a bit in common, less or equal as signed numbers."""

_ONE = struct.Struct("=BBhi")
_ALU, _JUMP32, _JUMP = 0x07, 0x06, 0x05
_REGISTER = 0x08


class Instruction(NamedTuple):
    """One instruction; `target` names the label that a jump goes to, `wide` a number of 64 bits."""

    code: int
    into: int = 0
    source: int = 0
    offset: int = 0
    value: int = 0
    target: str = ""
    wide: bool = False


class Label(NamedTuple):
    """A place to jump to."""

    name: str


class Unplaced(Exception):
    """A jump to a label that is nowhere, that is there twice, or that lies too far away."""


def load(into: int, base: int, offset: int, size: int = DOUBLE) -> Instruction:
    """Read memory at base + offset."""
    return Instruction(0x61 | size, into, base, offset)


def store(base: int, offset: int, source: int, size: int = DOUBLE) -> Instruction:
    """Write a register to memory at base + offset."""
    return Instruction(0x63 | size, base, source, offset)


def store_number(base: int, offset: int, value: int, size: int = DOUBLE) -> Instruction:
    """Write a number to memory at base + offset."""
    return Instruction(0x62 | size, base, 0, offset, value)


def add_atomically(base: int, offset: int, source: int) -> Instruction:
    """Add a register to 8 bytes of memory that others may be adding to."""
    return Instruction(0xC3 | DOUBLE, base, source, offset, 0)


def take_if_zero(base: int, offset: int, source: int) -> Instruction:
    """Compare 4 bytes of memory with register 0 and, where equal, put a register there.

    Register 0 then holds what was in memory before.
    """
    return Instruction(0xC3 | WORD, base, source, offset, 0xF1)


def exchange(base: int, offset: int, register: int) -> Instruction:
    """Exchange a register and 8 bytes of memory at once."""
    return Instruction(0xC3 | DOUBLE, base, register, offset, 0xE1)


def move(into: int, source: int) -> Instruction:
    """Copy a register."""
    return Instruction(0xB0 | _REGISTER | _ALU, into, source)


def narrow(into: int, source: int) -> Instruction:
    """Copy the lower 32 bits of a register; the upper ones become zero."""
    return Instruction(0xB0 | _REGISTER | 0x04, into, source)


def number(into: int, value: int) -> Instruction:
    """Put a number of 32 bits, with its sign, into a register."""
    return Instruction(0xB0 | _ALU, into, 0, 0, value)


def add(into: int, value: int) -> Instruction:
    """Add a number to a register."""
    return Instruction(0x00 | _ALU, into, 0, 0, value)


def subtract(into: int, source: int) -> Instruction:
    """Subtract a register from another."""
    return Instruction(0x10 | _REGISTER | _ALU, into, source)


def shift_right(into: int, bits: int) -> Instruction:
    """Shift a register to the right, zeros coming in."""
    return Instruction(0x70 | _ALU, into, 0, 0, bits)


def map_of(into: int, descriptor: int) -> Instruction:
    """Put the address of a map, given by its descriptor, into a register."""
    return Instruction(0x18, into, 1, 0, descriptor, "", wide=True)


def call(helper: int) -> Instruction:
    """Call a function of the kernel by its number (enum bpf_func_id, include/uapi/linux/bpf.h)."""
    return Instruction(0x85, 0, 0, 0, helper)


def leave() -> Instruction:
    """End the program; register 0 is its answer."""
    return Instruction(0x95)


def jump(target: str) -> Instruction:
    """Go to a label."""
    return Instruction(_JUMP, target=target)


def jump_if(test: int, register: int, value: int, target: str) -> Instruction:
    """Go to a label where the whole register compares so with a number."""
    return Instruction(test | _JUMP, register, 0, 0, value, target)


def jump_unless_same(register: int, other: int, target: str) -> Instruction:
    """Go to a label where two registers differ."""
    return Instruction(NOT_EQUAL | _REGISTER | _JUMP, register, other, 0, 0, target)


def jump_if_narrow(test: int, register: int, value: int, target: str) -> Instruction:
    """Go to a label where the lower 32 bits of a register compare so with a number."""
    return Instruction(test | _JUMP32, register, 0, 0, value, target)


def assemble(parts: Iterable[Instruction | Label]) -> bytes:
    """Turn a program into machine code. Raises Unplaced."""
    placed: list[tuple[int, Instruction]] = []
    labels: dict[str, int] = {}
    at = 0
    for part in parts:
        if isinstance(part, Label):
            if part.name in labels:
                raise Unplaced(part.name)
            labels[part.name] = at
        else:
            placed.append((at, part))
            at += 2 if part.wide else 1
    return b"".join(_encoded(at, part, labels) for at, part in placed)


def _encoded(at: int, part: Instruction, labels: dict[str, int]) -> bytes:
    offset = part.offset
    if part.target:
        if part.target not in labels:
            raise Unplaced(part.target)
        offset = labels[part.target] - at - 1
    if not -0x8000 <= offset < 0x8000:
        raise Unplaced(part.target)
    registers = part.source << 4 | part.into
    first = _ONE.pack(part.code, registers, offset, part.value)
    return first + bytes(_ONE.size) if part.wide else first
