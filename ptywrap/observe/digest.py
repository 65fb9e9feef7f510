"""What a command's facts need of its processes, however many they are."""

from typing import NamedTuple

from ptywrap import wire
from ptywrap.observe.account import Cpu
from ptywrap.observe.naming import Ran
from ptywrap.observe.network_flows import Traffic
from ptywrap.observe.tree import worst

_FEW = 512
_MOST = 4096
_GOES_ON_NS = 1 << 62


class _Seen(NamedTuple):
    """One process, as far as words and signals need it."""

    pid: int
    ppid: int | None
    argv: tuple[str, ...] | None
    born_at: int
    length_ns: int
    signal: int | None


class Digest:
    """The sum of the processes of one command; `shell` is the pid whose children are topmost."""

    def __init__(self, shell: int) -> None:
        self.number = 0
        self.peak_rss_bytes: int | None = None
        self.completeness = "exact"
        self.traffic = Traffic()
        self._shell = shell
        self._seen: list[_Seen] = []
        self._whole = True
        self._user_ns = 0
        self._sys_ns = 0

    def add(self, fact: wire.Process, *, whole: bool) -> None:
        """Take a process; `whole` says that its source counts every moment of it."""
        self.number += 1
        self.completeness = worst(self.completeness, fact.completeness or "sampled")
        if fact.peak_rss_bytes is not None:
            self.peak_rss_bytes = max(self.peak_rss_bytes or 0, fact.peak_rss_bytes)
        if not whole or fact.cpu_user_ns is None or fact.wall_ns is None:
            self._whole = False
        self._user_ns += fact.cpu_user_ns or 0
        self._sys_ns += fact.cpu_sys_ns or 0
        topmost = self._shell in {fact.ppid, fact.pid}
        if len(self._seen) < (_MOST if topmost else _FEW):
            argv = tuple(fact.argv) if fact.argv is not None else None
            length_ns = _GOES_ON_NS if fact.wall_ns is None else fact.wall_ns
            born_at = fact.started_at or 0
            self._seen.append(_Seen(fact.pid, fact.ppid, argv, born_at, length_ns, fact.signal))

    def cpu(self) -> Cpu:
        """Return the sum, where each has ended and a whole source tells of all."""
        if not self._whole or self.number == 0:
            return Cpu()
        return Cpu(self._user_ns, self._sys_ns)

    def ran(self) -> list[Ran]:
        """Return the topmost that executed something, each below those that only forked."""
        children: dict[int | None, list[_Seen]] = {}
        for one in self._seen:
            children.setdefault(one.ppid, []).append(one)
        waiting = [one for one in self._seen if self._shell in {one.ppid, one.pid}]
        found = []
        met = set()
        for one in waiting:
            if (one.pid, one.born_at) in met:
                continue
            met.add((one.pid, one.born_at))
            if one.argv is None:
                waiting.extend(children.get(one.pid, ()))
            else:
                found.append(Ran(one.argv, one.born_at, one.length_ns))
        return found

    def signals(self) -> set[int | None]:
        """Return what the topmost died of."""
        return {one.signal for one in self._seen if one.ppid == self._shell}
