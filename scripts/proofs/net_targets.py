"""What netsniff reads that others have written: one function for each parser, and good messages.

A function takes any bytes and returns; it lets out only what is a fault: an exception that is not
the parser's own, or an assertion about what it said.
"""

from collections.abc import Callable
from typing import NamedTuple

from netsniff.capture import records
from netsniff.capture.cipher import Aes
from netsniff.capture.decode import Decoder
from netsniff.names import dns, quic, tls
from netsniff.sources import bpf_types, diag, diag_message, nettop_log, scan_records, tracefs_page
from netsniff.sources.told_sockets import messages
from netsniff.sources.tracefs_events import END, STATE, Reader
from netsniff.sources.tracefs_page import Field, Format
from scripts.proofs import net_seeds

_AES = Aes()
_LONGEST_NAME = 253  # RFC 1035, section 2.3.4
_PLACES = {
    **{"common_pid": (4, 4), "skaddr": (8, 8), "newstate": (20, 4), "sport": (24, 2)},
    **{"dport": (26, 2), "family": (28, 2), "saddr": (32, 4), "daddr": (36, 4)},
    **{"saddr_v6": (40, 16), "daddr_v6": (56, 16), "sock_cookie": (64, 8)},
}
_FIELDS = {name: Field(*place, signed=False) for name, place in _PLACES.items()}
_TRACED = Reader({STATE: Format(1, _FIELDS), END: Format(2, _FIELDS)})


class Target(NamedTuple):
    """A parser and what it reads."""

    name: str
    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


class Unsealed:
    """A cipher for packets that are not sealed, so that what is inside is reached."""

    def block(self, key: bytes, block: bytes) -> bytes:
        """Return zeros: a header that is not hidden."""
        del key, block
        return bytes(16)

    def opened(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        """Return all but the seal."""
        del key, nonce, header
        return sealed[:-16]


def _netlink(data: bytes) -> None:
    """Read a datagram in a buffer that holds more, as the kernel's earlier answers leave it."""
    told = [_sights(data + rest, len(data)) for rest in (bytes(512), b"\xff" * 512)]
    assert told[0] == told[1], "what lies behind the datagram was read"
    for _cookie, _inode, _uid, _state, begin, end in told[0]:
        assert 0 <= begin <= end <= len(data)
        _message(data[begin:end])


def _sights(data: bytes, size: int) -> list[tuple[int, int, int, int, int, int]]:
    try:
        diag.sequence(data, size)
        return diag.first_sight(data, size)[0]
    except diag.Unreadable:
        return []


def _message(data: bytes) -> None:
    try:
        told = diag_message.told(data)
    except diag.Unreadable:
        return
    reading = diag_message.reading(told, 10**18, "sock_diag", final=True)
    assert (reading.received_bytes or 0) >= 0
    assert (reading.sent_bytes or 0) >= 0


def _dns(data: bytes) -> None:
    reply = dns.reply(data)
    if reply is not None:
        _host(reply.name)


def _host(name: str | None) -> None:
    assert name is None or (0 < len(name) <= _LONGEST_NAME and name.isascii())
    assert name is None or name.isprintable()


def _hello(data: bytes) -> None:
    for told in (tls.client_hello(data), tls.handshake(data)):
        if told is not None:
            _host(told.name)


def _quic(data: bytes) -> None:
    for cipher in (_AES, Unsealed()):
        flight = quic.Flight()
        for _ in range(4):
            told = flight.take(data, cipher)
            if told is not None:
                _host(told.name)
        flight.begun(data, cipher)


def _frames(data: bytes) -> None:
    for at, piece in quic.pieces(data):
        assert at >= 0
        assert piece in data


def _packet(data: bytes) -> None:
    for name in Decoder(_AES).names(data, 1):
        _host(name.name)


def _nettop(data: bytes) -> None:
    log = nettop_log.Log()
    for sample in [*log.feed(data), *log.feed(b"\ntime,,bytes_in,bytes_out,\n")]:
        nettop_log.Sockets("nettop").sample(sample, 1)


def _scanned(data: bytes) -> None:
    try:
        told, used = scan_records.decode(data)
    except scan_records.Torn:
        told, used = [], 0
    assert used <= len(data)
    for record in told:
        if isinstance(record, scan_records.Held):
            _message(record.message)
        else:
            for message in messages(record.body):
                _message(message)
    scan_records.orders(data)
    scan_records.hints(data)


def _captured(data: bytes) -> None:
    _, used = records.decode(data)
    assert used <= len(data)


def _types(data: bytes) -> None:
    try:
        found = bpf_types.Types(data)
        found.offset("sock", "cookie")
        found.typedef("int")
    except bpf_types.NoSuchType:
        pass


def _traced(data: bytes) -> None:
    try:
        page = tracefs_page.page(data)
    except tracefs_page.Unreadable:
        return
    for at_ns, event in page.events:
        assert event in data
        told = _TRACED.read(at_ns, event, range(1 << 64))
        assert told is None or told.at_ns == at_ns


def _hellos() -> tuple[bytes, ...]:
    stream = net_seeds.hello()
    return stream, net_seeds.in_records(stream, 100), stream[5:]


def _initials() -> tuple[bytes, ...]:
    plain = net_seeds.frames(net_seeds.hello()[5:])
    versions = (1, 0x6B3343CF)
    return (
        *(net_seeds.initial(plain, version) for version in versions),
        *(net_seeds.initial(plain, version, sealed=False) for version in versions),
    )


def targets() -> tuple[Target, ...]:
    """Return all of them."""
    return (
        Target("netlink", _netlink, net_seeds.netlink()),
        Target("dns", _dns, net_seeds.dns()),
        Target("hello", _hello, _hellos()),
        Target("quic", _quic, _initials()),
        Target("frames", _frames, (net_seeds.frames(net_seeds.hello()[5:]),)),
        Target("packet", _packet, net_seeds.packets()),
        Target("nettop", _nettop, (net_seeds.NETTOP,)),
        Target("scanner", _scanned, (net_seeds.scanned(),)),
        Target("capture", _captured, (net_seeds.captured(),)),
        Target("types", _types, (net_seeds.types(),)),
        Target("traced", _traced, (net_seeds.traced(),)),
    )
