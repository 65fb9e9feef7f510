"""How much others used the processors while something was measured.

On a shared machine it is the quiet moments that tell what one costs. They are chosen by what others
did, never by what came out.
"""

import os
import resource
from collections.abc import Iterable, Sequence

from scripts.bench.stand import cpu_ns


class Company:
    """What others do from now on, in thousandths of the processors.

    Ours are this process, the children it has waited for, and `pids`.
    """

    def __init__(self, clock_ns: int, pids: Iterable[int]) -> None:
        self._since_ns = clock_ns
        self._pids = tuple(pids)
        self._before_ns = _busy_ns() - self._ours_ns()

    def permille(self, clock_ns: int) -> float:
        """Return it as of now."""
        others_ns = _busy_ns() - self._ours_ns() - self._before_ns
        length_ns = (clock_ns - self._since_ns) * (os.cpu_count() or 1)
        return max(0.0, 1000 * others_ns / length_ns)

    def _ours_ns(self) -> int:
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        used_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return int(used_s * 1e9) + sum(cpu_ns(pid) for pid in self._pids)


def quietest(others: Sequence[float], number: int) -> list[int]:
    """Return the places of the `number` smallest, in their order."""
    return sorted(sorted(range(len(others)), key=lambda place: others[place])[:number])


def _busy_ns() -> int:
    """Return for how long the processors have done anything (proc_stat(5))."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
