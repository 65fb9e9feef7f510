"""Turns what lifecycle, marks and terminal tell into facts: one process a user, one poll loop.

What is imported here is imported before a held command is answered (`readiness`): next to nothing.
"""

import os
import resource
import sys
from collections.abc import Container
from importlib import import_module
from pathlib import Path

from ptywrap.lifecycle.base import Reaped, Usage
from ptywrap.observe.base import Ends, Forebear, Kernel, Reading, Upkeep, Watch


class Looking:
    """Nothing tells: the folder is looked at every quarter of a second."""

    descriptor: int | None = None
    period_ns = 250_000_000

    def take(self) -> None:
        """Do nothing: there is nothing to forget."""

    def close(self) -> None:
        """Do nothing: there is nothing to stop."""


def watch(folder: Path) -> Watch:
    """Return what tells of changes in a folder: inotify where there is one."""
    if sys.platform == "linux":
        module = import_module("ptywrap.observe.inotify")
        try:
            watching: Watch = module.Inotify(folder)
        except OSError:
            return Looking()
        return watching
    return Looking()


class Unheard:
    """Nothing tells of ends at once."""

    descriptor: int | None = None

    def hold(self, pid: int) -> None:
        """Do nothing."""

    def release(self, pid: int) -> None:
        """Do nothing."""

    def retain(self, living: Container[int]) -> None:
        """Do nothing."""

    def take(self) -> list[int]:
        """Return none."""
        return []

    def close(self) -> None:
        """Do nothing."""


def ends() -> Ends:
    """Return what tells of ends at once: pidfds where there are some."""
    if sys.platform == "linux":
        hearing: Ends = import_module("ptywrap.observe.pidfds").Pidfds()
        return hearing
    return Unheard()


class Silent:
    """Stands for the kernel where no file tells of a process."""

    def reading(self, pid: int) -> Reading | None:
        """Return nothing: not told."""
        del pid
        return None

    def upkeep(self, pid: int) -> Upkeep | None:
        """Return what is known of ourselves: the peak stands for what is occupied now."""
        if pid != os.getpid():
            return None
        spent = resource.getrusage(resource.RUSAGE_SELF)
        return Upkeep(int((spent.ru_utime + spent.ru_stime) * 1e9), spent.ru_maxrss)

    def children(self, pid: int) -> list[int]:
        """Return nothing: not told."""
        del pid
        return []

    def look(self, pid: int) -> Usage | None:
        """Return nothing: not told."""
        del pid
        return None

    def buried(self, pid: int, start_ticks: int) -> Usage | None:
        """Return nothing: not told."""
        del pid, start_ticks
        return None

    def reaped(self, pid: int) -> Reaped | None:
        """Return nothing: not told."""
        del pid
        return None

    def alive(self, pid: int) -> bool:
        """Say whether a signal could be sent to it."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def forebears(self, pid: int) -> list[Forebear]:
        """Return nothing: not told."""
        del pid
        return []

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Return nothing: not told."""
        del pid, names
        return {}


def system() -> Kernel:
    """Return what tells of single processes here."""
    if sys.platform == "linux":
        found: Kernel = import_module("ptywrap.observe.kernel")
        return found
    return Silent()
