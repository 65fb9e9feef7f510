"""Reads the name of the server out of a client's QUIC Initial packets (RFC 9000, 9001, 9369).

Their keys follow from the packet itself, so that only who changes a packet on its way is kept out;
the seal is checked all the same, for a name is what was sent, not what bytes happen to spell.
"""

import hmac
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from netsniff.names import tls
from netsniff.names.order import contiguous
from netsniff.names.tls import Hello

_LONG, _LONGEST_ID, _SEAL_BYTES, _SAMPLE_BYTES = 0x80, 20, 16, 16
_INITIAL, _RETRY = 0, 3
_PADDING, _PING, _CRYPTO = 0x00, 0x01, 0x06
_ACK = (0x02, 0x03)
_MOST_PACKETS, _LONGEST_HELLO = 3, 1 << 14


class _Version(NamedTuple):
    """What a version calls things: RFC 9001 section 5.2, RFC 9369 section 3."""

    salt: bytes
    label: bytes
    turn: int
    """By how much its numbers of packet types are turned: Initial, 0-RTT, Handshake, Retry."""


_VERSIONS = {
    0x00000001: _Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic", 0),
    0x6B3343CF: _Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2", 1),
}


class Cipher(Protocol):
    """AES-128, which the standard library does not have."""

    def block(self, key: bytes, block: bytes) -> bytes:
        """Encrypt one block of 16 bytes."""
        ...

    def opened(self, key: bytes, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        """Undo AES-GCM; None where the seal does not fit."""
        ...


class Keys(NamedTuple):
    """What a client's Initial packets are sealed with."""

    key: bytes
    nonce: bytes
    mask: bytes


class Packet(NamedTuple):
    """A client's Initial packet as it travels; `number_at` is where its number begins."""

    version: int
    destination: bytes
    data: bytes
    number_at: int
    whole: bool


def keys(version: int, destination: bytes) -> Keys:
    """Derive a client's keys from the connection id it made up for the server."""
    salt, label, _ = _VERSIONS[version]
    initial = hmac.digest(salt, destination, "sha256")
    secret = _expanded(initial, b"client in", 32)
    return Keys(
        _expanded(secret, label + b" key", 16),
        _expanded(secret, label + b" iv", 12),
        _expanded(secret, label + b" hp", 16),
    )


def packets(datagram: bytes) -> Iterator[Packet]:
    """Find the Initial packets of the versions known here; several may travel in one datagram."""
    at = 0
    while True:
        found = _packet(datagram[at:])
        if found is None:
            return
        packet, size = found
        if packet is not None:
            yield packet
        at += size


def opened(packet: Packet, secret: Keys, cipher: Cipher) -> bytes | None:
    """Take off a packet's protection; None where it is cut or sealed with other keys."""
    data, at = packet.data, packet.number_at
    if not packet.whole or at + 4 + _SAMPLE_BYTES > len(data):
        return None
    mask = cipher.block(secret.mask, data[at + 4 : at + 4 + _SAMPLE_BYTES])
    first = data[0] ^ (mask[0] & 0x0F)
    size = 1 + (first & 0x03)
    number = bytes(a ^ b for a, b in zip(data[at : at + size], mask[1:], strict=False))
    header = bytes((first,)) + data[1:at] + number
    nonce = (int.from_bytes(secret.nonce, "big") ^ int.from_bytes(number, "big")).to_bytes(
        len(secret.nonce), "big"
    )
    return cipher.opened(secret.key, nonce, data[at + size :], header)


def pieces(plain: bytes) -> list[tuple[int, bytes]]:
    """Return the CRYPTO frames of an Initial packet: their offsets and what they carry."""
    found = []
    at = 0
    try:
        while at < len(plain):
            kind, at = plain[at], at + 1
            if kind == _CRYPTO:
                offset, at = _number(plain, at)
                size, at = _number(plain, at)
                piece = plain[at : at + size]
                if len(piece) < size:
                    break
                at += size
                if offset + size <= _LONGEST_HELLO:
                    found.append((offset, piece))
            elif kind in _ACK:
                at = _after_ack(plain, at, kind)
            elif kind not in {_PADDING, _PING}:
                break
    except _Short:
        pass
    return found


class Flight:
    """The first packets of one connection, until they have told the name or been three."""

    def __init__(self) -> None:
        self.done = False
        self._destination: bytes | None = None
        self._keys: Keys | None = None
        self._pieces: list[tuple[int, bytes]] = []
        self._seen: set[bytes] = set()
        self._left = _MOST_PACKETS

    def take(self, datagram: bytes, cipher: Cipher) -> Hello | None:
        """Read one more datagram; None: nothing is settled yet, or all was settled before."""
        for packet in packets(datagram):
            if self.done:
                return None
            sealed = packet.data[packet.number_at :]
            if sealed in self._seen:  # loopback shows everything twice
                continue
            self._seen.add(sealed)
            hello = self._read(packet, cipher)
            if hello is not None:
                self.done = True
                self._seen.clear()
                return hello
        return None

    def begun(self, datagram: bytes, cipher: Cipher) -> bool:
        """Whether a datagram begins another connection between the same two ends.

        Packets that follow a server's answer bear another id, yet are sealed with the first keys.
        """
        packet = next(packets(datagram), None)
        if packet is None or self._keys is None or packet.destination == self._destination:
            return False
        own = keys(packet.version, packet.destination)
        return opened(packet, own, cipher) is not None

    def _read(self, packet: Packet, cipher: Cipher) -> Hello | None:
        self._left -= 1
        plain = self._opened(packet, cipher)
        if plain is not None:
            self._pieces += pieces(plain)
        hello = tls.handshake(contiguous(self._pieces))
        if hello is None:
            return Hello(None)
        if hello.cut and self._left and packet.whole:
            return None
        return hello

    def _opened(self, packet: Packet, cipher: Cipher) -> bytes | None:
        plain = opened(packet, self._keys, cipher) if self._keys else None
        if plain is None and packet.destination != self._destination:
            # The first packet, or one that follows a Retry (RFC 9001 section 5.2).
            own = keys(packet.version, packet.destination)
            plain = opened(packet, own, cipher)
            if plain is not None or self._keys is None:
                self._keys, self._destination = own, packet.destination
        return plain


class _Short(Exception):
    """What was announced is not there."""


def _packet(data: bytes) -> tuple[Packet | None, int] | None:
    """The packet that begins here, if it is an Initial, and its size; None: nothing to go on."""
    try:
        if len(data) < 7 or not data[0] & _LONG:
            return None
        version = int.from_bytes(data[1:5], "big")
        if version not in _VERSIONS:
            return None
        kind = ((data[0] >> 4) - _VERSIONS[version].turn) & 0x03
        if kind == _RETRY:
            return None
        destination, at = _connection_id(data, 5)
        _, at = _connection_id(data, at)
        if kind == _INITIAL:
            size, at = _number(data, at)  # the token's
            at += size
        size, at = _number(data, at)
    except _Short:
        return None
    if size < 4 + _SEAL_BYTES:
        return None
    end = at + size
    packet = Packet(version, destination, data[:end], at, end <= len(data))
    return (packet if kind == _INITIAL else None), end


def _connection_id(data: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(data):
        raise _Short
    size = data[at]
    end = at + 1 + size
    if size > _LONGEST_ID or end > len(data):
        raise _Short
    return data[at + 1 : end], end


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length (RFC 9000 section 16) and where it ends."""
    if at >= len(data):
        raise _Short
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        raise _Short
    number = int.from_bytes(data[at : at + size], "big")
    return number & ((1 << (8 * size - 2)) - 1), at + size


def _after_ack(plain: bytes, at: int, kind: int) -> int:
    """Where an ACK frame ends (RFC 9000 section 19.3)."""
    _, at = _number(plain, at)
    _, at = _number(plain, at)
    ranges, at = _number(plain, at)
    for _ in range(1 + 2 * ranges + (3 if kind == _ACK[1] else 0)):
        _, at = _number(plain, at)
    return at


def _expanded(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1 with no context, for at most one hash's length."""
    full = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0"
    return hmac.digest(secret, info + b"\x01", "sha256")[:size]
