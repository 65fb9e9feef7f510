"""Reads what the kernel kept of a socket, from bytes put together by hand."""

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsniff.model import EXACT, Endpoint, Holder, Reading
from netsniff.sources import bpf_entry
from netsniff.sources.bpf_entry import ACCEPTED, CONNECTED, MET, TCP, UDP, Terms

TERMS = Terms(ticks_per_second=100)
FOUR, SIX = 2, 10


@dataclass
class Made:
    """An entry of a TCP connection to 192.0.2.7:443 that goes on."""

    opened: int = 1_000
    established: int = 4_000
    first: int = 5_000
    touched: int = 9_000
    closed: int = 0
    ended: int = 0
    received: int = 700
    sent: int = 80
    born: int = 123_450_000_000
    tcp_received: int = 0
    tcp_sent: int = 0
    pid: int = 4321
    family: int = FOUR
    protocol: int = TCP
    port: int = 443
    origin: int = CONNECTED
    remote: bytes = bytes((192, 0, 2, 7)) + bytes(12)
    peer: bytes = bytes(16)
    peer_port: int = 0
    peers: int = 0
    rtt: int = 8 * 250
    least: int = 200
    repeated: int = 3

    def data(self) -> bytes:
        """The bytes, each field where the constants say it lies."""
        data = bytearray(bpf_entry.SIZE)
        moments = (self.opened, self.established, self.first, self.touched, self.closed, self.ended)
        struct.pack_into("=6Q", data, bpf_entry.OPENED, *moments)
        totals = (self.received, self.sent, self.born, self.tcp_received, self.tcp_sent)
        struct.pack_into("=5Q", data, bpf_entry.RECEIVED, *totals)
        struct.pack_into("=II", data, bpf_entry.PID, self.pid, 4026531840)
        struct.pack_into("=HHH", data, bpf_entry.FAMILY, self.family, self.protocol, 50_000)
        struct.pack_into(">H", data, bpf_entry.REMOTE_PORT, self.port)
        struct.pack_into("=I", data, bpf_entry.ORIGIN, self.origin)
        data[bpf_entry.LOCAL : bpf_entry.LOCAL + 4] = bytes((10, 0, 0, 1))
        data[bpf_entry.REMOTE : bpf_entry.REMOTE + 16] = self.remote
        struct.pack_into("=III", data, bpf_entry.ROUND_TRIP, self.rtt, self.least, self.repeated)
        data[bpf_entry.PEER : bpf_entry.PEER + 16] = self.peer
        struct.pack_into(">H", data, bpf_entry.PEER_PORT, self.peer_port)
        struct.pack_into("=H", data, bpf_entry.PEERS, self.peers)
        struct.pack_into("=16sI", data, bpf_entry.NAME, b"curl", 4000)
        return bytes(data)


def told(made: Made, terms: Terms = TERMS) -> Reading:
    """What such an entry says at moment 20,000."""
    reading = bpf_entry.reading(7, bpf_entry.decode(made.data()), 20_000, terms)
    assert reading is not None
    return reading


def test_a_connection_that_goes_on_is_told_as_it_is() -> None:
    assert told(Made()) == Reading(
        at_ns=20_000,
        source="socktrace",
        protocol="tcp",
        local=Endpoint("10.0.0.1", 50_000),
        remote=Endpoint("192.0.2.7", 443),
        namespace=4026531840,
        cookie=7,
        holder=Holder(4321, 12_345, EXACT, "curl", 4000),
        state=1,
        opened_ns=1_000,
        connect_ns=3_000,
        first_byte_ns=5_000,
        received_bytes=700,
        sent_bytes=80,
        rtt_ns=250_000,
        min_rtt_ns=200_000,
    )


def test_one_that_is_over_is_told_when_it_was_closed_and_as_final() -> None:
    over = told(Made(closed=15_000, ended=16_000, tcp_received=701, tcp_sent=80))
    assert (over.at_ns, over.state, over.final, over.retransmits) == (15_000, 7, True, 3)


