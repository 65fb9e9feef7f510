"""macOS: uname(3), sysctl(8) by name and statvfs(3). Fed with recordings only: not run on macOS."""

import os
import subprocess
import sys
from typing import Any

from ptywrap.host.base import Probe

assert sys.platform == "darwin"

_NAMES = ("machdep.cpu.brand_string", "hw.memsize", "hw.logicalcpu")


class Machine:
    """The machine as sysctl tells it."""

    name = "sysctl"
    verified = False
    fields = frozenset(
        {"system", "release", "machine", "cpu_model", "cores", "memory_bytes", "disk_total_bytes"}
    )

    def probe(self) -> Probe:
        """Works on every macOS."""
        return Probe(usable=True)

    def read(self) -> dict[str, Any]:
        """Give all but the caches."""
        system, _, release, _, machine = os.uname()
        found: dict[str, Any] = {"system": system, "release": release, "machine": machine}
        done = subprocess.run(
            ["/usr/sbin/sysctl", *_NAMES], capture_output=True, check=False, text=True, timeout=2
        )
        found |= fields(done.stdout)
        try:
            disk = os.statvfs(os.path.expanduser("~"))
        except OSError:
            return found
        found["disk_total_bytes"] = disk.f_blocks * disk.f_frsize
        found["disk_free_bytes"] = disk.f_bavail * disk.f_frsize
        return found


def fields(output: str) -> dict[str, Any]:
    """Return fields of Host from lines `name: value` of sysctl."""
    told = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    found: dict[str, Any] = {}
    if _NAMES[0] in told:
        found["cpu_model"] = told[_NAMES[0]].strip()
    if told.get(_NAMES[1], "").isdigit():
        found["memory_bytes"] = int(told[_NAMES[1]])
    if told.get(_NAMES[2], "").isdigit():
        found["cores"] = int(told[_NAMES[2]])
    return found
