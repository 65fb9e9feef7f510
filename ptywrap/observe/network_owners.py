"""Whose a socket is: from its holder to the process in a tree, its shell and its session.

A process is known by pid and start ticks. Ticks of one that was too short to be read were reckoned
from the time of its birth: they may be off by one.
"""

from collections.abc import Mapping
from typing import NamedTuple

from netsniff.model import Connection
from ptywrap.observe import account
from ptywrap.observe.account import Entry
from ptywrap.observe.session import Session
from ptywrap.observe.tree import Life, Tree

_OFF_TICKS = 1
_MOST = 1024


class Owner(NamedTuple):
    """The process that holds a socket, as an entry without a row, and the session it is part of.

    `shell`: it is a shell itself, whose commands come and go while the socket stays.
    """

    session: Session
    entry: Entry
    name: str | None
    living: bool
    shell: bool


class Owners:
    """The processes of all sessions, and those that ended lately."""

    def __init__(self, tree: Tree, sessions: Mapping[int, Session]) -> None:
        self._tree = tree
        self._sessions = sessions
        self._ended: dict[int, Owner] = {}

    def ended(self, life: Life) -> Owner | None:
        """Remember one that has ended: what it moved is told a little later."""
        owner = self._of(life)
        if owner is not None:
            self._ended.pop(life.pid, None)
            self._ended[life.pid] = owner
            while len(self._ended) > _MOST:
                del self._ended[next(iter(self._ended))]
        return owner

    def forget(self, session: Session) -> None:
        """Forget those of a session that nobody asks for any more."""
        gone = [pid for pid, owner in self._ended.items() if owner.session is session]
        for pid in gone:
            del self._ended[pid]

    def of(self, connection: Connection) -> Owner | None:
        """Return whose a connection is; None: of nobody in a session, or nobody known so far."""
        pid, ticks = connection.pid, connection.process_ticks
        if pid is None:
            return None
        life = self._tree.live.get(pid)
        if life is not None and _is(life.start_ticks, ticks):
            return self._of(life)
        known = self._ended.get(pid)
        if known is not None and _is(known.entry.start_ticks, ticks):
            return known
        for late in range(-_OFF_TICKS, _OFF_TICKS + 1):
            life = self._tree.closed.get((pid, (ticks or 0) + late))
            if life is not None:
                return self._of(life)
        return None

    def _of(self, life: Life) -> Owner | None:
        held = self._sessions.get(life.pid)
        itself = held is not None and not held.run
        session = held if itself else self._sessions.get(life.shell)
        if session is None:
            return None
        entry = account.entry(life)._replace(shell=life.pid if itself else life.shell)
        return Owner(session, entry, life.name, life.ended_ns is None, itself)


def _is(start_ticks: int, told: int | None) -> bool:
    """Say whether ticks are of that process; a source that could not read them knows the pid."""
    return told is None or abs(start_ticks - told) <= _OFF_TICKS
