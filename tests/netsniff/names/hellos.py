"""Makes ClientHellos: real ones by OpenSSL, and what may become of them on the way."""

import ssl
from collections.abc import Iterable
from contextlib import suppress


def a_hello(name: str | None = "www.example.org") -> bytes:
    """The TLS records that OpenSSL sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(inward, outward, server_hostname=name).do_handshake()
    return outward.read()


def a_message(name: str | None = "www.example.org") -> bytes:
    """The same without its record's header."""
    return a_hello(name)[5:]


def in_records(message: bytes, sizes: Iterable[int]) -> bytes:
    """A handshake message in TLS records of these sizes, the rest in a last one."""
    records = b""
    for size in sizes:
        records += b"\x16\x03\x01" + len(message[:size]).to_bytes(2, "big") + message[:size]
        message = message[size:]
    return records + b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def an_extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def a_server_name(name: bytes, kind: int = 0) -> bytes:
    entry = bytes((kind,)) + len(name).to_bytes(2, "big") + name
    return an_extension(0, len(entry).to_bytes(2, "big") + entry)


def a_made_message(*extensions: bytes) -> bytes:
    """A handshake message with these extensions in this order."""
    block = b"".join(extensions)
    body = b"\x03\x03" + bytes(32) + b"\x20" + bytes(32) + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += len(block).to_bytes(2, "big") + block
    return b"\x01" + len(body).to_bytes(3, "big") + body
