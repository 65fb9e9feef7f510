"""Seals QUIC Initial packets as a client does (RFC 9001 section 5, RFC 9369)."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netsniff.capture.cipher import Aes
from netsniff.names import quic

ONE, TWO = 0x00000001, 0x6B3343CF
FIRST = {ONE: 0xC0, TWO: 0xD0}
ID = bytes.fromhex("8394c8f03e515708")


def a_number(number: int) -> bytes:
    """A number of variable length, in two bytes (RFC 9000 section 16)."""
    return (0x4000 | number).to_bytes(2, "big")


def a_frame(offset: int, piece: bytes) -> bytes:
    """A CRYPTO frame."""
    return b"\x06" + a_number(offset) + a_number(len(piece)) + piece


def sealed(
    plain: bytes,
    version: int = ONE,
    destination: bytes = ID,
    *,
    number: int = 0,
    keys: quic.Keys | None = None,
) -> bytes:
    """A client's Initial packet; other keys than the id's are those of an earlier packet."""
    secret = keys or quic.keys(version, destination)
    counted = number.to_bytes(4, "big")
    header = bytes((FIRST[version] | 3,)) + version.to_bytes(4, "big")
    header += bytes((len(destination),)) + destination + b"\x00\x00"
    header += a_number(4 + len(plain) + 16) + counted
    nonce = (int.from_bytes(secret.nonce, "big") ^ number).to_bytes(12, "big")
    body = AESGCM(secret.key).encrypt(nonce, plain, header)
    mask = Aes().block(secret.mask, body[:16])
    hidden = bytes(a ^ b for a, b in zip(counted, mask[1:5], strict=True))
    return bytes((header[0] ^ mask[0] & 0x0F,)) + header[1:-4] + hidden + body


def padded(frames: bytes, size: int = 1162) -> bytes:
    return frames + bytes(max(0, size - len(frames)))
