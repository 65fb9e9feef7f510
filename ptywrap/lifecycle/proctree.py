"""Reads processes from /proc: one, its descendants, or all of them (proc_pid_stat(5))."""

import codecs
import os
import sys
from typing import NamedTuple

from ptywrap import clock
from ptywrap.lifecycle.base import ARGV_BYTES

assert sys.platform == "linux"

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
TICK_NS = 1_000_000_000 // TICKS_A_SECOND
_EXITING = 0x4  # PF_EXITING, linux/sched.h


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that are used; times in clock ticks."""

    pid: int
    name: str
    state: str
    ppid: int
    session: int
    flags: int
    user_ticks: int
    sys_ticks: int
    child_user_ticks: int
    child_sys_ticks: int
    threads: int
    start_ticks: int
    status: int | None
    """The wait status of a zombie, None of a living one; 0 also of a zombie that is not `ours`."""

    @property
    def ended(self) -> bool:
        """No thread of it will run again, though it may not have been reaped yet."""
        return self.state in "ZXx" and self.threads <= 1


def parse(data: bytes) -> Stat | None:
    """Take the text of a stat file apart; None if it is not one. The name may hold anything."""
    start, end = data.find(b"("), data.rfind(b")")
    fields = data[end + 2 :].split()
    if start < 0 or end < start or len(fields) < 20:
        return None
    try:
        numbers = [int(field) for field in fields[1:]]
        pid = int(data[:start])
    except ValueError:
        return None
    name = data[start + 1 : end].decode("utf-8", "backslashreplace")
    state = fields[0].decode("ascii", "replace")
    status = numbers[48] if len(numbers) > 48 and state == "Z" else None
    return Stat(
        pid,
        name,
        state,
        ppid=numbers[0],
        session=numbers[2],
        flags=numbers[5],
        user_ticks=numbers[10],
        sys_ticks=numbers[11],
        child_user_ticks=numbers[12],
        child_sys_ticks=numbers[13],
        threads=numbers[16],
        start_ticks=numbers[18],
        status=status,
    )


def stat(pid: int) -> Stat | None:
    """Return what /proc says of a process, None when it is gone."""
    data = contents(f"/proc/{pid}/stat")
    return None if data is None else parse(data)


def contents(path: str, limit: int = 4096) -> bytes | None:
    """Return the first bytes of a file of /proc, None when there is none or it is not ours."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def walk() -> dict[int, Stat]:
    """Return all processes of this pid namespace, zombies included."""
    found: dict[int, Stat] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            seen = stat(int(name))
            if seen is not None:
                found[seen.pid] = seen
    return found


def children(pid: int) -> list[int] | None:
    """Return the living children of all threads of a process; None when it is gone.

    The file is empty for all where the kernel was built without CONFIG_PROC_CHILDREN.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return None
    found: list[int] = []
    for thread in threads:
        data = contents(f"/proc/{pid}/task/{thread}/children", 65536)
        if data:
            found.extend(int(word) for word in data.split())
    return found


def descendants(pid: int) -> list[Stat]:
    """Return a living process and all below it, parents first; empty when it is gone."""
    found: dict[int, Stat] = {}
    pids = [pid]
    while pids:
        each = pids.pop(0)
        seen = None if each in found else stat(each)
        if seen is not None:
            found[each] = seen
            pids.extend(children(each) or ())
    return list(found.values())


def argv(pid: int) -> tuple[tuple[str, ...] | None, bool]:
    """Return the argument list of a living process, and whether it was cut; None when unknown."""
    data = contents(f"/proc/{pid}/cmdline", ARGV_BYTES + 1)
    return (split(data), len(data) > ARGV_BYTES) if data else (None, False)


def split(data: bytes) -> tuple[str, ...]:
    """Take an argument list apart: each ends in NUL, but one that was cut or rewritten."""
    cut = len(data) > ARGV_BYTES
    data = data[:ARGV_BYTES] if cut else data.removesuffix(b"\0")
    text, _ = codecs.utf_8_decode(data, "backslashreplace", not cut)
    return tuple(text.split("\0"))


def link(pid: int, name: str) -> str | None:
    """Return where `exe` or `cwd` of a process points; None when it is gone or another user's."""
    try:
        path = os.readlink(f"/proc/{pid}/{name}".encode())
    except OSError:
        return None
    return path.decode("utf-8", "backslashreplace")


def ours(pid: int) -> bool:
    """Say whether all user ids of a process are ours, so that the kernel hides nothing from us."""
    data = contents(f"/proc/{pid}/status") or b""
    words = data.partition(b"\nUid:")[2].split(None, 4)[:4]
    return os.geteuid() == 0 or words == [str(os.geteuid()).encode()] * 4


def exiting(seen: Stat) -> bool:
    """Say whether the thread-group leader is on its way out, or out."""
    return seen.state in "ZXx" or bool(seen.flags & _EXITING)


def started_at(start_ticks: int) -> int:
    """Return the CLOCK_MONOTONIC time of a start tick; exact to one tick."""
    return start_ticks * TICK_NS - (clock.boottime_ns() - clock.monotonic_ns())


def ticks_at(at: int) -> int:
    """Return the start tick of a process born at a CLOCK_MONOTONIC time."""
    return (at + clock.boottime_ns() - clock.monotonic_ns()) // TICK_NS
