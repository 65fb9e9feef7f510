"""Whose turn it is in the process that owns a store: questions go before what fills it."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

_NICE = 10
# A question takes the interpreter's lock a few times: never 5 ms after whoever fills the store.
_SWITCH_SECONDS = 0.0005


def behind(name: str) -> ThreadPoolExecutor:
    """Return one thread for work that stands behind all that answers."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    return ThreadPoolExecutor(1, name, _stand_back)


def _stand_back() -> None:
    # A thread has a nice value of its own on Linux alone (pthreads(7)); so it has cores.
    if hasattr(os, "sched_getaffinity"):
        os.nice(_NICE)
