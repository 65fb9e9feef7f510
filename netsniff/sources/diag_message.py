"""Reads one message of inet_diag in full: a socket, its counters, and what it moved for a program.

Layouts: linux/inet_diag.h and struct tcp_info of linux/tcp.h, which only ever grows at its end: an
older kernel sends less, and what it did not send is None.
"""

from struct import Struct, error
from typing import NamedTuple

from netsniff.model import Endpoint, Protocol, Reading
from netsniff.sources.diag import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    INET,
    INET6,
    LAST_ACK,
    LISTEN,
    MESSAGE_BYTES,
    TCP,
    TIME_WAIT,
    UDP,
    Unreadable,
)

_MESSAGE = Struct("=IH10xBBBB2s2s16s16sIIIIIIII")
_ATTRIBUTE = Struct("=HH")
_INFO, _PROTOCOL, _CGROUP = 2, 10, 21
_TYPE = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_PREFIX_OF_V4 = bytes(10) + b"\xff\xff"
_NO_RTT = 0xFFFFFFFF
_AFTER_FIN = frozenset({CLOSE_WAIT, LAST_ACK, CLOSING, TIME_WAIT, CLOSE})
"""States in which the peer's FIN has come and was counted; of CLOSE that is a presumption."""


class Info(NamedTuple):
    """What we use of tcp_info; times in the kernel's units. None: this kernel does not tell."""

    last_data_sent_ms: int | None
    last_data_received_ms: int | None
    rtt_us: int | None
    rtt_variation_us: int | None
    total_retransmits: int | None
    bytes_acked: int | None
    bytes_received: int | None
    segments_sent: int | None
    segments_received: int | None
    min_rtt_us: int | None
    delivery_rate: int | None
    busy_us: int | None
    receive_limited_us: int | None
    buffer_limited_us: int | None
    bytes_sent: int | None
    bytes_retransmitted: int | None


_FIELDS = (
    *((Struct("=I"), at) for at in (44, 52, 68, 72, 100)),
    *((Struct("=Q"), at) for at in (120, 128)),
    *((Struct("=I"), at) for at in (136, 140, 148)),
    *((Struct("=Q"), at) for at in (160, 168, 176, 184, 200, 208)),
)
"""Where each field of `Info` lies in tcp_info."""
_WHOLE = Struct("=44xI4xI12xII24xI16xQQII4xI8xQQQQ8xQQ")
"""The same at once, for a kernel that sends all of them."""


class Told(NamedTuple):
    """One socket as the kernel tells it; `cgroup` and `info` are None where it told none.

    A socket that was destroyed has `uid` and `inode` 0, whoever held it. The queues are bytes that
    the program has not read, and that the peer has not acknowledged.
    """

    protocol: Protocol
    state: int
    local: Endpoint
    remote: Endpoint | None
    interface: int
    cookie: int
    receive_queue: int
    send_queue: int
    uid: int
    inode: int
    cgroup: int | None
    info: Info | None


def told(message: bytes, protocol: int = TCP) -> Told:
    """Read one message, its nlmsghdr included. Raises Unreadable.

    `protocol` is what was asked for: a message about a death says it itself, an answer does not.
    """
    size = len(message)
    if size < MESSAGE_BYTES:
        raise Unreadable("a message shorter than inet_diag_msg")
    first = _MESSAGE.unpack_from(message)
    length, _, family, state, _, _, local_port, remote_port, local, remote = first[:10]
    interface, low, high, _, receive_queue, send_queue, uid, inode = first[10:]
    if not MESSAGE_BYTES <= length <= size or family not in {INET, INET6}:
        raise Unreadable("a message of another length or family")
    info, said, cgroup = _attributes(message, length)
    peer = int.from_bytes(remote_port, "big")
    return Told(
        "udp" if (said or protocol) == UDP else "tcp",
        state,
        Endpoint(address(family, local), int.from_bytes(local_port, "big")),
        Endpoint(address(family, remote), peer) if peer and state != LISTEN else None,
        interface,
        low | high << 32,
        receive_queue,
        send_queue,
        uid,
        inode,
        cgroup,
        info,
    )


