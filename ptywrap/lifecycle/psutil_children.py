"""Asks psutil for the children of each followed process every 100 ms: the portable last resort."""

from collections.abc import Iterable

import psutil

from ptywrap import clock
from ptywrap.lifecycle.base import (
    ARGV_BYTES,
    SAMPLED,
    Event,
    Exec,
    Exit,
    Fork,
    Probe,
    Promise,
    Usage,
)


class _Seen:
    """A process as it was at the last look."""

    __slots__ = ("argv", "parent", "process", "root", "start_ticks", "used")

    def __init__(self, process: psutil.Process, parent: int, root: int, start_ticks: int) -> None:
        self.process = process
        self.parent = parent
        self.root = root
        self.start_ticks = start_ticks
        self.argv: tuple[str, ...] | None = None
        self.used: Usage | None = None


class PsutilChildren:
    """The backend; no status, no short lives, and what was used is that of the last look."""

    name = "psutil"
    promises = frozenset({Promise.UNPRIVILEGED})
    period_ns = 100_000_000
    verified = True

    def __init__(self) -> None:
        self._open = False
        self._roots: dict[int, int | None] = {}
        self._living: dict[int, _Seen] = {}
        self._told: list[Event] = []

    def probe(self) -> Probe:
        """Ask for ourselves."""
        try:
            psutil.Process().children()
        except psutil.Error as error:
            return Probe(usable=False, reason=f"psutil sees no children: {error}", remedy="")
        return Probe(usable=True)

    def open(self) -> None:
        """Begin; there is nothing to poll."""
        self._open = True

    def follow(self, pid: int) -> None:
        """Take a process and what lives below it."""
        if pid in self._roots:
            return
        seen = self._living.get(pid)
        self._roots[pid] = seen.root if seen is not None else None
        if seen is not None:
            seen.root = pid
            for each in self._living.values():
                above = self._living.get(each.parent)
                if above is not None and above.root == pid:
                    each.root = pid
            return
        try:
            process = psutil.Process(pid)
            self._find(process, process.ppid(), pid)
        except psutil.Error:
            return

    def leave(self, pid: int) -> None:
        """Forget a process and what lives below it, or give it to the root outside."""
        if pid not in self._roots:
            return
        outer = self._roots.pop(pid)
        for each, seen in list(self._living.items()):
            if seen.root == pid and outer is not None:
                seen.root = outer
            elif seen.root == pid:
                del self._living[each]

    def read(self) -> Iterable[Event]:
        """Tell who is new, who runs something else, who is gone."""
        if not self._open:
            return []
        if self._living:
            self._descend()
        for pid, seen in list(self._living.items()):
            self._look(pid, seen)
        told, self._told = self._told, []
        return told

    def close(self) -> None:
        """Let go of everything."""
        self._open = False
        self._roots.clear()
        self._living.clear()
        self._told.clear()

    def _descend(self) -> None:
        for root in [pid for pid, seen in self._living.items() if not self._is_below(seen)]:
            try:
                found = psutil.Process(root).children(recursive=True)
            except psutil.Error:
                continue
            for process in found:
                if process.pid not in self._living:
                    self._find_below(process, root)

    def _is_below(self, seen: _Seen) -> bool:
        """Say whether asking for another one's children asks for these, too."""
        return seen.parent in self._living and seen.process.pid not in self._roots

    def _find_below(self, process: psutil.Process, root: int) -> None:
        try:
            parent = process.ppid()
            above = self._living.get(parent)
            self._find(process, parent, root if above is None else above.root)
        except psutil.Error:
            return

    def _find(self, process: psutil.Process, parent: int, root: int) -> None:
        seen = _Seen(process, parent, root, _start_ticks(process))
        above = self._living.get(parent)
        self._living[process.pid] = seen
        now = clock.monotonic_ns()
        at = now - max(0, clock.wall_ns() - round(process.create_time() * 1e9))
        self._told.append(
            Fork(
                process.pid,
                parent,
                at,
                seen.start_ticks,
                None if above is None else above.start_ticks,
                root,
                self.name,
                SAMPLED,
            )
        )

    def _look(self, pid: int, seen: _Seen) -> None:
        now = clock.monotonic_ns()
        try:
            with seen.process.oneshot():
                if not _lives(seen.process):
                    self._end(pid, seen, now)
                    return
                argv = tuple(seen.process.cmdline())
                seen.used = self._used(seen, now)
                if argv and argv != seen.argv:
                    seen.argv = argv
                    self._told.append(self._program(seen, now))
        except psutil.NoSuchProcess:
            self._end(pid, seen, now)
        except psutil.Error:
            return

    def _used(self, seen: _Seen, now: int) -> Usage:
        times = seen.process.cpu_times()
        return Usage(
            seen.process.pid,
            now,
            round(times.user * 1e6) * 1000,
            round(times.system * 1e6) * 1000,
            None,
            None,
            None,
            seen.start_ticks,
            "look",
            SAMPLED,
        )

    def _program(self, seen: _Seen, now: int) -> Exec:
        argv, cut = _cut(seen.argv or ())
        return Exec(
            pid=seen.process.pid,
            at=now,
            argv=argv,
            exe=_text(seen.process, "exe"),
            cwd=_text(seen.process, "cwd"),
            argv_src="proc",
            argv_cut=cut,
            name=_text(seen.process, "name"),
            start_ticks=seen.start_ticks,
            source=self.name,
            completeness=SAMPLED,
        )

    def _end(self, pid: int, seen: _Seen, now: int) -> None:
        del self._living[pid]
        if seen.used is not None:
            self._told.append(seen.used)
        self._told.append(Exit(pid, now, None, seen.start_ticks, self.name, SAMPLED))


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _start_ticks(process: psutil.Process) -> int:
    """Return start ticks as /proc has them: psutil gives the boot time plus ticks, in seconds."""
    return round((process.create_time() - psutil.boot_time()) * 100)


def _text(process: psutil.Process, name: str) -> str | None:
    try:
        text = str(getattr(process, name)())
    except psutil.Error:
        return None
    return _plain(text) or None


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _cut(argv: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return the first ARGV_BYTES of a list, separators included."""
    data = "\0".join(_plain(word) for word in argv).encode()
    if len(data) < ARGV_BYTES:
        return tuple(_plain(word) for word in argv), False
    return tuple(data[:ARGV_BYTES].decode("utf-8", "ignore").split("\0")), True
