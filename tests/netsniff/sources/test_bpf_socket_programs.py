"""Checks what the kernel's checker would refuse, where no kernel is: jumps, stack, sizes."""

import struct

import pytest

from netsniff.sources import bpf_entry
from netsniff.sources.bpf_socket_parts import Layout, Maps
from netsniff.sources.bpf_socket_programs import (
    Program,
    addressed,
    moving,
    programs,
    released,
)

LAYOUT = Layout(*range(16, 16 + 8 * len(Layout._fields), 8))
MAPS = Maps(3, 4, 5, 6)
EVERY = (
    *programs(LAYOUT, MAPS),
    *moving(LAYOUT, MAPS),
    released(MAPS),
    addressed(MAPS, six=False),
    addressed(MAPS, six=True),
)
WIDE, EXIT, CALL = 0x18, 0x95, 0x85
STACK_BYTES = 512


def instructions(program: Program) -> dict[int, tuple[int, int, int, int]]:
    """Where each instruction begins: code, registers, offset, number."""
    found, at = {}, 0
    while at * 8 < len(program.code):
        found[at] = struct.unpack_from("=BBhi", program.code, at * 8)
        at += 2 if found[at][0] == WIDE else 1
    return found


def jumps(program: Program) -> dict[int, int]:
    """Where each jump stands and goes to."""
    return {
        at: at + 1 + offset
        for at, (code, _, offset, _) in instructions(program).items()
        if code & 7 in {5, 6} and code not in {EXIT, CALL}
    }


@pytest.mark.parametrize("program", EVERY, ids=[each.name for each in EVERY])
def test_every_jump_goes_forward_to_an_instruction(program: Program) -> None:
    whole = instructions(program)
    assert jumps(program)
    assert all(at < target and target in whole for at, target in jumps(program).items())


@pytest.mark.parametrize("program", EVERY, ids=[each.name for each in EVERY])
def test_it_ends_in_one_place_with_an_answer(program: Program) -> None:
    codes = [code for code, *_ in instructions(program).values()]
    assert codes.count(EXIT) == 1
    assert codes[-1] == EXIT


@pytest.mark.parametrize("program", EVERY, ids=[each.name for each in EVERY])
def test_it_stays_on_its_stack_and_within_its_entry(program: Program) -> None:
    for code, registers, offset, _ in instructions(program).values():
        if code & 7 in {2, 3} and registers & 15 == 10:
            assert -STACK_BYTES <= offset <= -1
        if code & 7 in {2, 3} and registers & 15 == 8:
            assert 0 <= offset < bpf_entry.SIZE


def test_names_are_as_short_as_the_kernel_wants_and_told_apart() -> None:
    names = [program.name for program in EVERY]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 15


def test_programs_of_a_control_group_let_everything_pass() -> None:
    for program in EVERY:
        whole = list(instructions(program).values())
        assert whole[-2][3] == (0 if program.tracepoint else 1)
