"""Asks psutil for the table of sockets once a second: the portable last resort, without bytes.

One call for all processes: one for each would read the whole table as many times.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import psutil

from netsniff.model import LIKELY, Endpoint, Event, Holder, Protocol, Reading
from netsniff.sources.base import Probe, Promise, SourceError

_STATES = {
    psutil.CONN_ESTABLISHED: 1,
    psutil.CONN_SYN_SENT: 2,
    psutil.CONN_SYN_RECV: 3,
    psutil.CONN_FIN_WAIT1: 4,
    psutil.CONN_FIN_WAIT2: 5,
    psutil.CONN_CLOSE_WAIT: 8,
    psutil.CONN_LAST_ACK: 9,
    psutil.CONN_CLOSING: 11,
}
"""Those of a connection; the numbers are of include/net/tcp_states.h."""
_CLOSED = 7
_STREAM = 1  # SOCK_STREAM: the same everywhere
_PREFIX_OF_V4 = "::ffff:"

_Key: TypeAlias = tuple[Protocol, Endpoint, Endpoint | None, int | None]
"""A connection of TCP is known by its ends; a UDP socket may share them with other processes."""


class _Row(NamedTuple):
    key: _Key
    pid: int | None
    state: int | None


class PsutilTable:
    """The source; what lives between two looks is not seen, and what it moved is not known."""

    name = "psutil_table"
    promises = frozenset({Promise.UNPRIVILEGED})
    period_ns = 1_000_000_000
    verified = True

    def __init__(self) -> None:
        self._open = self._resting = False
        self._due_ns = 0
        self._first = True
        self._living: dict[_Key, Reading] = {}
        self._told: set[_Key] = set()

    def probe(self) -> Probe:
        """Ask for the table once."""
        try:
            _table()
        except psutil.AccessDenied:
            return Probe(usable=False, reason="the table is root's here", remedy="run it as root")
        except (psutil.Error, OSError) as failure:
            return Probe(usable=False, reason=f"psutil cannot read the table: {failure}")
        return Probe(usable=True)

    def open(self) -> None:
        """Begin; there is nothing to poll."""
        self._open, self._first, self._resting, self._due_ns = True, True, False, 0

    def hurry(self, pid: int) -> None:
        """End a rest; it is not read more often than once a second all the same: it is dear."""
        self._resting = False

    def rest(self) -> None:
        """Read nothing until the next `hurry`."""
        self._resting = True

    def read(self) -> Iterable[Event]:
        """Tell what is in the table, and once more what is no longer; at most once a second."""
        now_ns = time.monotonic_ns()
        if not self._open or self._resting or now_ns < self._due_ns:
            return ()
        self._due_ns = now_ns + self.period_ns - self.period_ns // 8  # a wake is never exact
        try:
            found = {row.key: self._reading(row, now_ns) for row in _table()}
        except (psutil.Error, OSError) as failure:
            raise SourceError(f"psutil cannot read the table: {failure}") from failure
        told = [event for key, each in found.items() for event in self._news(key, each)]
        told += [_ended(self._living[key], now_ns) for key in self._told - found.keys()]
        self._told &= found.keys()
        self._living, self._first = found, False
        return told

    def close(self) -> None:
        """Let go of everything."""
        self._open = False
        self._living.clear()
        self._told.clear()

    def _news(self, key: _Key, now: Reading) -> Iterable[Reading]:
        """Yield what is to be told of a row. Nobody's is told at its second look.

        A connection is nobody's until it is accepted, and again once it was let go of.
        """
        before = self._living.get(key)
        if now.holder is None and before is None:
            return
        if before is not None and before.holder != now.holder and key in self._told:
            yield _ended(before, now.at_ns)
        self._told.add(key)
        yield now

    def _reading(self, row: _Row, now_ns: int) -> Reading:
        before = self._living.get(row.key)
        protocol, local, remote, _ = row.key
        return Reading(
            at_ns=now_ns,
            source=self.name,
            protocol=protocol,
            local=local,
            remote=remote,
            holder=before.holder if before and before.holder else _holder(row.pid),
            state=row.state,
            baseline=before.baseline if before else self._first,
        )


def _ended(one: Reading, now_ns: int) -> Reading:
    return one._replace(at_ns=now_ns, state=_CLOSED, final=True)


def _table() -> list[_Row]:
    """Return connections and UDP sockets: no listener, no TIME_WAIT. Raises psutil.Error."""
    rows = []
    for each in psutil.net_connections(kind="inet"):
        stream, state = each.type == _STREAM, _STATES.get(each.status)
        if not each.laddr or (stream and (state is None or not each.raddr)):
            continue
        remote = _endpoint(*each.raddr) if each.raddr else None
        local, sharer = _endpoint(*each.laddr), None if stream else each.pid
        key: _Key = ("tcp" if stream else "udp", local, remote, sharer)
        rows.append(_Row(key, each.pid, state if stream else None))
    return rows


def _endpoint(address: str, port: int) -> Endpoint:
    return Endpoint(address.removeprefix(_PREFIX_OF_V4) if "." in address else address, port)


def _holder(pid: int | None) -> Holder | None:
    """Return who it is; likely, because it was looked up after the table was read."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            # psutil gives the boot time plus ticks, in seconds.
            ticks = round((process.create_time() - psutil.boot_time()) * 100)
            return Holder(pid, ticks, LIKELY, process.name()[:15], process.ppid())
    except psutil.Error:
        return Holder(pid, None, LIKELY)
