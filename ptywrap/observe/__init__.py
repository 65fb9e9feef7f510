"""Turns what lifecycle, marks and terminal tell into facts: one process a user, one poll loop."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Protocol

from ptywrap.observe.account import Reading
from ptywrap.observe.actor import Forebear


class Watch(Protocol):
    """Tells that something in a folder has changed; `descriptor` is to be polled, or None."""

    descriptor: int | None
    period_ns: int

    def take(self) -> None:
        """Forgets what has been told by now: the caller looks at everything itself."""
        ...

    def close(self) -> None:
        """Stops."""
        ...


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


class Silent:
    """Stands for the kernel where no file tells of a process."""

    def reading(self, pid: int) -> Reading | None:
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


class Kernel(Protocol):
    """What the system tells of one process."""

    def reading(self, pid: int) -> Reading | None:
        """Gives what a shell and the children it has reaped used so far."""
        ...

    def alive(self, pid: int) -> bool:
        """Says whether it exists and has not ended."""
        ...

    def forebears(self, pid: int) -> list[Forebear]:
        """Gives it and its ancestors, nearest first."""
        ...

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Gives those of the named variables it was started with."""
        ...


def system() -> Kernel:
    """Return what tells of single processes here."""
    if sys.platform == "linux":
        found: Kernel = import_module("ptywrap.observe.kernel")
        return found
    return Silent()
