"""What ended processes used, by how much the reaped children of their parents grew meanwhile.

A process waits for its children, and the kernel adds what each used, its own children included, to
two sums of the parent (wait4(2), proc_pid_stat(5) fields 16 and 17) and to its bytes
(proc_pid_io(5)). Between two readings of a living parent these grow by what those used that it
waited for in between. That is told of a process only where it can be no other's:

- A reading counts once everything is known that happened before it: who ended by then and is not
  among the `unreaped` is in it.
- What a child had shown of its own children was told before, and is taken off.
- Who was not told apart before his parent ended is in the grandparent's sums with that parent.
- Of several, those that lived for less than two ticks (no closer are the sums) share what was
  added in the proportion of their lives, and used no more than these. What is left is the one
  other's. Of two others, and of one beside too many short ones, nothing is told.
- The sums come in ticks. A process that lived longer and added no tick is not told: it used less,
  but not nothing.
- Bytes are told of a single one, and of any number where none were added: then each moved 0.

Times are CLOCK_MONOTONIC ns.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ptywrap.lifecycle.base import Reaped

_SHORT_TICKS = 2
"""The sums are cut to whole ticks, user and system time each: what they grow by is known to two."""
_FEW = 8
"""Short ones beside another count if they lived for less than this part of what is left."""


class Share(NamedTuple):
    """What is told of an ended process; all None: nothing will be."""

    pid: int
    start_ticks: int
    user_ns: int | None = None
    sys_ns: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None


class Ended(NamedTuple):
    """A process that ended; `cpu_ns` is what it used if that was told by something better."""

    pid: int
    start_ticks: int
    born_ns: int
    ended_ns: int
    cpu_ns: int | None = None


class _Sum(NamedTuple):
    """What reaped children used; bytes None: not told."""

    user_ns: int = 0
    sys_ns: int = 0
    read_bytes: int | None = 0
    write_bytes: int | None = 0


class _Child(NamedTuple):
    """One that ended: what it had shown of its own children, and those it had not."""

    who: Ended
    shown: _Sum | None
    below: tuple[Ended, ...]


class _Account:
    """A parent. `base` is what has been counted, None: not known yet; `over_ns` what was told
    beyond it."""

    __slots__ = ("base", "over_ns", "readings", "start_ticks", "waiting")

    def __init__(self, start_ticks: int, base: _Sum | None) -> None:
        self.start_ticks = start_ticks
        self.base = base
        self.over_ns = 0
        self.waiting: list[_Child] = []
        self.readings: list[Reaped] = []


class Ledger:
    """The accounts of living parents, by pid."""

    def __init__(self, tick_ns: int) -> None:
        self._tick_ns = tick_ns
        self._accounts: dict[int, _Account] = {}
        self._read: set[int] = set()
        self._shares: list[Share] = []

    def found(self, reading: Reaped) -> None:
        """Begin the account of a parent that was found alive: what it has reaped is no one's."""
        self._accounts[reading.pid] = _Account(reading.start_ticks, _sums(reading, self._tick_ns))

    def born(self, pid: int, start_ticks: int) -> None:
        """Begin the account of a parent that had no children before we saw them."""
        known = self._accounts.get(pid)
        if known is None or known.start_ticks != start_ticks:
            self._accounts[pid] = _Account(start_ticks, _Sum())

    def pids(self) -> list[int]:
        """Return the parents that have an account."""
        return list(self._accounts)

    def has(self, pid: int) -> bool:
        """Say whether a parent has an account."""
        return pid in self._accounts

    def read(self, reading: Reaped) -> None:
        """Take a reading; it counts with `settle`."""
        account = self._accounts.get(reading.pid)
        if account is not None and account.start_ticks == reading.start_ticks:
            account.readings.append(reading)
            self._read.add(reading.pid)

    def ended(self, who: Ended, parent: int) -> None:
        """Take that a process ended. Its children must have been told before."""
        own = self._accounts.get(who.pid)
        shown: _Sum | None = _Sum()
        below: list[Ended] = []
        if own is not None and own.start_ticks == who.start_ticks:
            self._settle(own, 1 << 62)
            self._read.discard(who.pid)
            del self._accounts[who.pid]
            shown = own.base
            for child in own.waiting:
                below += [child.who, *child.below]
        account = self._accounts.get(parent)
        if account is not None:
            account.waiting.append(_Child(who, shown, tuple(below)))
        else:
            self._shares += [_untold(one) for one in (who, *below)]

    def forget(self, pid: int) -> None:
        """Close the account of a parent that is gone, or nobody's any more."""
        account = self._accounts.pop(pid, None)
        self._read.discard(pid)
        if account is not None:
            those = [one for child in account.waiting for one in (child.who, *child.below)]
            self._shares += [_untold(one) for one in those]

    def doubt(self) -> None:
        """Take that events were lost: who was reaped meanwhile is not known."""
        for account in self._accounts.values():
            account.base = None

    def settle(self, until_ns: int) -> list[Share]:
        """Count the readings up to a time before which all is known; return what they tell."""
        for pid in list(self._read):
            account = self._accounts[pid]
            self._settle(account, until_ns)
            if not account.readings:
                self._read.discard(pid)
        shares, self._shares = self._shares, []
        return shares

    def _settle(self, account: _Account, until_ns: int) -> None:
        while account.readings and account.readings[0].at <= until_ns:
            self._count(account, account.readings.pop(0))

    def _count(self, account: _Account, reading: Reaped) -> None:
        inside: list[_Child] = []
        still: list[_Child] = []
        for child in account.waiting:
            late = child.who.ended_ns > reading.at or child.who.pid in reading.unreaped
            (still if late else inside).append(child)
        account.waiting = still
        now, before = _sums(reading, self._tick_ns), account.base
        account.base = now
        those = [one for child in inside for one in (child.who, *child.below)]
        if before is None or any(child.shown is None for child in inside):
            account.over_ns = 0
            self._shares += [_untold(one) for one in those]
            return
        grown = _less(now, before)
        for child in inside:
            grown = _less(grown, child.shown or _Sum())
        cpu = self._cpu(account, grown, those)
        for one, (user_ns, sys_ns) in zip(those, cpu, strict=True):
            moved = _bytes(grown.read_bytes, len(those)), _bytes(grown.write_bytes, len(those))
            self._shares.append(Share(one.pid, one.start_ticks, user_ns, sys_ns, *moved))

    def _cpu(
        self, account: _Account, grown: _Sum, those: Sequence[Ended]
    ) -> list[tuple[int | None, int | None]]:
        """Return user and system time of each."""
        tick_ns = self._tick_ns
        left_ns = grown.user_ns + grown.sys_ns - account.over_ns
        left_ns -= sum(one.cpu_ns or 0 for one in those)
        open_ = [one for one in those if one.cpu_ns is None]
        short = [one for one in open_ if _length(one) < _SHORT_TICKS * tick_ns]
        crowd_ns = sum(_length(one) for one in short)
        account.over_ns = 0
        others = len(open_) - len(short)
        if others > 1 or (others == 1 and crowd_ns > max(tick_ns, left_ns // _FEW)):
            return [(None, None)] * len(those)
        told: dict[Ended, int] = {}
        ample_ns = max(left_ns + tick_ns, 0)
        for one in short:
            told[one] = _length(one) * min(ample_ns, crowd_ns) // max(crowd_ns, 1)
        left_ns -= sum(told.values())
        if others and left_ns > 0:
            told.update((one, left_ns) for one in open_ if one not in told)
            left_ns = 0
        most_ns = _SHORT_TICKS * tick_ns
        account.over_ns = -max(-most_ns, min(left_ns, most_ns))
        kinds = grown if grown.user_ns + grown.sys_ns > 0 else account.base or grown
        return [_split(told.get(one), kinds) for one in those]


def _length(one: Ended) -> int:
    return one.ended_ns - one.born_ns


def _split(total_ns: int | None, kinds: _Sum) -> tuple[int | None, int | None]:
    """Return user and system time in the proportion of a sum; half and half where it is empty."""
    if not total_ns:
        return None, None
    whole = max(kinds.user_ns, 0) + max(kinds.sys_ns, 0)
    user_ns = total_ns * max(kinds.user_ns, 0) // whole if whole else total_ns // 2
    return user_ns, total_ns - user_ns


def _bytes(grown: int | None, number: int) -> int | None:
    if grown is None:
        return None
    return max(grown, 0) if number == 1 or grown <= 0 else None


def _sums(reading: Reaped, tick_ns: int) -> _Sum:
    """Return the sums in the middle of the tick that they were cut to; none is none."""
    user_ns = reading.user_ns + tick_ns // 2 if reading.user_ns else 0
    sys_ns = reading.sys_ns + tick_ns // 2 if reading.sys_ns else 0
    return _Sum(user_ns, sys_ns, reading.read_bytes, reading.write_bytes)


def _less(one: _Sum, other: _Sum) -> _Sum:
    return _Sum(
        one.user_ns - other.user_ns,
        one.sys_ns - other.sys_ns,
        _minus(one.read_bytes, other.read_bytes),
        _minus(one.write_bytes, other.write_bytes),
    )


def _minus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def _untold(one: Ended) -> Share:
    return Share(one.pid, one.start_ticks)
