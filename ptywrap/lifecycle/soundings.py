"""Makes CPUs send a process event each, so that what was lost on them can be counted."""

import contextlib
import os
import sys
from collections.abc import Collection

assert sys.platform == "linux"


def sound(cpus: Collection[int]) -> None:
    """Fork a child on each of these CPUs that we may use; it ends at once.

    The event of a birth is sent, and numbered, on the CPU of the parent (proc_fork_connector,
    drivers/connector/cn_proc.c). Raises nothing: who cannot fork counts no more than before.
    """
    allowed = os.sched_getaffinity(0)
    try:
        for cpu in allowed.intersection(cpus):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {cpu})
                child = os.fork()
                if not child:
                    os._exit(0)
                os.waitpid(child, 0)
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, allowed)
