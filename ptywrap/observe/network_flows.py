"""Connections -> flows, and what all flows of a command come to.

Of a command some hundred flows are told one by one; the others are summed up, in one row for those
within the machine and one for all else. Times in are CLOCK_MONOTONIC ns.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import structs

from netsniff.model import Connection
from ptywrap import wire
from ptywrap.observe.times import Times

MOST = 512
"""How many flows of a command are told one by one."""


class Flows(NamedTuple):
    """The flows of a command; `whole`: somebody looked who sees every connection and its bytes."""

    flows: Iterable[wire.Flow] = ()
    whole: bool = False


class Moved(NamedTuple):
    """What a command received and sent beyond this machine, and by how many connections."""

    received_bytes: int | None
    sent_bytes: int | None
    connections: int | None


class Sum:
    """Flows that are not told one by one."""

    def __init__(self) -> None:
        self.number = 0
        self._known = False
        self._received = 0
        self._sent = 0
        self._opened_at: int | None = None
        self._closed_at: int | None = None

    def add(self, flow: wire.Flow) -> None:
        """Take one."""
        self.number += 1
        self._known = self._known or flow.received_bytes is not None
        self._received += flow.received_bytes or 0
        self._sent += flow.sent_bytes or 0
        opened = [at for at in (self._opened_at, flow.opened_at) if at is not None]
        closed = [at for at in (self._closed_at, flow.closed_at) if at is not None]
        self._opened_at = min(opened, default=None)
        self._closed_at = max(closed, default=None)

    def flow(self, session: bytes, flow_id: int, command: int, *, loopback: bool) -> wire.Flow:
        """Return the one row for all of them: it names nobody."""
        return wire.Flow(
            session=session,
            id=flow_id,
            command=command,
            opened_at=self._opened_at,
            closed_at=self._closed_at,
            received_bytes=self._received if self._known else None,
            sent_bytes=self._sent if self._known else None,
            loopback=loopback,
        )


class Traffic:
    """What the flows of one command come to, by their last tellings."""

    def __init__(self) -> None:
        self._told: dict[int, wire.Flow] = {}
        self._rest = {False: Sum(), True: Sum()}
        self._whole = False

    def take(self, told: Flows, key: tuple[bytes, int]) -> Iterator[wire.Flow]:
        """Take flows of a command (session, id); yield the rows to be told of them."""
        session, command = key
        self._whole = self._whole or told.whole
        grown = set()
        for flow in told.flows:
            if len(self._told) >= MOST and flow.id not in self._told:
                self._rest[flow.loopback].add(flow)
                grown.add(flow.loopback)
                continue
            # Of the words nothing is needed for the sums.
            self._told[flow.id] = wire.Flow(
                session=session,
                id=flow.id,
                received_bytes=flow.received_bytes,
                sent_bytes=flow.sent_bytes,
                loopback=flow.loopback,
            )
            yield structs.replace(flow, session=session, command=command)
        for loopback in grown:
            row = wire.flow_id(session.hex(), int(loopback), command)
            yield self._rest[loopback].flow(session, row, command, loopback=loopback)

    def moved(self) -> Moved:
        """Return the sums; None where nobody looked, or nobody could tell bytes."""
        alone = [flow for flow in self._told.values() if not flow.loopback]
        rest = self._rest[False]
        connections = len(alone) + rest.number
        if connections == 0:
            return Moved(0, 0, 0) if self._whole else Moved(None, None, None)
        summed = rest.flow(b"", 0, 0, loopback=False)
        rows = [row for row in (*alone, summed) if row.received_bytes is not None]
        if not rows:
            return Moved(None, None, connections)
        received = sum(row.received_bytes or 0 for row in rows)
        return Moved(received, sum(row.sent_bytes or 0 for row in rows), connections)


class Borders:
    """Where the flows of shells themselves were cut: each command has what came in its time."""

    def __init__(self) -> None:
        self._cut: dict[int, tuple[int, int]] = {}

    def piece(self, flow: wire.Flow) -> wire.Flow:
        """Return what came since the last cut, and cut here."""
        received, sent = self._cut.get(flow.id, (0, 0))
        self._cut[flow.id] = (flow.received_bytes or 0, flow.sent_bytes or 0)
        if flow.received_bytes is None:
            return flow
        return structs.replace(
            flow,
            received_bytes=max(flow.received_bytes - received, 0),
            sent_bytes=max((flow.sent_bytes or 0) - sent, 0),
        )

    def last(self, flow: wire.Flow) -> wire.Flow:
        """Return what came since the last cut: there will be no other."""
        piece = self.piece(flow)
        del self._cut[flow.id]
        return piece


def flow(
    connection: Connection, boot_id: str, times: Times, host: tuple[str | None, str | None]
) -> wire.Flow:
    """Return a connection as it is kept; nobody's so far. `host` is its name, and who says so."""
    return wire.Flow(
        session=b"",
        id=identity(connection, boot_id),
        pid=connection.pid,
        process_ticks=connection.process_ticks,
        pid_confidence=connection.pid_confidence,
        protocol=connection.protocol,
        remote_host=host[0],
        host_source=host[1],
        remote_address=connection.remote_address,
        remote_port=connection.remote_port,
        opened_at=_wall(times, connection.opened_ns),
        connect_ns=connection.connect_ns,
        first_byte_at=_wall(times, connection.first_byte_ns),
        closed_at=_wall(times, connection.closed_ns),
        received_bytes=connection.received_bytes,
        sent_bytes=connection.sent_bytes,
        rtt_ns=connection.rtt_ns,
        retransmits=connection.retransmits,
        loopback=connection.loopback,
    )


def identity(connection: Connection, boot_id: str) -> int:
    """Return a flow's id: of its socket, else of its ends and its process."""
    namespace = connection.namespace or 0
    if connection.cookie is not None:
        return wire.flow_id(boot_id, namespace, connection.cookie)
    ends = (
        connection.protocol,
        f"{connection.local_address} {connection.local_port}",
        f"{connection.remote_address} {connection.remote_port}",
        str(connection.pid),
    )
    return wire.flow_id_of_ends(boot_id, namespace, ends)


def nameless(flow: wire.Flow) -> wire.Flow:
    """Return a flow without whom it was with."""
    return structs.replace(flow, remote_host=None, host_source=None, remote_address=None)


def _wall(times: Times, at_ns: int | None) -> int | None:
    return None if at_ns is None else times.wall(at_ns)
