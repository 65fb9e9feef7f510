"""Runs a program to which the kernel refuses something: a sandbox, or a kernel built without it.

    python tests/forbidding.py sock_diag EPERM ptywrap -- true

What is refused fails with the error named; it is so for all that the program starts, too. A refusal
is made by the kernel (seccomp(2)), not by a stand-in.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

SCRIPT = str(Path(__file__).resolve())
# AUDIT_ARCH of linux/audit.h, then socket(2) and bpf(2) of asm/unistd.h.
_MACHINES = {"x86_64": (0xC000003E, 41, 321), "aarch64": (0xC00000B7, 198, 280)}
POSSIBLE = sys.platform == "linux" and platform.machine() in _MACHINES
NEEDS = "needs Linux on x86_64 or aarch64: elsewhere the numbers of system calls are not known"
_AF_NETLINK, _NETLINK_SOCK_DIAG = 16, 4
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NUMBER, _MACHINE, _FIRST, _THIRD = 0, 4, 16, 32  # in struct seccomp_data


def program(what: str, error: int) -> bytes:
    """Return the classic BPF program that refuses it."""
    machine, socket_call, bpf_call = _MACHINES[platform.machine()]
    demands = {
        "sock_diag": [
            (_NUMBER, socket_call),
            (_FIRST, _AF_NETLINK),
            (_THIRD, _NETLINK_SOCK_DIAG),
        ],
        "netlink": [(_NUMBER, socket_call), (_FIRST, _AF_NETLINK)],
        "bpf": [(_NUMBER, bpf_call)],
    }[what]
    demands.insert(0, (_MACHINE, machine))
    steps = []
    for done, (place, value) in enumerate(demands):
        left = 2 * (len(demands) - done) - 2
        steps += [(_LOAD, 0, 0, place), (_EQUAL, 0, left + 1, value)]
    steps += [(_RETURN, 0, 0, _FAIL | error), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def forbid(what: str, error: int) -> None:
    """Refuse it to this process and all that it will start."""
    code = ctypes.create_string_buffer(program(what, error))
    fprog = ctypes.create_string_buffer(
        struct.pack("@HP", (len(code) - 1) // 8, ctypes.addressof(code))
    )
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    asked = ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, fprog, 0, 0))
    for arguments in asked:
        if prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel forbids to forbid")


if __name__ == "__main__":
    forbid(sys.argv[1], getattr(errno, sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
