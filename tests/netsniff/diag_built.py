"""Builds messages of inet_diag as the kernel writes them, and holds those it did write."""

import struct
from ipaddress import ip_address
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "inet_diag"
DUMP = (FOLDER / "dump-6.18").read_bytes()
"""A dump of Linux 6.18: 127.0.0.1:40001 to [::]:18080 with 1237 bytes up and 4099 down, and
[::1]:40002 to the same, with 7 bytes down that nobody has read; then the end."""
DESTROYED = (FOLDER / "destroyed-6.18").read_bytes()
"""Two messages about the ends of the first connection, once both were closed."""
DONE = struct.pack("=IHHIIi", 20, 3, 2, 7, 0, 0)
DROPS_TABLE = b"""\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000dc6a1567 0   0          00000000 0        0        0     2        0        4
00000000654a963e 4   812        0000000f 0        0        0     2        1834     15901
"""
SNMP_TABLE = b"""\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails
Tcp: 1 200 120000 -1 1000 300 7
"""


def a_message(
    *,
    ends: tuple[str, str] = ("192.0.2.7", "198.51.100.9"),
    ports: tuple[int, int] = (40000, 443),
    state: int = 1,
    info: bytes | None = None,
    attributes: bytes = b"",
) -> bytes:
    """A message about one socket, cookie 2**32 + 5, inode 77, uid 1000."""
    family = 2 if ip_address(ends[0]).version == 4 else 10
    body = struct.pack("=BBBB", family, state, 0, 0) + struct.pack("!HH", *ports)
    body += b"".join(ip_address(each).packed.ljust(16, b"\0") for each in ends)
    body += struct.pack("=IIIIIIII", 0, 5, 1, 0, 0, 0, 1000, 77)
    if info is not None:
        body += an_attribute(2, info)
    body += attributes
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 7, 0) + body


def an_attribute(kind: int, data: bytes) -> bytes:
    """An attribute, padded to four bytes."""
    whole = struct.pack("=HH", 4 + len(data), kind) + data
    return whole + bytes(-len(whole) % 4)


def an_info(size: int = 248, **fields: int) -> bytes:
    """A tcp_info of some size with these fields, named as in linux/tcp.h."""
    data = bytearray(max(size, 256))
    for name, value in fields.items():
        form, at = PLACES[name]
        struct.pack_into(form, data, at, value)
    return bytes(data[:size])


PLACES = {
    "last_data_recv": ("=I", 52),
    "rtt": ("=I", 68),
    "total_retrans": ("=I", 100),
    "bytes_acked": ("=Q", 120),
    "bytes_received": ("=Q", 128),
    "min_rtt": ("=I", 148),
    "delivery_rate": ("=Q", 160),
    "bytes_sent": ("=Q", 200),
    "bytes_retrans": ("=Q", 208),
}