def _attributes(message: bytes, size: int) -> tuple[Info | None, int | None, int | None]:
    info, protocol, cgroup = None, None, None
    at = MESSAGE_BYTES
    while at + _ATTRIBUTE.size <= size:
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        start, end = at + _ATTRIBUTE.size, at + length
        if length < _ATTRIBUTE.size or end > size:
            raise Unreadable("an attribute that is cut")
        if kind & _TYPE == _INFO and end > start:
            info = tcp_info(message[start:end])
        elif kind & _TYPE == _PROTOCOL and end > start:
            protocol = message[start]
        elif kind & _TYPE == _CGROUP and end - start == 8:
            cgroup = int(Struct("=Q").unpack_from(message, start)[0])
        at = (end + 3) & ~3
    return info, protocol, cgroup


def tcp_info(data: bytes) -> Info:
    """Read a struct tcp_info, however much of it there is."""
    try:
        return Info._make(_WHOLE.unpack_from(data))
    except error:
        return Info._make(_field(field, at, data) for field, at in _FIELDS)


def _field(field: Struct, at: int, data: bytes) -> int | None:
    return int(field.unpack_from(data, at)[0]) if at + field.size <= len(data) else None


def address(family: int, data: bytes) -> str:
    """Write an address as text; IPv4 in IPv6 as IPv4, IPv6 as RFC 5952 wants it."""
    if family == INET:
        return "{}.{}.{}.{}".format(*data[:4])
    if data.startswith(_PREFIX_OF_V4):
        return "{}.{}.{}.{}".format(*data[12:16])
    groups = [data[at] << 8 | data[at + 1] for at in range(0, 16, 2)]
    start, length = _longest_zeros(groups)
    if length < 2:
        return ":".join(f"{each:x}" for each in groups)
    before = ":".join(f"{each:x}" for each in groups[:start])
    after = ":".join(f"{each:x}" for each in groups[start + length :])
    return f"{before}::{after}"


def _longest_zeros(groups: list[int]) -> tuple[int, int]:
    best, run = (0, 0), 0
    for at, group in enumerate(groups):
        run = run + 1 if group == 0 else 0
        if run > best[1]:
            best = (at - run + 1, run)
    return best


def received(seen: Told) -> int | None:
    """Return the payload bytes that came.

    The kernel counts the peer's FIN as a byte. Whether one came is known from the state of a
    living socket. Of a dead one it is presumed: one that ended by RST, or whose own side closed
    first and did not wait in this socket for the peer, is told one byte short.
    """
    if seen.info is None or seen.info.bytes_received is None:
        return None
    return max(0, seen.info.bytes_received - (seen.state in _AFTER_FIN))


def sent(seen: Told) -> int | None:
    """Return the payload bytes that were sent, each once; SYN and FIN are not among them."""
    if seen.info is None or seen.info.bytes_sent is None:
        return None
    return max(0, seen.info.bytes_sent - (seen.info.bytes_retransmitted or 0))


def reading(seen: Told, at_ns: int, source: str, *, final: bool = False) -> Reading:
    """Return what a message says as a Reading; namespace and holder are the caller's to add."""
    info, arrived = seen.info, received(seen)
    return Reading(
        at_ns=at_ns,
        source=source,
        protocol=seen.protocol,
        local=seen.local,
        remote=seen.remote,
        cookie=seen.cookie,
        inode=seen.inode or None,
        state=seen.state,
        first_byte_ns=_last_arrival(info, at_ns) if arrived else None,
        received_bytes=arrived,
        sent_bytes=sent(seen),
        rtt_ns=_nanoseconds(info.rtt_us) if info else None,
        min_rtt_ns=_nanoseconds(info.min_rtt_us) if info else None,
        retransmits=info.total_retransmits if info else None,
        delivery_rate=info.delivery_rate if info else None,
        final=final,
    )


def _last_arrival(info: Info | None, at_ns: int) -> int | None:
    """When the latest byte had come: the first one came no later."""
    if info is None or info.last_data_received_ms is None:
        return at_ns
    return at_ns - info.last_data_received_ms * 1_000_000


def _nanoseconds(microseconds: int | None) -> int | None:
    """Return it in ns; 0 and all ones say that the kernel has measured nothing yet."""
    return microseconds * 1000 if microseconds and microseconds != _NO_RTT else None
