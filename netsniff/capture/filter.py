"""The kernel's filter: a classic BPF program that lets through what names a host, and no more.

What passes: DNS answers (UDP from port 53), QUIC Initial packets of version 1 and 2 (UDP to port
443), and TCP segments that begin with a TLS ClientHello, over IPv4 and IPv6. Offsets count from the
IP header, as a socket of type SOCK_DGRAM has it (packet(7)): a tunnel's packets have no link header
to skip. IPv6 extension headers are not followed, and of fragments only the first has ports to look
at. An instruction is that of struct sock_filter, linux/filter.h; a load past the
packet's end drops the packet.
"""

import struct
from typing import NamedTuple

KEPT_BYTES = 2048
"""So much of a packet is handed on."""

# linux/bpf_common.h
LOAD_WORD, LOAD_HALF, LOAD_BYTE = 0x20, 0x28, 0x30
LOAD_WORD_AT_X, LOAD_HALF_AT_X, LOAD_BYTE_AT_X = 0x40, 0x48, 0x50
SET_X, SET_X_TO_HEADER, X_FROM_A = 0x01, 0xB1, 0x07
AND, SHIFT_RIGHT, ADD_X = 0x54, 0x74, 0x0C
GO, IF_EQUAL, IF_ANY, RETURN = 0x05, 0x15, 0x45, 0x06
# Where the kernel shows the link's protocol: SKF_AD_OFF + SKF_AD_PROTOCOL.
PROTOCOL = 0xFFFFF000


class Instruction(NamedTuple):
    """One struct sock_filter: operation, jumps if true and if false, operand."""

    code: int
    yes: int
    no: int
    operand: int


class _Step(NamedTuple):
    """An instruction before its jumps are counted; an empty name is what comes next."""

    code: int
    operand: int = 0
    yes: str = ""
    no: str = ""


_STEPS: dict[str, tuple[_Step, ...]] = {
    "begin": (
        _Step(LOAD_WORD, PROTOCOL),
        _Step(IF_EQUAL, 0x0800, "version 4"),
        _Step(IF_EQUAL, 0x86DD, "version 6", "drop"),
    ),
    "version 4": (
        _Step(LOAD_HALF, 6),  # a later fragment has an offset
        _Step(IF_ANY, 0x1FFF, "drop"),
        _Step(SET_X_TO_HEADER, 0),
        _Step(LOAD_BYTE, 9),
        _Step(GO, 0, "transport"),
    ),
    "version 6": (
        _Step(SET_X, 40),
        _Step(LOAD_BYTE, 6),
    ),
    "transport": (
        _Step(IF_EQUAL, 6, "tcp"),
        _Step(IF_EQUAL, 17, "udp", "drop"),
    ),
    "tcp": (
        _Step(LOAD_BYTE_AT_X, 12),  # the data's offset in words, in the upper half
        _Step(AND, 0xF0),
        _Step(SHIFT_RIGHT, 2),
        _Step(ADD_X),
        _Step(X_FROM_A),
        _Step(LOAD_HALF_AT_X, 0),  # handshake record, major version 3
        _Step(IF_EQUAL, 0x1603, "", "drop"),
        _Step(LOAD_BYTE_AT_X, 5),  # ClientHello
        _Step(IF_EQUAL, 1, "keep", "drop"),
    ),
    "udp": (
        _Step(LOAD_HALF_AT_X, 0),
        _Step(IF_EQUAL, 53, "dns"),
        _Step(LOAD_HALF_AT_X, 2),
        _Step(IF_EQUAL, 443, "quic", "drop"),
    ),
    "dns": (
        _Step(LOAD_BYTE_AT_X, 10),  # an answer, not a question
        _Step(IF_ANY, 0x80, "keep", "drop"),
    ),
    "quic": (
        _Step(LOAD_BYTE_AT_X, 8),
        _Step(AND, 0xF0),
        _Step(IF_EQUAL, 0xC0, "quic 1"),
        _Step(IF_EQUAL, 0xD0, "quic 2", "drop"),
    ),
    "quic 1": (
        _Step(LOAD_WORD_AT_X, 9),
        _Step(IF_EQUAL, 0x00000001, "keep", "drop"),
    ),
    "quic 2": (
        _Step(LOAD_WORD_AT_X, 9),
        _Step(IF_EQUAL, 0x6B3343CF, "keep", "drop"),
    ),
    "drop": (_Step(RETURN, 0),),
    "keep": (_Step(RETURN, KEPT_BYTES),),
}


def _counted() -> tuple[Instruction, ...]:
    """The steps with their jumps as numbers of instructions to leave out."""
    places: dict[str, int] = {}
    steps: list[_Step] = []
    for name, part in _STEPS.items():
        places[name] = len(steps)
        steps += part
    program = []
    for at, (code, operand, yes, no) in enumerate(steps):
        over_yes, over_no = (places[name] - at - 1 if name else 0 for name in (yes, no))
        if code == GO:
            program.append(Instruction(code, 0, 0, over_yes))
        else:
            program.append(Instruction(code, over_yes, over_no, operand))
    return tuple(program)


PROGRAM = _counted()


def packed(program: tuple[Instruction, ...] = PROGRAM) -> bytes:
    """The instructions as the kernel takes them, in this machine's byte order."""
    return b"".join(struct.pack("=HBBI", *each) for each in program)
