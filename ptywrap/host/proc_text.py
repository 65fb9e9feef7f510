"""Texts of Linux's /proc -> what Host says of processor and file system."""

import re

_MODEL = re.compile(r"^(?:model name|Hardware|cpu model|Model)\s*:\s*(.+)$", re.MULTILINE)
_OCTAL = re.compile(r"\\([0-7]{3})")


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