@pytest.mark.parametrize(
    ("counted", "by_calls", "expected"),
    [
        (701, 700, 700),  # with the peer's FIN
        (700, 700, 700),  # ended by a reset: no FIN came
        (5001, 700, 5000),  # moved by splice, or never read
        (0, 700, 700),  # the kernel did not say
    ],
)
def test_the_end_tells_bytes_that_no_call_received(
    counted: int, by_calls: int, expected: int
) -> None:
    over = told(Made(ended=16_000, received=by_calls, tcp_received=counted, tcp_sent=80))
    assert over.received_bytes == expected


def test_what_was_given_to_the_kernel_and_never_sent_is_not_sent() -> None:
    assert told(Made(ended=16_000, sent=9_000, tcp_sent=4_000)).sent_bytes == 4_000


def test_one_that_was_there_before_counts_from_the_first_look_on() -> None:
    old = told(Made(origin=MET, ended=16_000, tcp_received=90_001, tcp_sent=90_000))
    assert (old.baseline, old.received_bytes, old.sent_bytes) == (True, 700, 80)


def test_a_kernel_that_counts_no_calls_leaves_bytes_unknown_until_the_end() -> None:
    terms = TERMS._replace(counted=False)
    living = told(Made(received=0, sent=0), terms)
    over = told(Made(received=0, sent=0, ended=16_000, tcp_received=701, tcp_sent=80), terms)
    assert (living.received_bytes, living.sent_bytes) == (None, None)
    assert (over.received_bytes, over.sent_bytes) == (700, 80)


def test_an_accepted_connection_has_no_connect_time_and_at_first_no_holder() -> None:
    accepted = told(Made(origin=ACCEPTED, pid=0, born=0))
    assert (accepted.connect_ns, accepted.holder) == (None, None)


def test_a_holder_that_is_only_just_being_written_is_none() -> None:
    assert told(Made(born=0)).holder is None


def test_a_udp_socket_is_no_connection_and_was_not_there_before() -> None:
    udp = told(Made(protocol=UDP, origin=MET, port=0, remote=bytes(16), rtt=0, least=0))
    assert (udp.protocol, udp.state, udp.remote, udp.baseline) == ("udp", None, None, False)


@pytest.mark.parametrize(
    ("peers", "expected"), [(0, None), (1, Endpoint("198.51.100.5", 53)), (2, None)]
)
def test_a_socket_that_is_not_connected_has_the_peer_it_sent_to_if_it_was_one(
    peers: int, expected: Endpoint | None
) -> None:
    peer = bytes((198, 51, 100, 5)) + bytes(12)
    made = Made(protocol=UDP, origin=MET, port=0, remote=bytes(16), peer=peer, peer_port=53)
    made.peers = peers
    assert told(made).remote == expected


def test_one_that_is_connected_has_the_peer_it_is_connected_to() -> None:
    assert told(Made(protocol=UDP, peer_port=53, peers=1)).remote == Endpoint("192.0.2.7", 443)


def test_an_address_of_ipv4_in_ipv6_is_written_as_ipv4() -> None:
    mapped = bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 9))
    assert told(Made(family=SIX, remote=mapped)).remote == Endpoint("192.0.2.9", 443)


def test_a_connection_that_waits_for_its_answer_is_in_that_state() -> None:
    waiting = told(Made(established=0, rtt=0, least=0xFFFFFFFF))
    assert (waiting.state, waiting.connect_ns, waiting.min_rtt_ns) == (2, None, None)


@pytest.mark.parametrize("made", [Made(family=0), Made(protocol=0), Made(protocol=132)])
def test_what_is_only_just_being_written_is_not_told(made: Made) -> None:
    assert bpf_entry.reading(7, bpf_entry.decode(made.data()), 20_000, TERMS) is None


@settings(deadline=None)
@given(st.binary(min_size=bpf_entry.SIZE, max_size=bpf_entry.SIZE))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    reading = bpf_entry.reading(7, bpf_entry.decode(data), 20_000, TERMS)
    assert reading is None or reading.cookie == 7
