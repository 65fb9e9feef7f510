"""Good messages of every kind that netsniff reads: recorded ones, or made as programs make them."""

import contextlib
import ssl
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netsniff.capture import records
from netsniff.capture.cipher import Aes
from netsniff.model import Endpoint, Missed, Name
from netsniff.names import quic
from netsniff.sources import scan_records

RECORDED = Path(__file__).resolve().parents[2] / "tests/data/inet_diag"
HOST = "files.pythonhosted.example"
_DESTINATION = bytes.fromhex("8394c8f03e515708")  # RFC 9001, Appendix A
NETTOP = b"""time,,interface,state,bytes_in,bytes_out,rx_dupe,rx_ooo,re-tx,rtt_avg,
12:00:01.000001,curl.4242,,,5120,830,0,0,0,,
12:00:01.000002,tcp4 192.0.2.1:50000<->192.0.2.7:443,en0,Established,5120,830,0,0,0,18.53 ms,
12:00:01.000003,tcp6 2001:db8::1.50001<->2001:db8::7.443,en0,SynSent,0,0,0,0,0,,
12:00:01.000004,udp4 *:5353<->*:*,en0,,77,0,,,,,
time,,interface,state,bytes_in,bytes_out,rx_dupe,rx_ooo,re-tx,rtt_avg,
12:00:02.000001,curl.4242,,,6000,830,0,0,0,,
"""


def netlink() -> tuple[bytes, ...]:
    """Return datagrams of inet_diag as the kernel sent them, and the ends that a dump may have."""
    done = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
    refused = struct.pack("=IHHIIi16x", 36, 2, 0, 1, 0, -2)
    return (*(file.read_bytes() for file in sorted(RECORDED.iterdir())), done, refused)


def hello() -> bytes:
    """Return a ClientHello as OpenSSL sends it, in its TLS record."""
    context = ssl.create_default_context()
    out = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=HOST)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return out.read()


def in_records(stream: bytes, size: int) -> bytes:
    """Return a hello again, its handshake in TLS records of so many bytes."""
    message = stream[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(stream[:3] + len(each).to_bytes(2, "big") + each for each in pieces)


def dns() -> tuple[bytes, ...]:
    """Return answers: an alias and two addresses, IPv6, one that failed, one cut by the server."""
    question = _dotted(HOST) + struct.pack(">HH", 1, 1)
    pointer = b"\xc0\x0c"
    alias = _record(pointer, 5, _dotted("cdn.example"))
    names_at = 12 + len(question) + len(alias) - len(_dotted("cdn.example"))
    owner = struct.pack(">H", 0xC000 | names_at)
    first, second = (_record(owner, 1, bytes((192, 0, 2, last))) for last in (7, 8))
    sixth = _record(pointer, 28, bytes.fromhex("20010db8000000000000000000000007"))
    return (
        _dns(0x8180, 3) + question + alias + first + second,
        _dns(0x8180, 1) + question + sixth,
        _dns(0x8183, 0) + question,
        _dns(0x8380, 3) + question + alias,
    )


def _dns(flags: int, answers: int) -> bytes:
    return struct.pack(">6H", 0x1234, flags, 1, answers, 0, 0)


def _dotted(name: str) -> bytes:
    labels = b"".join(bytes((len(each),)) + each.encode() for each in name.split("."))
    return labels + b"\0"


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, 300, len(data)) + data


def frames(message: bytes) -> bytes:
    """Return the plain text of an Initial: a ping, an acknowledgement, the hello in two pieces."""
    half = len(message) // 2
    pieces = ((half, message[half:]), (0, message[:half]))
    told = b"".join(b"\x06" + _number(at) + _number(len(each)) + each for at, each in pieces)
    return b"\x01\x02\x05\x00\x00\x01" + told + bytes(40)


