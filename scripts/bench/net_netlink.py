"""Who listens to destroyed sockets, and what the kernel dropped for them (/proc/net/netlink)."""

import contextlib
import os
from pathlib import Path


def listening(pids: list[int]) -> tuple[int, int] | None:
    """Return who of these listens to groups of sock_diag, and the inode of that socket."""
    inodes = set()
    with open("/proc/net/netlink", encoding="ascii") as file:
        for line in list(file)[1:]:
            words = line.split()
            if words[1] == "4" and int(words[3], 16):
                inodes.add(int(words[9]))
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                name = os.readlink(descriptor)
                if name.startswith("socket:[") and int(name[8:-1]) in inodes:
                    return pid, int(name[8:-1])
    return None


def drops(inode: int) -> int:
    """Return how many messages the kernel has dropped for a netlink socket."""
    with open("/proc/net/netlink", encoding="ascii") as file:
        for line in list(file)[1:]:
            words = line.split()
            if int(words[9]) == inode:
                return int(words[8])
    return 0
