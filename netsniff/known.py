"""What is known of one connection: readings of several sources put together.

Each total is of one source: two are never added. Times are CLOCK_MONOTONIC ns.
"""

from typing import NamedTuple

from netsniff.model import EXACT, LIKELY, Connection, Endpoint, Holder, Reading

TRACERS = frozenset({"socktrace", "tracefs"})
"""Their holders were taken in the process's own context; their bytes of TCP are those of calls."""


class _Sum(NamedTuple):
    """What one source counted of a connection; the first are those of before we looked."""

    received: int | None = None
    sent: int | None = None
    received_before: int = 0
    sent_before: int = 0
    final: bool = False


class Known:
    """One connection as far as it is known."""

    def __init__(self, reading: Reading) -> None:
        self.known = Connection(reading.protocol, cookie=reading.cookie)
        self.trust = 0
        """How well its holder is known; 0: nobody was found."""
        self.sums: dict[str, _Sum] = {}
        self.baseline = reading.baseline
        self.ended_ns: int | None = None
        self.enders: set[str] = set()

    @property
    def halfway(self) -> bool:
        """Whether it is a stream of which the tracer alone has told the end."""
        if self.known.protocol != "tcp" or self.ended_ns is None:
            return False
        return self.enders <= TRACERS

    def take(self, reading: Reading) -> None:
        """Take what a source says of it."""
        self._count(reading)
        self._hold(reading.holder, reading.source)
        known = self.known
        local = _better(reading.local, known.local_address, known.local_port)
        remote = _better(reading.remote, known.remote_address, known.remote_port)
        self.known = known._replace(
            local_address=local[0],
            local_port=local[1],
            remote_address=remote[0],
            remote_port=remote[1],
            loopback=_loops(local[0], remote[0]),
            namespace=_first(known.namespace, reading.namespace),
            inode=_first(known.inode or None, reading.inode or None),
            opened_ns=self._opened(reading),
            connect_ns=_first(known.connect_ns, reading.connect_ns),
            first_byte_ns=_least(known.first_byte_ns, reading.first_byte_ns),
            rtt_ns=_first(reading.rtt_ns, known.rtt_ns),
            min_rtt_ns=_first(reading.min_rtt_ns, known.min_rtt_ns),
            retransmits=_first(reading.retransmits, known.retransmits),
            delivery_rate=_first(reading.delivery_rate, known.delivery_rate),
            source=known.source or reading.source,
            seen_ns=max(known.seen_ns, reading.at_ns),
        )
        if reading.final:
            self.enders.add(reading.source)
            self.ended_ns = _least(self.ended_ns, reading.at_ns)

    def snapshot(self) -> Connection:
        """Return all that is known of it by now."""
        total = max(self.sums.items(), key=self._trusted, default=("", _Sum()))[1]
        return self.known._replace(
            received_bytes=_since(total.received, total.received_before),
            sent_bytes=_since(total.sent, total.sent_before),
            earlier_received_bytes=total.received_before,
            earlier_sent_bytes=total.sent_before,
            closed_ns=self.ended_ns,
            final=self.ended_ns is not None,
        )

    def _count(self, reading: Reading) -> None:
        """Take the totals of one source; after its final ones no others of it count."""
        if reading.received_bytes is None and reading.sent_bytes is None:
            return
        total = self.sums.get(reading.source)
        if total is None:
            before = (reading.received_bytes or 0, reading.sent_bytes or 0)
            # The tracer counts what it saw itself: nothing of that was there before.
            counts_all = reading.baseline and reading.source not in TRACERS
            total = _Sum(None, None, *(before if counts_all else (0, 0)))
        if not total.final:
            self.sums[reading.source] = total._replace(
                received=_most(total.received, reading.received_bytes),
                sent=_most(total.sent, reading.sent_bytes),
                final=reading.final,
            )

    def _trusted(self, counted: tuple[str, _Sum]) -> tuple[bool, bool]:
        """Rank a source's totals: final ones first; of UDP nobody else but the tracer knows any."""
        source, total = counted
        return total.final, source not in TRACERS

    def _hold(self, holder: Holder | None, source: str) -> None:
        """Keep the first holder of the best kind: who is exact for the tracer, exact, likely."""
        if holder is None:
            return
        kinds = {EXACT: 3 if source in TRACERS else 2, LIKELY: 1}
        trust = kinds.get(holder.confidence, 0)
        if trust > self.trust:
            self.trust = trust
            self.known = self.known._replace(
                pid=holder.pid,
                process_ticks=holder.start_ticks,
                pid_confidence=holder.confidence,
            )

    def _opened(self, reading: Reading) -> int | None:
        """Return when it opened, at the latest: as a source says, else when it was first met."""
        if reading.opened_ns is not None or self.baseline or reading.final:
            return _least(self.known.opened_ns, reading.opened_ns)
        return _first(self.known.opened_ns, reading.at_ns)


def _better(
    end: Endpoint | None, address: str | None, port: int | None
) -> tuple[str | None, int | None]:
    """Return an end: one that has a port rather than one that was not bound yet."""
    if end is not None and (address is None or (not port and end.port)):
        return end.address, end.port
    return address, port


def _loops(local: str | None, remote: str | None) -> bool:
    """Say whether both ends are on this machine, as far as addresses tell."""
    if remote is None:
        return False
    return remote.startswith("127.") or remote in {"::1", local}


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _least(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((size for size in (one, other) if size is not None), default=None)


def _since(total: int | None, before: int) -> int | None:
    return None if total is None else max(total - before, 0)