def initial(plain: bytes, version: int = 1, *, sealed: bool = True) -> bytes:
    """Return a client's Initial packet; unsealed: its plain text and zeros in the seal's place."""
    first = 0xC0 if version == 1 else 0xD0
    number = b"\0\0"
    length = _number(len(number) + len(plain) + 16)
    head = bytes((first | 1,)) + version.to_bytes(4, "big")
    head += bytes((len(_DESTINATION),)) + _DESTINATION + b"\0\0" + length
    if not sealed:
        return head + number + plain + bytes(16)
    keys = quic.keys(version, _DESTINATION)
    body = AESGCM(keys.key).encrypt(keys.nonce, plain, head + number)
    mask = Aes().block(keys.mask, body[2:18])
    hidden = bytes(one ^ other for one, other in zip(number, mask[1:], strict=False))
    return bytes((head[0] ^ mask[0] & 0x0F,)) + head[1:] + hidden + body


def _number(value: int) -> bytes:
    """Return a QUIC number of two bytes (RFC 9000, section 16)."""
    return (0x4000 | value).to_bytes(2, "big")


def packets() -> tuple[bytes, ...]:
    """Return IP packets as the filter lets them through: a hello, an answer, an Initial; IPv6."""
    client, server = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 7))
    tcp = struct.pack(">HHIIBBHHH", 50000, 443, 1, 1, 5 << 4, 24, 512, 0, 0) + hello()
    answer, initials = dns()[0], initial(frames(hello()[5:]))
    reply = struct.pack(">HHHH", 53, 50000, 8 + len(answer), 0) + answer
    quick = struct.pack(">HHHH", 50000, 443, 8 + len(initials), 0) + initials
    sixth = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    return (
        _ip(6, client, server, tcp),
        _ip(17, server, client, reply),
        _ip(17, client, server, quick),
        sixth + tcp,
    )


def _ip(protocol: int, source: bytes, destination: bytes, body: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    return head + source + destination + body


def scanned() -> bytes:
    """Return one of each record that the scanner writes."""
    message = (RECORDED / "dump-6.18").read_bytes()[:408]
    return b"".join(
        (
            scan_records.held(scan_records.Held(1, 77, 9000, 41, 1, 2, message, b"curl")),
            scan_records.record(scan_records.TABLE, 2, message + message),
            scan_records.record(scan_records.WHOLE, 3),
            scan_records.record(scan_records.OVERRUN, 4),
            scan_records.record(scan_records.CLOSED, 5, message),
            scan_records.flushed(6, 1),
        )
    )


def captured() -> bytes:
    """Return one of each line that the capture helper writes."""
    remote, local = Endpoint("192.0.2.7", 443), Endpoint("192.0.2.1", 50000)
    told: tuple[records.Record, ...] = (
        records.Ready(1),
        Name(2, "sni", HOST, remote, local),
        Name(3, "quic", None, remote, local),
        Name(4, "dns", HOST, Endpoint("2001:db8::7", 0), None, 5),
        Missed(5, 6, 7, "dropped by the kernel", "capture"),
        Missed(5, 6, None, "the helper ended", "capture"),
        records.Failed("not permitted"),
    )
    return b"".join(records.encode(each) for each in told)


def types() -> bytes:
    """Return BTF of one integer and one structure of two members (linux/btf.h)."""
    names = b"\0int\0sock\0family\0cookie\0"
    integer = struct.pack("=III", 1, 1 << 24, 4) + struct.pack("=I", 32)
    structure = struct.pack("=III", 5, 4 << 24 | 2, 8)
    members = struct.pack("=III", 10, 1, 0) + struct.pack("=III", 17, 1, 32)
    told = integer + structure + members
    head = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(told), len(told), len(names))
    return head + told + names


def traced() -> bytes:
    """Return a page of the kernel's tracer: a state of IPv4, one of IPv6, an end, a long time."""
    socket = 0xFFFF888000000000
    events = [
        struct.pack("=HBBiQiiHHHH", 1, 0, 0, 41, socket, 7, 2, 0, 443, family, 6) + bytes(40)
        for family in (2, 10)
    ]
    events.append(struct.pack("=HBBiQ48xQ", 2, 0, 0, 41, socket, 77))
    told = b"".join(struct.pack("=I", 5 << 5 | len(each) // 4) + each for each in events)
    told += struct.pack("=II", 9 << 5 | 30, 2) + struct.pack("=II", 3 << 5, 12) + bytes(8)
    return struct.pack("=QQ", 1_000, len(told)) + told
