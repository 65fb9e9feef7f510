"""Adds connections up by process and host, and tells rates; values in, values out.

A row is one process and one host. Rows of processes that are over are put together under their
program's name, so that a thousand `curl` are one line.
"""

from collections.abc import Iterable
from typing import NamedTuple

from netsniff.model import LIKELY, Connection

NOBODY = "(nobody found)"
UNKNOWN = "?"
OTHERS = "(other hosts)"
MOST_ROWS = 4096


class Owner(NamedTuple):
    """A process as the table names it; `pid` None: several that are over, or nobody."""

    name: str
    pid: int | None
    start_ticks: int | None = None


class Key(NamedTuple):
    """What a row is about."""

    owner: Owner
    host: str
    loopback: bool = False


class Sum(NamedTuple):
    """Totals of a row; `unknown` counts connections whose bytes nobody told."""

    received: int = 0
    sent: int = 0
    connections: int = 0
    unknown: int = 0
    likely: bool = False

    def plus(self, other: "Sum") -> "Sum":
        """Return the sum of both."""
        return Sum(
            self.received + other.received,
            self.sent + other.sent,
            self.connections + other.connections,
            self.unknown + other.unknown,
            self.likely or other.likely,
        )

    @property
    def known(self) -> bool:
        """Whether the bytes of any connection are known."""
        return self.unknown < self.connections or not self.connections


_NOTHING = Sum()


class Row(NamedTuple):
    """One line: totals, what came and went in a second, and connections that are open."""

    key: Key
    total: Sum
    received_rate: int
    sent_rate: int
    open: int
    ended: int
    """How many processes that are over it stands for."""


class Ledger:
    """Totals since it was made, as of the last `refresh`."""

    def __init__(self) -> None:
        self._closed: dict[Key, Sum] = {}
        self._living: dict[Key, Sum] = {}
        self._now: dict[Key, Sum] = {}
        self._before_ns: int | None = None
        self._rates: dict[Key, tuple[int, int]] = {}
        self._ended: dict[Key, int] = {}

    def close(self, owner: Owner, connection: Connection) -> None:
        """Add a connection that is over."""
        key = _key(owner, connection)
        self._closed[key] = self._closed.get(key, Sum()).plus(_sum(connection))

    def refresh(self, living: Iterable[tuple[Owner, Connection]], at_ns: int) -> None:
        """Take all that are open at this moment, and tell rates since the last one."""
        living_now: dict[Key, Sum] = {}
        for owner, connection in living:
            key = _key(owner, connection)
            before = living_now.get(key)
            one = _sum(connection)
            living_now[key] = one if before is None else before.plus(one)
        self._living = living_now
        now = {key: self._total(key) for key in self._closed.keys() | living_now.keys()}
        if self._before_ns is not None and at_ns > self._before_ns:
            length = at_ns - self._before_ns
            rates = ((key, self._rate(key, total, length)) for key, total in now.items())
            self._rates = {key: rate for key, rate in rates if rate != (0, 0)}
        self._now = now
        self._before_ns = at_ns

    def owners(self) -> set[Owner]:
        """Return the processes that have rows and no open connection."""
        return {key.owner for key in self._closed} - {key.owner for key in self._living}

    def fold(self, owners: Iterable[Owner]) -> None:
        """Put rows of processes that are over under their program's name."""
        over = {owner for owner in owners if owner.pid is not None}
        for key in [key for key in self._closed if key.owner in over]:
            self._move(key, Key(Owner(key.owner.name, None), key.host, key.loopback))
        if len(self._closed) > MOST_ROWS:
            folded = [key for key in self._closed if key.owner.pid is None and key.host != OTHERS]
            for key in folded:
                self._move(key, key._replace(host=OTHERS))

    def rows(self, order: str = "rate") -> list[Row]:
        """Return the rows, those first that matter most by `order`, one of `ORDERS`."""
        return sorted(map(self._row, self._now), key=ORDERS[order])

    def total(self) -> Row:
        """Return the sum of all rows but those within this machine."""
        counted = [key for key in self._now if not key.loopback]
        total = Sum()
        for key in counted:
            total = total.plus(self._now[key])
        rates = [self._rates[key] for key in counted if key in self._rates]
        received, sent = sum(rate[0] for rate in rates), sum(rate[1] for rate in rates)
        living = sum(self._living[key].connections for key in counted if key in self._living)
        return Row(Key(Owner("total", None), ""), total, received, sent, living, 0)

    def _total(self, key: Key) -> Sum:
        closed, living = self._closed.get(key), self._living.get(key)
        if closed is not None and living is not None:
            return closed.plus(living)
        return closed or living or Sum()

    def _rate(self, key: Key, total: Sum, length_ns: int) -> tuple[int, int]:
        before = self._now.get(key, _NOTHING)
        return (
            max(total.received - before.received, 0) * 1_000_000_000 // length_ns,
            max(total.sent - before.sent, 0) * 1_000_000_000 // length_ns,
        )

    def _row(self, key: Key) -> Row:
        rates = self._rates.get(key, (0, 0))
        living = self._living[key].connections if key in self._living else 0
        return Row(key, self._now[key], *rates, living, self._ended.get(key, 0))

    def _move(self, key: Key, to: Key) -> None:
        """Let a row be part of another, with what was counted of it before: no rate jumps."""
        self._closed[to] = self._closed.get(to, Sum()).plus(self._closed.pop(key))
        if key in self._now:
            self._now[to] = self._now.get(to, Sum()).plus(self._now.pop(key))
        received, sent = self._rates.pop(key, (0, 0))
        others = self._rates.get(to, (0, 0))
        self._rates[to] = (others[0] + received, others[1] + sent)
        self._ended[to] = self._ended.get(to, 0) + self._ended.pop(key, 1)


def _by_rate(row: Row) -> tuple[object, ...]:
    return (
        row.key.loopback,
        -(row.received_rate + row.sent_rate),
        -(row.total.received + row.total.sent),
        row.key.owner.name,
        row.key.host,
    )


def _by_total(row: Row) -> tuple[object, ...]:
    return (
        row.key.loopback,
        -(row.total.received + row.total.sent),
        row.key.owner.name,
        row.key.host,
    )


def _by_process(row: Row) -> tuple[object, ...]:
    return (row.key.owner.name, row.key.owner.pid or 0, row.key.host)


def _by_host(row: Row) -> tuple[object, ...]:
    return (row.key.loopback, row.key.host, row.key.owner.name, row.key.owner.pid or 0)


ORDERS = {"rate": _by_rate, "total": _by_total, "process": _by_process, "host": _by_host}


def _key(owner: Owner, connection: Connection) -> Key:
    # What nobody was found for is other users' for the most part: where it goes is not our matter.
    where = "" if owner.name == NOBODY and owner.pid is None else host(connection)
    return Key(owner, where, connection.loopback)


def host(connection: Connection) -> str:
    """Return what its peer is called: the name, else the address."""
    return connection.remote_host or connection.remote_address or "(no peer)"


def _sum(connection: Connection) -> Sum:
    received, sent = connection.received_bytes, connection.sent_bytes
    # An open one of TCP was only just found: its bytes come with the next look.
    told = connection.protocol == "tcp" and not connection.final
    unknown = received is None and sent is None and not told
    likely = connection.pid_confidence == LIKELY
    return Sum(received or 0, sent or 0, 1, int(unknown), likely)
