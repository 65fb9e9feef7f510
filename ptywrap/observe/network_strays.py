"""Flows that nobody was found for: the host session's, without a name or an address.

They may be of a line that is recorded nowhere, or of another program of the user: that they were,
and how much they moved while a command ran, is told, so that a sum can be judged. Whom they were
with is nobody's business. Where a command that is over had connections, those are a loss, too, that
left the machine and may have been its own: no total is quietly short.
"""

from collections.abc import Iterable, Sequence

from msgspec import structs

from netsniff.model import Connection, Missed
from ptywrap import wire
from ptywrap.observe.identity import Identity
from ptywrap.observe.network_flows import Sum, nameless
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.times import Times

_RECENT_NS = 2_000_000_000
_WINDOW_NS = 60_000_000_000
_MOST = 256
"""How many are told one by one in a minute; the others are one row."""
_REASON = "nobody was found who held them"


class Strays:
    """Those flows, while commands run and a moment after."""

    def __init__(self, recorder: Recorder, times: Times, identity: Identity) -> None:
        self._recorder = recorder
        self._times = times
        self._session = identity.host_session
        self._boot_id = identity.boot_id
        self._lost: set[tuple[int | None, int | None]] = set()
        self._ran_ns: int | None = None
        self._window_ns = 0
        self._number = 0
        self._rest = {False: Sum(), True: Sum()}

    def recent(self, now_ns: int) -> bool:
        """Say whether a command ran a moment ago."""
        return self._ran_ns is not None and abs(now_ns - self._ran_ns) < _RECENT_NS

    @property
    def quiet_ns(self) -> int:
        """When no command has run for a moment, if none does any more."""
        return (self._ran_ns or 0) + _RECENT_NS

    def ran(self, at_ns: int) -> None:
        """Take that something runs."""
        self._ran_ns = max(at_ns, self._ran_ns or 0)

    def due_ns(self) -> int | None:
        """Return when those that were summed up are to be told."""
        waiting = any(rest.number for rest in self._rest.values())
        return self._window_ns + _WINDOW_NS if waiting else None

    def lost(self, missed: Missed) -> None:
        """Tell what a source says that nobody saw."""
        self._recorder.tell(
            wire.Loss(
                session=self._session,
                sensor=missed.source,
                since=self._times.wall(missed.since_ns),
                until=self._times.wall(missed.until_ns),
                missed=missed.number,
                reason=missed.reason,
            )
        )

    def doubted(self, ended: Iterable[Connection]) -> list[Connection]:
        """Return those that left the machine and that nobody was found for by now, each once."""
        lost = [one for one in ended if _is_lost(one) and self.recent(one.closed_ns or 0)]
        found = [one for one in lost if _key(one) not in self._lost]
        self._lost = {*map(_key, lost)}
        return found

    def miss(self, doubted: Sequence[Connection]) -> None:
        """Tell as a loss what may have been a command's that is over."""
        known = [one.closed_ns or 0 for one in doubted]
        if known:
            source = doubted[0].source or "sock_diag"
            self.lost(Missed(min(known), max(known), len(known), _REASON, source))

    def add(self, flow: wire.Flow, connection: Connection) -> None:
        """Take one that is over; dropped unless a command ran then."""
        if connection.closed_ns is None or not self.recent(connection.closed_ns):
            return
        self._number += 1
        if self._number > _MOST:
            self._rest[flow.loopback].add(flow)
            return
        stray = structs.replace(nameless(flow), session=self._session, pid=None, process_ticks=None)
        self._recorder.tell(structs.replace(stray, pid_confidence="none"))

    def settle(self, now_ns: int, *, running: bool) -> None:
        """Take whether a command runs, and tell what a minute's others came to."""
        if running:
            self.ran(now_ns)
        if now_ns - self._window_ns < _WINDOW_NS:
            return
        for loopback, rest in self._rest.items():
            if rest.number:
                row = wire.flow_id(self._boot_id, int(loopback), -self._window_ns)
                self._recorder.tell(rest.flow(self._session, row, 0, loopback=loopback))
                self._rest[loopback] = Sum()
        self._window_ns, self._number = now_ns, 0


def _key(connection: Connection) -> tuple[int | None, int | None]:
    return connection.namespace, connection.cookie


def _is_lost(connection: Connection) -> bool:
    return connection.pid is None and not connection.loopback
