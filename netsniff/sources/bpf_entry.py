"""Lays out what the kernel keeps of one socket, and reads it back.

The BPF programs write one entry for each socket, keyed by its cookie; the observer reads them.
"""

import functools
import struct
from typing import NamedTuple

from netsniff.model import EXACT, Endpoint, Holder, Protocol, Reading
from netsniff.sources.diag_message import address

SOURCE = "socktrace"

OPENED, ESTABLISHED, FIRST, TOUCHED, CLOSED, ENDED = 0, 8, 16, 24, 32, 40
"""Where the moments lie, each 8 bytes of CLOCK_MONOTONIC ns, 0: not yet."""
RECEIVED, SENT, BORN, TCP_RECEIVED, TCP_SENT = 48, 56, 64, 72, 80
PID, NAMESPACE, FAMILY, PROTOCOL, LOCAL_PORT, REMOTE_PORT, ORIGIN = 88, 92, 96, 98, 100, 102, 104
LOCAL, REMOTE, ROUND_TRIP, LEAST_ROUND_TRIP, RETRANSMITS = 112, 128, 144, 148, 152
PEER, PEER_PORT, PEERS, NAME, PARENT, SIZE = 160, 176, 178, 184, 200, 208

ONE, SEVERAL = 1, 2
"""To how many peers a socket that is not connected has sent."""

CONNECTED, ACCEPTED, MET = 1, 2, 3
"""How an entry came to be: by connect, by accept, by bytes on a socket that was there before."""

FAMILY_4, FAMILY_6, TCP, UDP = 2, 10, 6, 17

_ENTRY = struct.Struct("=11Q2I2HH2sI4x16s16s3I4x16s2sH4x16sI4x")
# The same few addresses come again and again, and each costs as much as all else of a reading.
_address = functools.lru_cache(maxsize=1024)(address)
_PROTOCOLS: dict[int, Protocol] = {TCP: "tcp", UDP: "udp"}
_ESTABLISHED_STATE, _SYN_SENT_STATE, _CLOSE_STATE = 1, 2, 7


class Entry(NamedTuple):
    """What the kernel kept of one socket; `born_ns` of CLOCK_BOOTTIME, 0: nobody is known."""

    opened_ns: int
    established_ns: int
    first_ns: int
    touched_ns: int
    closed_ns: int
    ended_ns: int
    received_bytes: int
    sent_bytes: int
    born_ns: int
    tcp_received_bytes: int
    tcp_sent_bytes: int
    pid: int
    namespace: int
    family: int
    protocol: int
    local_port: int
    remote_port: bytes
    origin: int
    local: bytes
    remote: bytes
    round_trip_eighth_us: int
    least_round_trip_us: int
    retransmits: int
    peer: bytes
    peer_port: bytes
    peers: int
    name: bytes
    parent: int


def decode(data: bytes | memoryview) -> Entry:
    """Read one entry of SIZE bytes."""
    return Entry(*_ENTRY.unpack(data))


class Terms(NamedTuple):
    """How entries are to be read: ticks of a process's start, and whether bytes are counted."""

    ticks_per_second: int
    counted: bool = True


def reading(cookie: int, entry: Entry, at_ns: int, terms: Terms) -> Reading | None:
    """Say what an entry tells; None: it is only just being written, or of no known protocol."""
    protocol = _PROTOCOLS.get(entry.protocol)
    if protocol is None or entry.family not in {FAMILY_4, FAMILY_6}:
        return None
    final = entry.ended_ns != 0
    received, sent = _bytes(entry) if final or terms.counted else (None, None)
    baseline = entry.origin == MET and protocol == "tcp"
    return Reading(
        at_ns=(entry.closed_ns or entry.ended_ns) if final else at_ns,
        source=SOURCE,
        protocol=protocol,
        local=Endpoint(_address(entry.family, entry.local), entry.local_port),
        remote=_remote(entry),
        namespace=entry.namespace,
        cookie=cookie,
        holder=_holder(entry, terms.ticks_per_second),
        state=_state(entry) if protocol == "tcp" else None,
        opened_ns=None if baseline else entry.opened_ns,
        connect_ns=_connect(entry),
        first_byte_ns=entry.first_ns or None,
        received_bytes=received,
        sent_bytes=sent,
        rtt_ns=_nanoseconds(entry.round_trip_eighth_us >> 3),
        min_rtt_ns=_nanoseconds(entry.least_round_trip_us),
        retransmits=entry.retransmits if final and protocol == "tcp" else None,
        final=final,
        baseline=baseline,
    )


def _remote(entry: Entry) -> Endpoint | None:
    """The peer; of a socket that is not connected the one it sent to, if that was one alone."""
    port, text = entry.remote_port, entry.remote
    if not any(port) and entry.peers == ONE:
        port, text = entry.peer_port, entry.peer
    return (
        Endpoint(_address(entry.family, text), int.from_bytes(port, "big")) if any(port) else None
    )


def _bytes(entry: Entry) -> tuple[int, int]:
    """Received and sent payload.

    Programs are seen reading and writing. What is moved without either (splice, or data that came
    and was never read) is in TCP's own counters, known at the end; they count the peer's FIN too,
    if one came.
    """
    if not entry.ended_ns or entry.origin == MET or entry.protocol != TCP:
        return entry.received_bytes, entry.sent_bytes
    received = max(entry.received_bytes, entry.tcp_received_bytes - 1)
    return received, entry.tcp_sent_bytes or entry.sent_bytes


def _holder(entry: Entry, ticks_per_second: int) -> Holder | None:
    if not entry.pid or not entry.born_ns:
        return None
    ticks = entry.born_ns // (1_000_000_000 // ticks_per_second)
    name = entry.name.partition(b"\0")[0].decode(errors="replace")
    return Holder(entry.pid, ticks, EXACT, name or None, entry.parent or None)


def _nanoseconds(microseconds: int) -> int | None:
    """Return it in ns; 0 and all ones say that the kernel has measured nothing."""
    return None if microseconds in {0, 0xFFFFFFFF} else microseconds * 1000


def _state(entry: Entry) -> int:
    if entry.closed_ns or entry.ended_ns:
        return _CLOSE_STATE
    waiting = entry.origin == CONNECTED and not entry.established_ns
    return _SYN_SENT_STATE if waiting else _ESTABLISHED_STATE


def _connect(entry: Entry) -> int | None:
    if entry.origin != CONNECTED or not entry.established_ns:
        return None
    return entry.established_ns - entry.opened_ns
