"""macOS: uname(3), sysctl(8) by name and statvfs(3). Fed with recordings only: not run on macOS."""

import os
import subprocess
import sys
from typing import Any

from ptywrap.host.base import Probe
from ptywrap.host.sysctl_output import NAMES, fields

assert sys.platform == "darwin"


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
            ["/usr/sbin/sysctl", *NAMES], capture_output=True, check=False, text=True, timeout=2
        )
        found |= fields(done.stdout)
        try:
            disk = os.statvfs(os.path.expanduser("~"))
        except OSError:
            return found
        found["disk_total_bytes"] = disk.f_blocks * disk.f_frsize
        found["disk_free_bytes"] = disk.f_bavail * disk.f_frsize
        return found
