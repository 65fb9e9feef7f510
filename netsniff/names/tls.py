"""Reads the name of the server out of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066)."""

from collections.abc import Iterator
from typing import NamedTuple

from netsniff.names.hostname import host_name

_HANDSHAKE, _CLIENT_HELLO, _MAJOR = 22, 1, 3
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D
_RANDOM_BYTES, _LONGEST_SESSION, _LONGEST_RECORD = 32, 32, (1 << 14) + 256
_LONGEST_HELLO = 1 << 17
# Every hello of Chrome and Firefox carries the extension; only with such a name is it not a feint,
# and the name one of whoever serves many (RFC 9849, "public name").
_PUBLIC_NAMES = frozenset({"cloudflare-ech.com"})


class Hello(NamedTuple):
    """What a ClientHello says of its server.

    `name` None: it names none, none that is a host's, or is `cut` before the name's end.
    `encrypted`: the true name is inside, where nobody else can read it.
    """

    name: str | None
    cut: bool = False
    encrypted: bool = False


class _Cut(Exception):
    """The bytes end here; what follows was not given."""


class _Wrong(Exception):
    """A length contradicts the one around it: this is no ClientHello."""


class _Part:
    """A structure with a length: reads it in order, within what it claims and what is there."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def skip(self, size: int) -> int:
        """Go on by so many bytes; return where they begin."""
        begin = self.at
        if begin + size > self.end:
            raise _Wrong
        if begin + size > len(self.data):
            raise _Cut
        self.at = begin + size
        return begin

    def number(self, size: int) -> int:
        begin = self.skip(size)
        return int.from_bytes(self.data[begin : begin + size], "big")

    def taken(self, size: int) -> bytes:
        begin = self.skip(size)
        return self.data[begin : begin + size]

    def part(self, size: int) -> "_Part":
        """The structure of so many bytes that begins here; this one goes on behind it."""
        if self.at + size > self.end:
            raise _Wrong
        inner = _Part(self.data, self.at, self.at + size)
        self.at += size
        return inner


def client_hello(stream: bytes) -> Hello | None:
    """Read the records at the begin of a TCP stream; None: this is no ClientHello."""
    message = bytearray()
    try:
        for fragment in _fragments(stream):
            message += fragment
    except _Wrong:
        return None
    return handshake(bytes(message))


def handshake(message: bytes) -> Hello | None:
    """Read a handshake message as TLS records or QUIC's CRYPTO frames carry it."""
    names: list[str | None] = []
    encrypted = cut = False
    try:
        for kind, body in _extensions(message):
            if kind == _SERVER_NAME and not names:
                names.append(_server_name(body))
            encrypted = encrypted or kind == _ENCRYPTED_HELLO
    except _Cut:
        cut = True
    except _Wrong:
        return None
    name = names[0] if names else None
    if encrypted and name in _PUBLIC_NAMES:
        return Hello(None, encrypted=True)
    return Hello(name, cut=cut and not names)


def _fragments(stream: bytes) -> Iterator[bytes]:
    """The handshake bytes in each record, up to the end of the hello or of what is there."""
    records = _Part(stream, 0, max(len(stream), 1 << 24))
    given = b""
    while len(given) < 4 or len(given) < 4 + int.from_bytes(given[1:4], "big"):
        try:
            if records.number(1) != _HANDSHAKE or records.number(1) != _MAJOR:
                raise _Wrong
            records.skip(1)
            size = records.number(2)
        except _Cut:
            return
        if not 0 < size <= _LONGEST_RECORD:
            raise _Wrong
        begin = records.at
        fragment = stream[begin : begin + size]
        records.part(size)
        given = (given + fragment)[:_LONGEST_HELLO]
        yield fragment


def _extensions(message: bytes) -> Iterator[tuple[int, _Part]]:
    """Each extension's type and body; raises _Cut where the bytes end, _Wrong for anything else."""
    outer = _Part(message, 0, 1 << 25)
    if outer.number(1) != _CLIENT_HELLO:
        raise _Wrong
    hello = outer.part(outer.number(3))
    if hello.number(1) != _MAJOR:
        raise _Wrong
    hello.skip(1 + _RANDOM_BYTES)
    session = hello.number(1)
    if session > _LONGEST_SESSION:
        raise _Wrong
    hello.skip(session)
    hello.skip(hello.number(2))  # cipher suites
    hello.skip(hello.number(1))  # compression methods
    if hello.at == hello.end:  # TLS 1.2 allows none at all (RFC 5246 section 7.4.1.2)
        return
    block = hello.part(hello.number(2))
    while block.at < block.end:
        kind = block.number(2)
        yield kind, block.part(block.number(2))


def _server_name(body: _Part) -> str | None:
    """The first host's name of a server_name extension (RFC 6066 section 3)."""
    entries = body.part(body.number(2))
    while entries.at < entries.end:
        kind = entries.number(1)
        entry = entries.taken(entries.number(2))
        if kind == 0:
            return host_name(entry)
    return None
