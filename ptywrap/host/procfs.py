"""Linux: uname(2), /proc and statvfs(3) of the home directory's disk."""

import os
import re
import sys
from typing import Any

from ptywrap.host.base import Probe

assert sys.platform == "linux"

_MODEL = re.compile(r"^(?:model name|Hardware|cpu model|Model)\s*:\s*(.+)$", re.MULTILINE)
_MEMORY = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)
_OCTAL = re.compile(r"\\([0-7]{3})")


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


def cpu_model(cpuinfo: str) -> str | None:
    """Return what the first processor of /proc/cpuinfo is called; many ARM machines do not say."""
    found = _MODEL.search(cpuinfo)
    return " ".join(found[1].split()) if found else None


def file_system(mountinfo: str, device: str) -> str | None:
    """Return the type of the mount of a device `major:minor` (proc_pid_mountinfo(5))."""
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if len(fields) > 2 and fields[2] == device and tail:
            return tail.split()[0]
    return None


def mount_type(mountinfo: str, path: str) -> str | None:
    """Return the type of the deepest mount a path lies on: btrfs and overlays hide the device."""
    best: tuple[int, str] | None = None
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if len(fields) < 5 or not tail:
            continue
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[4])
        inside = point in {"/", path} or path.startswith(f"{point}/")
        if inside and (best is None or len(point) >= best[0]):
            best = (len(point), tail.split()[0])
    return best[1] if best else None


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
