"""Which command moved which bytes, to whom: joins connections with processes, and keeps flows.

A flow of a process whose command is not known yet is held beside the session's processes; one
whose command is over is told at once. What nobody held is the host session's.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import structs

from netsniff.connections import Connections
from netsniff.model import Connection, Missed
from netsniff.sources.base import Probe
from ptywrap import clock, wire
from ptywrap.observe import network_flows
from ptywrap.observe.account import Entries, Entry
from ptywrap.observe.identity import Identity
from ptywrap.observe.network_flows import Borders, Flows
from ptywrap.observe.network_names import Names
from ptywrap.observe.network_owners import Owner, Owners
from ptywrap.observe.network_sources import Sources
from ptywrap.observe.network_strays import Strays
from ptywrap.observe.session import Session
from ptywrap.observe.telling import Key, Teller, within
from ptywrap.observe.tree import Life

GRACE_NS = 100_000_000
"""How long after a process its last sockets may be told of."""
_PATIENCE_NS = 200_000_000
"""A command that was held until we were ready may be over by then, and waits for its account."""
_TOGETHER_NS = 250_000_000
"""Nobody waits for connections of nobody: to wake for each of them would cost more than they do."""
_UNKNOWN_NS = 500_000_000
"""Births of processes come later than their sockets at times; never by as much as this."""
_MOST_EXPECTED = 256
_TALKERS = frozenset(
    ("aria2c", "curl", "git-remote-http", "git-remote-https", "host", "nslookup", "dig", "wget")
)
"""Programs that live for little else than a connection: of each one is to be expected."""

Wanted = Callable[[Entry], bool]
Late = Callable[[Session, Entry], bool]


class _Early(NamedTuple):
    """A connection that is over, and whose process nobody knows yet."""

    until_ns: int
    connection: Connection


class Network:
    """The connections of all sessions. `late` takes a flow of a command that was told lately."""

    def __init__(
        self, sources: Sources, owners: Owners, teller: Teller, identity: Identity
    ) -> None:
        self.sources = sources
        self.naming = Names()
        self.owners = owners
        self.late: Late = lambda _session, _entry: False
        self._teller = teller
        self._identity = identity
        self._connections = Connections()
        self._extend_ns: int | None = None
        self._captures = False
        self._alone = self._awake = False
        self._early: list[_Early] = []
        self._expected: dict[int, tuple[Session, int]] = {}
        self._talked: set[str] = set()
        self._flushing: dict[str, int] = {}
        self._borders = Borders()
        self._strays = Strays(teller.recorder, teller.times, identity)

    @property
    def names(self) -> list[str]:
        """Who tells."""
        return [*self.sources.names, *self.naming.names]

    @property
    def said(self) -> list[tuple[str, Probe]]:
        """What each said that was asked."""
        return [*self.sources.said, *self.naming.said]

    @property
    def descriptors(self) -> list[int]:
        """What to poll."""
        return [*self.sources.descriptors, *self.naming.descriptors]

    def begin(self, unwanted: frozenset[str], *, capture: bool) -> None:
        """Test who tells already; what takes time is opened a moment later (`settle`)."""
        self.sources.prove(unwanted)
        self._extend_ns = clock.monotonic_ns() + _PATIENCE_NS
        self._captures = capture

    def due_ns(self) -> int | None:
        """Return when something is to be read, or no longer waited for."""
        ended_ns = self._connections.due_ns()
        dues = [self._extend_ns, self.sources.due_ns(), self._strays.due_ns()]
        dues += [] if ended_ns is None else [ended_ns + _TOGETHER_NS]
        dues += [one.until_ns for one in self._early[:1]]
        dues += [self._strays.quiet_ns] if self._awake else []
        return min([due for due in dues if due is not None], default=None)

    def executed(self, pid: int) -> None:
        """Take that a process of a session runs another program, or will at once."""
        self._strays.ran(clock.monotonic_ns())
        self._alone, self._awake = False, True
        self.sources.hurry(pid)

    def ended(self, life: Life) -> None:
        """Take that a process has ended, before it is told."""
        owner = self.owners.ended(life)
        if owner is not None and owner.name in _TALKERS:
            self._talked.add(owner.session.name)
            self._expected[life.pid] = (owner.session, owner.entry.ended_ns + GRACE_NS)
            while len(self._expected) > _MOST_EXPECTED:
                del self._expected[next(iter(self._expected))]

    def read(self, *, fresh: bool = False) -> None:
        """Take what the sources know by now, and bring what is over to whom it belongs."""
        events = [*self.naming.read(), *self.sources.read(fresh=fresh)]
        for event in events:
            if isinstance(event, Missed):
                if not self._alone:
                    self._strays.lost(event)
            elif event.holder is not None or not self._alone or self._connections.knows(event):
                self._connections.take(event)
        if self.sources.broken:
            gone, self.sources.broken = self.sources.broken, []
            for connection in self._connections.abandon(gone):
                self._over(connection)
        for connection in self._connections.closed():
            self._over(connection)

    def settle(self, now_ns: int, *, running: bool, alone: bool) -> None:
        """Let go of what nobody was found for.

        `running`: a command of some session goes on; `alone`: there is no session.
        """
        self._alone = alone and not self._strays.recent(now_ns)
        if self._extend_ns is not None and now_ns >= self._extend_ns:
            self._extend_ns = None
            self.sources.extend()
            if self._captures:
                self.naming.capture()
        early, self._early = self._early, []
        for one in early:
            if not self._brought(one.connection) and one.until_ns > now_ns:
                self._early.append(one)
        for connection in self._connections.settle(now_ns):
            self._over(connection)
        self._strays.settle(now_ns, running=running)
        if not running and not self._strays.recent(now_ns):
            self._awake = False
            self.sources.rest()

    def settled_ns(self, session: Session) -> int:
        """Return until when flows may come of a run that is over; 0: nothing is missing."""
        now_ns = clock.monotonic_ns()
        if session.name not in self._flushing:
            self.sources.flush()
            self._flushing[session.name] = now_ns + GRACE_NS
        until_ns = self._flushing[session.name]
        waits = until_ns > now_ns and not self.sources.flushed
        return max(until_ns if waits else 0, self.missing_ns(session))

    def missing_ns(self, session: Session) -> int:
        """Return until when flows may come of processes of a session that ended; 0: none does."""
        now_ns = clock.monotonic_ns()
        dues = [0]
        for pid, (whose, until_ns) in list(self._expected.items()):
            if until_ns <= now_ns:
                del self._expected[pid]
            elif whose is session:
                dues.append(until_ns)
        for connection in self._connections.unfinished():
            owner = self.owners.of(connection)
            if owner is not None and owner.session is session and not owner.living:
                until_ns = owner.entry.ended_ns + GRACE_NS
                dues += [until_ns] if until_ns > now_ns else []
        return max(dues)

    def take(self, session: Session, wanted: Wanted, end_ns: int) -> Flows:
        """Return the flows of a command; those held go with `commit` of the session's flows."""
        self._flushing.pop(session.name, None)
        self.read(fresh=True)
        held = session.flows.take(wanted)
        doubted = [] if self.sources.certain else self._strays.doubted(self._connections.ending())
        if len(held) or session.name in self._talked:
            self._strays.miss(doubted)
        self._talked.discard(session.name)
        whole = self.sources.whole and not doubted
        return Flows(self._flows(session, held, wanted, end_ns), whole)

    def close(self) -> None:
        """Stop all."""
        self.sources.close()
        self.naming.close()

    # -- where a connection goes -----------------------------------------------------------

    def _over(self, connection: Connection) -> None:
        """Bring a connection that is over to its command, unless its process is not known yet."""
        if connection.pid is None:
            self._strays.add(self._flow(connection), connection)
        elif not self._brought(connection):
            until_ns = clock.monotonic_ns() + _UNKNOWN_NS
            self._early.append(_Early(until_ns, connection))

    def _brought(self, connection: Connection) -> bool:
        owner = self.owners.of(connection)
        if owner is None:
            return False
        self._expected.pop(owner.entry.pid, None)
        flow = self._flow(connection, owner)
        if owner.shell:
            flow = self._borders.last(flow)
        entry = _at(owner, connection.closed_ns or connection.seen_ns)
        row = wire.encode(self._teller.recorder.private(flow))
        self._route(owner.session, entry._replace(row=row))
        return True

    def _route(self, session: Session, entry: Entry) -> None:
        """Tell a flow whose command is known; hold it until it is."""
        if self.late(session, entry):
            return
        for shell, since_ns, until_ns, command in session.spans:
            if within(shell, since_ns, until_ns, entry):
                if command is not None:
                    self._teller.flow(entry.row, Key(session.id, command))
                return
        session.flows.add(entry)
        session.flows.flush()

    def _flows(
        self, session: Session, held: Entries, wanted: Wanted, end_ns: int
    ) -> Iterator[wire.Flow]:
        """Yield what goes on, as it is now, then what is over: of those some may be summed up."""
        for connection in self._connections.unfinished():
            owner = self.owners.of(connection)
            if owner is None or owner.session is not session or not wanted(_at(owner, end_ns)):
                continue
            flow = self._flow(connection, owner)
            if owner.shell:
                flow = self._borders.piece(flow)
                if not (flow.received_bytes or flow.sent_bytes):
                    continue
            private = self._teller.recorder.private(flow)
            if isinstance(private, wire.Flow):
                yield private
        for entry in held:
            row = session.flows.row(entry)
            fact = wire.decode(row) if row else None
            if isinstance(fact, wire.Flow):
                yield fact

    def _flow(self, connection: Connection, owner: Owner | None = None) -> wire.Flow:
        times, boot_id = self._teller.times, self._identity.boot_id
        if owner is None:
            return network_flows.flow(connection, boot_id, times, (None, None))
        flow = network_flows.flow(connection, boot_id, times, self.naming.host(connection))
        session = owner.session
        # A run begins a moment after its command's process was born.
        ours = session.run or owner.entry.born_ns >= session.begin.at_ns
        if ours and not owner.shell and flow.received_bytes is not None:
            # Its process is of this session, so all of it is, though we met it open.
            flow = structs.replace(
                flow,
                received_bytes=flow.received_bytes + connection.earlier_received_bytes,
                sent_bytes=(flow.sent_bytes or 0) + connection.earlier_sent_bytes,
            )
        # A pid alone may be another's by now.
        sure = "likely" if connection.process_ticks is None else flow.pid_confidence
        return structs.replace(flow, process_ticks=owner.entry.start_ticks, pid_confidence=sure)


def _at(owner: Owner, at_ns: int) -> Entry:
    """Return whom a flow is of; a shell's own is of what runs at a moment."""
    entry = owner.entry
    return entry._replace(top_ns=at_ns, loose=False) if owner.shell else entry
