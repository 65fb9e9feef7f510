"""Linux: uname(2), /proc and statvfs(3) of the home directory's disk."""

import os
import re
import sys
from typing import Any

from ptywrap.host.base import Probe
from ptywrap.host.proc_text import cpu_model, file_system, mount_type

assert sys.platform == "linux"

_MEMORY = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)


class Machine:
    """The machine as the kernel tells it."""

    name = "procfs"
    fields = frozenset(
        {
            "system",
            "release",
            "machine",
            "cores",
            "memory_bytes",
            "disk_total_bytes",
            "disk_free_bytes",
            "file_system",
        }
    )

    def probe(self) -> Probe:
        """Works wherever /proc is mounted."""
        if os.path.exists("/proc/meminfo"):
            return Probe(usable=True)
        return Probe(usable=False, reason="/proc is not mounted", remedy="mount it")

    def read(self) -> dict[str, Any]:
        """Give all but the caches."""
        system, _, release, _, machine = os.uname()
        found: dict[str, Any] = {"system": system, "release": release, "machine": machine}
        found["cores"] = len(os.sched_getaffinity(0))
        model = cpu_model(_text("/proc/cpuinfo"))
        if model is not None:
            found["cpu_model"] = model
        memory = _MEMORY.search(_text("/proc/meminfo"))
        if memory is not None:
            found["memory_bytes"] = int(memory[1]) * 1024
        return found | _disk(os.path.expanduser("~"))


def _disk(home: str) -> dict[str, Any]:
    try:
        disk = os.statvfs(home)
        number = os.stat(home).st_dev
        path = os.path.realpath(home)
    except OSError:
        return {}
    mounts = _text("/proc/self/mountinfo")
    kind = file_system(mounts, f"{os.major(number)}:{os.minor(number)}")
    kind = kind or mount_type(mounts, path)
    found: dict[str, Any] = {
        "disk_total_bytes": disk.f_blocks * disk.f_frsize,
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
    }
    return found | ({"file_system": kind} if kind else {})


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
