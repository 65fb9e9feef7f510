"""Keeps who is called what, and answers for a connection: its host, and how that is known.

Order of trust: the name in this connection's own ClientHello (`sni`), that in its QUIC Initial
(`quic`), a DNS answer younger than its TTL (`dns`), the hosts file (`hosts`), nothing. An address
that several names stand for at the time is no name: the answer is None, and counted.

    book = Book()
    book.take(name)                       # each Name of the capture helper or of the resolver
    host, source = book.host(connection, connection.opened_ns or connection.seen_ns)
"""

from typing import NamedTuple

from netsniff.model import Connection, Name


class Answer(NamedTuple):
    """A host and where it is known from (`sni`, `quic`, `dns`, `hosts`), or two times None."""

    host: str | None
    host_source: str | None


class Book:
    """What is known of names by now; bounded: the oldest names go first."""

    def __init__(self) -> None:
        self.unnamed: dict[str, int] = {}
        """How many names were looked for in vain, by reason: `cut`, `ambiguous`."""

    def take(self, name: Name) -> None:
        """Remember one name; a name of None is counted."""
        raise NotImplementedError

    def hosts(self, names: tuple[Name, ...]) -> None:
        """Replace all that the hosts file said before."""
        raise NotImplementedError

    def host(self, connection: Connection, at_ns: int) -> Answer:
        """Say who the other end of a connection is, asked for a moment while it lived.

        Its opening is best. Of the connection only protocol, addresses, ports, opened_ns and
        closed_ns are looked at.
        """
        raise NotImplementedError
