"""Says what the network layer tells: readings of sockets, names, holes, and whole connections.

Times are nanoseconds of CLOCK_MONOTONIC. Bytes are payload: what a program sent and received, no
headers, nothing sent twice; TLS records are payload. Unknown is None, never 0.

**Identity.** A socket is (network namespace inode, cookie); the kernel gives a cookie once a boot
(`sock_gen_cookie`, net/core/sock_diag.c). A port is reused within the second: it identifies
nothing. A process is (pid, start ticks), field 22 of /proc/PID/stat; a pid alone is reused, too.
"""

from typing import Literal, NamedTuple, TypeAlias

Confidence: TypeAlias = Literal["exact", "likely", "none"]
Protocol: TypeAlias = Literal["tcp", "udp"]

EXACT: Confidence = "exact"
LIKELY: Confidence = "likely"
NONE: Confidence = "none"


class Endpoint(NamedTuple):
    """An address in text (IPv4 in IPv6 is written as IPv4) and a port."""

    address: str
    port: int


class Holder(NamedTuple):
    """The process a socket was found in; `start_ticks` None: it could not be read any more.

    `name` (at most 15 bytes, comm of /proc/PID/stat) and `parent` are what it was at that moment,
    where the source read them on its way: who lives for 2 ms cannot be asked later.
    """

    pid: int
    start_ticks: int | None
    confidence: Confidence
    name: str | None = None
    parent: int | None = None


class Reading(NamedTuple):
    """What one source knew of one socket at one moment.

    `remote` is None for a socket without a peer. `state` is of include/net/tcp_states.h. `final`:
    the socket is gone and these totals are its last. `baseline`: it existed before we began to
    look, so when it opened is unknown. `first_byte_ns`: when its first byte had come, at the
    latest. `holder` None: nobody was found so far.
    """

    at_ns: int
    source: str
    protocol: Protocol
    local: Endpoint
    remote: Endpoint | None = None
    namespace: int | None = None
    cookie: int | None = None
    inode: int | None = None
    holder: Holder | None = None
    state: int | None = None
    opened_ns: int | None = None
    connect_ns: int | None = None
    first_byte_ns: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    rtt_ns: int | None = None
    min_rtt_ns: int | None = None
    retransmits: int | None = None
    delivery_rate: int | None = None
    final: bool = False
    baseline: bool = False


class Missed(NamedTuple):
    """Sockets nobody saw between two moments; `number` None: it is not known how many."""

    since_ns: int
    until_ns: int
    number: int | None
    reason: str
    source: str


class Name(NamedTuple):
    """A host's name: of one connection (`local` given: SNI) or of an address (a DNS answer).

    `source` is `sni`, `quic`, `dns` or `hosts`; a DNS answer is good until `until_ns`.
    `name` None: it was looked for and could not be read (a hello that was cut, an encrypted one).
    """

    at_ns: int
    source: str
    name: str | None
    remote: Endpoint
    local: Endpoint | None = None
    until_ns: int | None = None


Event: TypeAlias = Reading | Missed


class Connection(NamedTuple):
    """All that is known of one connection.

    The fields up to `loopback` are those of a flow in the run record; a source that cannot tell one
    leaves it None. `received_bytes` and `sent_bytes` of a connection that was there before count
    from the first look on; what went before is in `earlier_received_bytes`, `earlier_sent_bytes`.
    """

    protocol: Protocol
    pid: int | None = None
    process_ticks: int | None = None
    pid_confidence: Confidence = NONE
    remote_host: str | None = None
    host_source: str | None = None
    remote_address: str | None = None
    remote_port: int | None = None
    opened_ns: int | None = None
    connect_ns: int | None = None
    first_byte_ns: int | None = None
    closed_ns: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    rtt_ns: int | None = None
    retransmits: int | None = None
    loopback: bool = False
    local_address: str | None = None
    local_port: int | None = None
    namespace: int | None = None
    cookie: int | None = None
    inode: int | None = None
    min_rtt_ns: int | None = None
    delivery_rate: int | None = None
    source: str | None = None
    seen_ns: int = 0
    final: bool = False
    earlier_received_bytes: int = 0
    earlier_sent_bytes: int = 0
