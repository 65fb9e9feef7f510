"""What the table knows of processes: their names, whether they live, and who is below whom."""

import contextlib
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import psutil

from netsniff.live.ledger import NOBODY, UNKNOWN, Owner
from netsniff.model import Connection, Holder

_DEPTH, _MOST = 64, 16384
_Key: TypeAlias = tuple[int, int | None]


class _Met(NamedTuple):
    """A process that was met; `process` None: it was gone by then."""

    name: str
    below: bool
    process: psutil.Process | None


class Processes:
    """Those that held a socket; `root` limits the table to it and what lives below it."""

    def __init__(self, root: int | None = None) -> None:
        self._root = root
        self._below: set[int] = set() if root is None else {root}
        self._met: dict[_Key, _Met] = {}
        self._seen: set[int] = set()
        self._born: set[int] = set()

    @property
    def limited(self) -> bool:
        """Whether it is about one process and those below it."""
        return self._root is not None

    def meet(self, holder: Holder) -> None:
        """Learn of a holder at the moment it is told: later it may be gone."""
        key = (holder.pid, holder.start_ticks)
        if key in self._met:
            return
        name, parent, process = holder.name, holder.parent, None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(holder.pid)
            with process.oneshot():
                name = name or process.name()
                parent = parent or process.ppid()
        below = self._root is not None and (holder.pid in self._below or self._reaches(parent))
        if below:
            self._below.add(holder.pid)
        self._met[key] = _Met(name or UNKNOWN, below, process)
        while len(self._met) > _MOST:
            del self._met[next(iter(self._met))]

    def _reaches(self, pid: int | None) -> bool:
        """Say whether a process is the root or has it above."""
        with contextlib.suppress(psutil.Error):
            for _ in range(_DEPTH):
                if not pid or pid in self._below:
                    return bool(pid)
                pid = psutil.Process(pid).ppid()
        return False

    def look(self) -> set[int]:
        """Learn who lives below the root now, or at all; return those that are new or nearly so.

        A process is new twice: what it is to be it may become a moment after its birth.
        """
        living = set(psutil.pids()) if self._root is None else self._descendants(self._root)
        born, self._seen = living - self._seen, living
        fresh, self._born = born | (self._born & living), born
        return fresh

    def _descendants(self, root: int) -> set[int]:
        """Return the root and who is below it; who lost its parent on the way stays."""
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(root).children(recursive=True)
        living = {pid for pid in self._below if psutil.pid_exists(pid)}
        self._below = {root, *living, *(child.pid for child in children)}
        return self._below

    def root_lives(self) -> bool:
        """Say whether the root is there still, or there is none to wait for."""
        if self._root is None:
            return True
        try:
            return bool(psutil.Process(self._root).status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False

    def wanted(self, connection: Connection) -> bool:
        """Say whether a connection belongs into the table."""
        if self._root is None:
            return True
        met = self._met.get((connection.pid or 0, connection.process_ticks))
        return met is not None and met.below

    def owner(self, connection: Connection) -> Owner:
        """Return whose a connection is."""
        if connection.pid is None:
            return Owner(NOBODY, None)
        key = (connection.pid, connection.process_ticks)
        met = self._met.get(key)
        return Owner(met.name if met else UNKNOWN, *key)

    def over(self, owners: Iterable[Owner]) -> list[Owner]:
        """Return those of them that live no more."""
        return [owner for owner in owners if owner.pid is not None and not self._lives(owner)]

    def _lives(self, owner: Owner) -> bool:
        met = self._met.get((owner.pid or 0, owner.start_ticks))
        if met is None or met.process is None:
            return False
        try:
            return met.process.is_running() and met.process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
