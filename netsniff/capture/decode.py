"""Turns the few packets that pass the filter into names; nothing of a packet outlives the call.

scapy knows the headers, the parsers of `netsniff.names` what is behind them. It is imported here
alone, in a process that has given up every privilege.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

from scapy.error import Scapy_Exception
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from netsniff.model import Endpoint, Name
from netsniff.names import dns, quic, tls
from netsniff.names.quic import Cipher, Flight
from netsniff.names.tls import Hello

_DNS_PORT = 53
_SECOND_NS = 1_000_000_000
_TWICE_NS = 20_000_000  # loopback shows every packet leaving and arriving
_MOST = 256
_HEADERS = {4: (IP, 20), 6: (IPv6, 40)}
_UNREADABLE = (struct.error, Scapy_Exception, ValueError, LookupError, TypeError, OSError)


class Ends(NamedTuple):
    """Whom a packet is from and whom it is to."""

    local: Endpoint
    remote: Endpoint


class Decoder:
    """Reads packets; remembers the first packets of some QUIC connections, which tell together."""

    def __init__(self, cipher: Cipher | None) -> None:
        self._cipher = cipher
        self._flights: OrderedDict[Ends, Flight] = OrderedDict()
        self._said: OrderedDict[Name, int] = OrderedDict()

    def names(self, packet: bytes, at_ns: int) -> list[Name]:
        """Return what an IP packet without link header names, each thing once."""
        found = _transport(packet)
        if found is None:
            return []
        ends, datagram, payload = found
        if not datagram:
            named = _named("sni", tls.client_hello(payload), ends, at_ns)
        elif ends.local.port == _DNS_PORT:
            named = list(_answers(payload, at_ns))
        else:
            named = _named("quic", self._initial(payload, ends), ends, at_ns)
        return [name for name in named if not self._twice(name)]

    def _initial(self, payload: bytes, ends: Ends) -> Hello | None:
        """Take one more of a connection's first packets."""
        if self._cipher is None:
            return Hello(None) if next(quic.packets(payload), None) else None
        flight = self._flights.pop(ends, None)
        if flight is None or (flight.done and flight.begun(payload, self._cipher)):
            flight = Flight()
        self._flights[ends] = flight
        _forget(self._flights)
        return flight.take(payload, self._cipher)

    def _twice(self, name: Name) -> bool:
        key = name._replace(at_ns=0, until_ns=None)
        before = self._said.pop(key, None)
        self._said[key] = name.at_ns
        _forget(self._said)
        return before is not None and name.at_ns - before < _TWICE_NS


def _transport(packet: bytes) -> tuple[Ends, bool, bytes] | None:
    """The two ends, whether it is UDP, and the payload; None for what cannot be read."""
    kind, size = _HEADERS.get(packet[0] >> 4 if packet else 0, (IP, 0))
    if not size or len(packet) < size + 8:
        return None
    try:
        header = kind(packet)
        segment = header.payload
        if not isinstance(segment, TCP | UDP):
            return None
        ends = Ends(
            Endpoint(str(header.src), int(segment.sport)),
            Endpoint(str(header.dst), int(segment.dport)),
        )
        return ends, isinstance(segment, UDP), bytes(segment.payload.original)
    except _UNREADABLE:
        return None


def _named(source: str, hello: Hello | None, ends: Ends, at_ns: int) -> list[Name]:
    if hello is None:
        return []
    return [Name(at_ns, source, hello.name, ends.remote, ends.local)]


def _answers(message: bytes, at_ns: int) -> Iterator[Name]:
    reply = dns.reply(message)
    if reply is None:
        return
    for address, ttl in reply.addresses:
        yield Name(at_ns, "dns", reply.name, Endpoint(address, 0), None, at_ns + ttl * _SECOND_NS)


def _forget(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _MOST:
        kept.popitem(last=False)
