"""Turns instructions into the machine code that RFC 9669 and the kernel's headers print."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsniff.sources import bpf_assembler as bpf
from netsniff.sources.bpf_assembler import Instruction, Label

KNOWN = {
    # As llvm-mc -triple bpfel prints them, in the byte order of their fields: code, registers.
    "r0 = 0": (bpf.number(0, 0), "b700000000000000"),
    "r1 = -1": (bpf.number(1, -1), "b7010000ffffffff"),
    "r6 = r1": (bpf.move(6, 1), "bf16000000000000"),
    "w7 = w7": (bpf.narrow(7, 7), "bc77000000000000"),
    "r2 += -8": (bpf.add(2, -8), "07020000f8ffffff"),
    "r1 -= r2": (bpf.subtract(1, 2), "1f21000000000000"),
    "r0 >>= 32": (bpf.shift_right(0, 32), "7700000020000000"),
    "r1 = *(u64 *)(r6 + 8)": (bpf.load(1, 6, 8), "7961080000000000"),
    "r2 = *(u16 *)(r6 + 16)": (bpf.load(2, 6, 16, bpf.HALF), "6962100000000000"),
    "*(u64 *)(r10 - 8) = r0": (bpf.store(10, -8, 0), "7b0af8ff00000000"),
    "*(u32 *)(r10 - 8) = 1": (bpf.store_number(10, -8, 1, bpf.WORD), "620af8ff01000000"),
    "lock *(u64 *)(r8 + 48) += r7": (bpf.add_atomically(8, 48, 7), "db78300000000000"),
    "w0 = cmpxchg32_32(r8 + 88, w0, w9)": (bpf.take_if_zero(8, 88, 9), "c3985800f1000000"),
    "r1 = xchg_64(r0 + 0, r1)": (bpf.exchange(0, 0, 1), "db100000e1000000"),
    "call 46": (bpf.call(46), "850000002e000000"),
    "exit": (bpf.leave(), "9500000000000000"),
    "r1 = map 5": (bpf.map_of(1, 5), "18110000050000000000000000000000"),
}


@pytest.mark.parametrize("text", KNOWN)
def test_an_instruction_is_encoded_as_other_assemblers_do(text: str) -> None:
    instruction, expected = KNOWN[text]
    assert bpf.assemble([instruction]).hex() == expected


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        (bpf.jump("end"), "0500010000000000"),
        (bpf.jump_if(bpf.EQUAL, 0, 0, "end"), "1500010000000000"),
        (bpf.jump_if(bpf.NOT_EQUAL, 2, 10, "end"), "550201000a000000"),
        (bpf.jump_if_narrow(bpf.NOT_ABOVE_SIGNED, 7, 0, "end"), "d607010000000000"),
        (bpf.jump_if_narrow(bpf.SET, 2, 0x2002, "end"), "4602010002200000"),
    ],
)
def test_a_jump_over_one_instruction_has_the_offset_one(jump: Instruction, expected: str) -> None:
    code = bpf.assemble([jump, bpf.leave(), Label("end"), bpf.leave()])
    assert code[:8].hex() == expected


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_a_jump_lands_on_its_label_whatever_lies_between(
    before: list[bool], after: list[bool]
) -> None:
    """A number of 64 bits takes two places."""
    parts: list[Instruction | Label] = [_filler(wide=wide) for wide in before]
    parts += [bpf.jump("there"), *(_filler(wide=wide) for wide in after), Label("there")]
    code = bpf.assemble([*parts, bpf.leave()])
    at = sum(2 if wide else 1 for wide in before)
    offset = struct.unpack_from("=h", code, at * 8 + 2)[0]
    assert code[(at + 1 + offset) * 8 :] == bpf.assemble([bpf.leave()])


def test_a_jump_backwards_has_a_negative_offset() -> None:
    code = bpf.assemble([Label("again"), bpf.number(0, 0), bpf.jump("again")])
    assert struct.unpack_from("=h", code, 10)[0] == -2


@pytest.mark.parametrize(
    "parts",
    [
        [bpf.jump("nowhere")],
        [Label("twice"), bpf.leave(), Label("twice")],
        [bpf.jump("far"), *[bpf.leave()] * 40_000, Label("far"), bpf.leave()],
    ],
)
def test_a_label_that_cannot_be_jumped_to_is_refused(parts: list[Instruction | Label]) -> None:
    with pytest.raises(bpf.Unplaced):
        bpf.assemble(parts)


def _filler(*, wide: bool) -> Instruction:
    return bpf.map_of(1, 3) if wide else bpf.number(0, 0)
