"""Keeps who is called what, and answers for a connection: its host, and how that is known.

Order of trust: the name in this connection's own ClientHello (`sni`), that in its QUIC Initial
(`quic`), a DNS answer younger than its TTL (`dns`), the hosts file (`hosts`), nothing. An address
that several names stand for at the time is no name: the answer is None.

    book = Book()
    book.take(name)                       # each Name of the capture helper
    book.hosts(resolver.names())          # what the hosts file says, whenever it changed
    host, source = book.host(connection, connection.opened_ns or connection.seen_ns)
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from netsniff.model import Connection, Name

_MOST_CONNECTIONS, _MOST_ADDRESSES, _MOST_OF_ONE = 8192, 8192, 16
_LATE_NS = 500_000_000
"""So much later than it happened a packet or an opening may be noticed, with busy processors."""
_LEAST_NS = 5_000_000_000
"""An answer is good for a connection made at once, whatever its TTL; 0 says just that."""
Key = TypeVar("Key")
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 what a socket says that is bound to no address


class Answer(NamedTuple):
    """A host and where it is known from (`sni`, `quic`, `dns`, `hosts`), or two times None."""

    host: str | None
    host_source: str | None


class _Ends(NamedTuple):
    """A connection but for its local address, which an unbound UDP socket does not know."""

    protocol: str
    remote_address: str
    remote_port: int
    local_port: int


_NOBODY = Answer(None, None)


class Book:
    """What is known of names by now; bounded: the oldest names go first."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, bool], int] = {}
        """How many names were heard, by source and whether there was one: (`sni`, False) counts
        the hellos that were cut, encrypted or named nobody."""
        self._own: OrderedDict[_Ends, tuple[Name, ...]] = OrderedDict()
        self._given: OrderedDict[Name, int] = OrderedDict()
        """Whose a hello is, by cookie: one connection has one, and ports are used again."""
        self._dns: OrderedDict[str, tuple[Name, ...]] = OrderedDict()
        self._hosts: dict[str, str | None] = {}

    def take(self, name: Name) -> None:
        """Remember one name; that of None is remembered, too: it ends what the ports meant before.

        A connection's name has `local`; an address's has none.
        """
        key = (name.source, name.name is not None)
        self.taken[key] = self.taken.get(key, 0) + 1
        if name.local is not None:
            protocol = "udp" if name.source == "quic" else "tcp"
            ends = _Ends(protocol, *name.remote, name.local.port)
            _add(self._own, ends, name, _MOST_CONNECTIONS)
        elif name.name is not None:
            address = name.remote.address
            self._dns[address], name = _lengthened(self._dns.get(address, ()), name)
            _add(self._dns, address, name, _MOST_ADDRESSES)

    def hosts(self, names: Iterable[Name]) -> None:
        """Replace all that the hosts file said before."""
        self._hosts = {}
        for name in names:
            address = name.remote.address
            same = self._hosts.setdefault(address, name.name) == name.name
            self._hosts[address] = name.name if same else None

    def host(self, connection: Connection, at_ns: int) -> Answer:
        """Say who the other end of a connection is, asked for a moment while it lived.

        Its opening is best. Of the connection only protocol, addresses, ports, cookie, opened_ns
        and closed_ns are looked at.
        """
        address = connection.remote_address
        if address is None:
            return _NOBODY
        own = self._of_its_own(connection, at_ns)
        if own is not None and own.name is not None:
            return Answer(own.name, own.source)
        called = self._asked_for(address, at_ns)
        if len(called) == 1:
            return Answer(called.pop(), "dns")
        host = None if called else self._hosts.get(address)
        return Answer(host, "hosts") if host is not None else _NOBODY

    def _of_its_own(self, connection: Connection, at_ns: int) -> Name | None:
        """The hello that was sent over a connection: of several with its ports the nearest."""
        if connection.remote_port is None or connection.local_port is None:
            return None
        ends = _Ends(
            connection.protocol,
            connection.remote_address or "",
            connection.remote_port,
            connection.local_port,
        )
        first = at_ns if connection.opened_ns is None else connection.opened_ns
        last = at_ns if connection.closed_ns is None else connection.closed_ns
        within = [
            name
            for name in self._own.get(ends, ())
            if _same_local(name, connection.local_address)
            and name.at_ns <= max(first, last) + _LATE_NS
            and (connection.opened_ns is None or name.at_ns >= first - _LATE_NS)
            and self._given.get(name, connection.cookie) == connection.cookie
        ]
        nearest = min(within, key=lambda name: abs(name.at_ns - first), default=None)
        if nearest is not None and connection.cookie is not None:
            self._given[nearest] = connection.cookie
            _forget(self._given, _MOST_CONNECTIONS)
        return nearest

    def _asked_for(self, address: str, at_ns: int) -> set[str]:
        """The names that answers gave to an address and that still hold."""
        return {
            name.name
            for name in self._dns.get(address, ())
            if name.name is not None and name.at_ns - _LATE_NS <= at_ns <= _end_ns(name)
        }


def _same_local(name: Name, address: str | None) -> bool:
    return (
        address is None
        or address in _ANYWHERE
        or (name.local is not None and name.local.address == address)
    )


def _add(kept: OrderedDict[Key, tuple[Name, ...]], key: Key, name: Name, most: int) -> None:
    """Put a name behind the others of its key, and its key behind all others."""
    kept[key] = (*kept.pop(key, ())[1 - _MOST_OF_ONE :], name)
    _forget(kept, most)


def _forget(kept: OrderedDict[Any, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)


def _lengthened(known: tuple[Name, ...], name: Name) -> tuple[tuple[Name, ...], Name]:
    """Take a former answer of the same name, when it still held, and the new one for one."""
    for each in known:
        if each.name == name.name and _end_ns(each) >= name.at_ns:
            rest = tuple(other for other in known if other is not each)
            until_ns = max(_end_ns(each), _end_ns(name))
            return rest, name._replace(at_ns=each.at_ns, until_ns=until_ns)
    return known, name


def _end_ns(name: Name) -> int:
    return max(name.until_ns or 0, name.at_ns + _LEAST_NS)
