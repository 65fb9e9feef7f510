"""What is known of one connection: readings of several sources put together.

Each total is of one source: two are never added. Times are CLOCK_MONOTONIC ns.
"""

from typing import NamedTuple

from netsniff.model import EXACT, LIKELY, NONE, Connection, Endpoint, Holder, Reading

TRACERS = frozenset({"socktrace", "tracefs"})
"""Their holders were taken in the process's own context; their bytes of TCP are those of calls."""


_UNKNOWN: int | None = None


class _Sum(NamedTuple):
    """What one source counted of a connection; the first are those of before we looked."""

    received: int | None = None
    sent: int | None = None
    received_before: int = 0
    sent_before: int = 0
    final: bool = False


class Known:
    """One connection as far as it is known. A table of sockets tells thousands: it costs little."""

    __slots__ = (
        "_connect_ns", "_cookie", "_delivery_rate", "_first_byte_ns", "_holder", "_inode",
        "_local", "_min_rtt_ns", "_namespace", "_opened_ns", "_remote", "_retransmits", "_rtt_ns",
        "_seen_ns", "_sums", "baseline", "ended_ns", "enders", "protocol", "source", "trust",
    )  # fmt: skip

    def __init__(self, reading: Reading) -> None:
        self.protocol = reading.protocol
        self.source = reading.source
        """Who told of it first."""
        self.trust = 0
        """How well its holder is known; 0: nobody was found."""
        self.baseline = reading.baseline
        self.ended_ns: int | None = None
        self.enders: set[str] = set()
        self._holder: Holder | None = None
        self._sums: dict[str, _Sum] = {}
        self._cookie = reading.cookie
        self._local: Endpoint | None = None
        self._remote: Endpoint | None = None
        self._namespace = self._inode = self._opened_ns = self._connect_ns = _UNKNOWN
        self._first_byte_ns = self._rtt_ns = self._min_rtt_ns = _UNKNOWN
        self._retransmits = self._delivery_rate = _UNKNOWN
        self._seen_ns = 0

    @property
    def halfway(self) -> bool:
        """Whether it is a stream of which the tracer alone has told the end."""
        if self.protocol != "tcp" or self.ended_ns is None:
            return False
        return self.enders <= TRACERS

    def take(self, reading: Reading) -> None:
        """Take what a source says of it."""
        self._count(reading)
        self._hold(reading.holder, reading.source)
        self._local = _better(reading.local, self._local)
        self._remote = _better(reading.remote, self._remote)
        self._namespace = _first(self._namespace, reading.namespace)
        self._inode = self._inode or reading.inode
        self._opened_ns = self._opened(reading)
        self._connect_ns = _first(self._connect_ns, reading.connect_ns)
        self._first_byte_ns = _least(self._first_byte_ns, reading.first_byte_ns)
        self._rtt_ns = _first(reading.rtt_ns, self._rtt_ns)
        self._min_rtt_ns = _first(reading.min_rtt_ns, self._min_rtt_ns)
        self._retransmits = _first(reading.retransmits, self._retransmits)
        self._delivery_rate = _first(reading.delivery_rate, self._delivery_rate)
        self._seen_ns = max(self._seen_ns, reading.at_ns)
        if reading.final:
            self.enders.add(reading.source)
            self.ended_ns = _least(self.ended_ns, reading.at_ns)

    def snapshot(self) -> Connection:
        """Return all that is known of it by now."""
        total = max(self._sums.items(), key=_trusted, default=("", _Sum()))[1]
        holder, local, remote = self._holder, self._local, self._remote
        return Connection(
            protocol=self.protocol,
            pid=holder.pid if holder else None,
            process_ticks=holder.start_ticks if holder else None,
            pid_confidence=holder.confidence if holder else NONE,
            remote_address=remote.address if remote else None,
            remote_port=remote.port if remote else None,
            opened_ns=self._opened_ns,
            connect_ns=self._connect_ns,
            first_byte_ns=self._first_byte_ns,
            closed_ns=self.ended_ns,
            received_bytes=_since(total.received, total.received_before),
            sent_bytes=_since(total.sent, total.sent_before),
            rtt_ns=self._rtt_ns,
            retransmits=self._retransmits,
            loopback=_loops(local, remote),
            local_address=local.address if local else None,
            local_port=local.port if local else None,
            namespace=self._namespace,
            cookie=self._cookie,
            inode=self._inode or None,
            min_rtt_ns=self._min_rtt_ns,
            delivery_rate=self._delivery_rate,
            source=self.source,
            seen_ns=self._seen_ns,
            final=self.ended_ns is not None,
            earlier_received_bytes=total.received_before,
            earlier_sent_bytes=total.sent_before,
        )

    def _count(self, reading: Reading) -> None:
        """Take the totals of one source; after its final ones no others of it count."""
        if reading.received_bytes is None and reading.sent_bytes is None:
            return
        total = self._sums.get(reading.source)
        if total is None:
            before = (reading.received_bytes or 0, reading.sent_bytes or 0)
            # The tracer counts what it saw itself: nothing of that was there before.
            counts_all = reading.baseline and reading.source not in TRACERS
            total = _Sum(None, None, *(before if counts_all else (0, 0)))
        if not total.final:
            self._sums[reading.source] = total._replace(
                received=_most(total.received, reading.received_bytes),
                sent=_most(total.sent, reading.sent_bytes),
                final=reading.final,
            )

    def _hold(self, holder: Holder | None, source: str) -> None:
        """Keep the first holder of the best kind: who is exact for the tracer, exact, likely."""
        if holder is None:
            return
        kinds = {EXACT: 3 if source in TRACERS else 2, LIKELY: 1}
        trust = kinds.get(holder.confidence, 0)
        if trust > self.trust:
            self.trust, self._holder = trust, holder

    def _opened(self, reading: Reading) -> int | None:
        """Return when it opened, at the latest: as a source says, else when it was first met."""
        if reading.opened_ns is not None or self.baseline or reading.final:
            return _least(self._opened_ns, reading.opened_ns)
        return _first(self._opened_ns, reading.at_ns)


def _trusted(counted: tuple[str, _Sum]) -> tuple[bool, bool]:
    """Rank a source's totals: final ones first; of UDP nobody else but the tracer knows any."""
    source, total = counted
    return total.final, source not in TRACERS


def _better(end: Endpoint | None, known: Endpoint | None) -> Endpoint | None:
    """Return an end: one that has a port rather than one that was not bound yet."""
    if end is not None and (known is None or (not known.port and end.port)):
        return end
    return known


def _loops(local: Endpoint | None, remote: Endpoint | None) -> bool:
    """Say whether both ends are on this machine, as far as addresses tell."""
    if remote is None:
        return False
    address = remote.address
    return address.startswith("127.") or address == "::1" or _is_same(local, remote)


def _is_same(local: Endpoint | None, remote: Endpoint) -> bool:
    return local is not None and local.address == remote.address


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _most(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _since(total: int | None, before: int) -> int | None:
    return None if total is None else max(total - before, 0)
