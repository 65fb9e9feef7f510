"""Packets become names, and nothing else of them is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from netsniff.capture.cipher import Aes
from netsniff.capture.decode import Decoder
from netsniff.model import Endpoint, Name
from tests.netsniff.names import hellos
from tests.netsniff.names.initials import TWO, a_frame, padded, sealed

SECOND = 1_000_000_000
HELLO = hellos.a_hello("www.example.org")
TO_SERVER = IP(src="10.0.0.2", dst="192.0.2.1") / TCP(sport=40000, dport=443)
LOCAL, REMOTE = Endpoint("10.0.0.2", 40000), Endpoint("192.0.2.1", 443)


def names(*packets: bytes, apart_ns: int = SECOND) -> list[Name]:
    """What a decoder says of packets that come at such intervals."""
    decoder = Decoder(Aes())
    return [
        name
        for at, packet in enumerate(packets)
        for name in decoder.names(packet, 7 + at * apart_ns)
    ]


def initial(plain: bytes, destination: bytes = b"server's", version: int = TWO) -> bytes:
    ends = IP(src="10.0.0.2", dst="192.0.2.1") / UDP(sport=40000, dport=443)
    return bytes(ends / sealed(padded(plain), version, destination))


def test_a_hello_names_the_server_of_its_connection() -> None:
    assert names(bytes(TO_SERVER / HELLO)) == [Name(7, "sni", "www.example.org", REMOTE, LOCAL)]


def test_a_hello_over_version_6_names_the_server_of_its_connection() -> None:
    ends = IPv6(src="2001:db8::2", dst="2001:db8:0::1") / TCP(sport=40000, dport=443)
    expected = Name(
        7, "sni", "www.example.org", Endpoint("2001:db8::1", 443), Endpoint("2001:db8::2", 40000)
    )
    assert names(bytes(ends / HELLO)) == [expected]


def test_a_hello_that_is_cut_is_told_without_a_name() -> None:
    assert names(bytes(TO_SERVER / HELLO[:40])) == [Name(7, "sni", None, REMOTE, LOCAL)]


def test_an_initial_packet_names_the_server_of_its_connection() -> None:
    assert names(initial(a_frame(0, HELLO[5:]))) == [
        Name(7, "quic", "www.example.org", REMOTE, LOCAL)
    ]


def test_three_initial_packets_name_it_once() -> None:
    cuts = [(0, 60), (60, 100), (100, 600), (0, 600)]
    packets = [initial(a_frame(begin, HELLO[5:][begin:end])) for begin, end in cuts]
    assert names(*packets) == [
        Name(7 + 2 * SECOND, "quic", "www.example.org", REMOTE, LOCAL)
    ]  # fmt: skip


def test_another_connection_of_the_same_ports_has_its_own_name() -> None:
    other = hellos.a_message("other.example")
    packets = [initial(a_frame(0, HELLO[5:])), initial(a_frame(0, other), b"other id")]
    assert [name.name for name in names(*packets)] == ["www.example.org", "other.example"]


def test_without_aes_an_initial_packet_is_told_without_a_name() -> None:
    found = Decoder(None).names(initial(a_frame(0, HELLO[5:])), 7)
    assert found == [Name(7, "quic", None, REMOTE, LOCAL)]


def test_an_answer_names_its_addresses() -> None:
    answer = DNS(
        qr=1,
        qd=[DNSQR(qname="a.example")],
        an=[
            DNSRR(rrname="a.example", rdata=address, ttl=30)
            for address in ("192.0.2.7", "192.0.2.8")
        ],
    )
    packet = bytes(IP(src="192.0.2.53", dst="10.0.0.2") / UDP(sport=53, dport=40000) / answer)
    assert names(packet) == [
        Name(7, "dns", "a.example", Endpoint(address, 0), None, 7 + 30 * SECOND)
        for address in ("192.0.2.7", "192.0.2.8")
    ]


def test_what_loopback_shows_twice_is_told_once() -> None:
    packet = bytes(TO_SERVER / HELLO)
    assert len(names(packet, packet, apart_ns=1000)) == 1


def test_ports_used_again_are_told_again() -> None:
    packet = bytes(TO_SERVER / HELLO)
    assert len(names(packet, packet)) == 2


def test_the_padding_of_a_short_frame_is_no_part_of_the_hello() -> None:
    packet = bytes(TO_SERVER / HELLO[:10]) + b"www.example.org"
    assert names(packet) == [Name(7, "sni", None, REMOTE, LOCAL)]


@pytest.mark.parametrize("size", [0, 1, 19, 20, 27, 28, 39, 40, 45])
def test_a_packet_that_is_cut_is_read_without_an_exception(size: int) -> None:
    assert all(name.name is None for name in names(bytes(TO_SERVER / HELLO)[:size]))


@given(st.data())
def test_a_damaged_packet_is_read_without_an_exception(data: st.DataObject) -> None:
    packet = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        packet[data.draw(st.integers(0, min(79, len(packet) - 1)))] = data.draw(st.integers(0, 255))
    assert all(name.name is None or name.name.isascii() for name in names(bytes(packet)))


SEEDS = [
    bytes(TO_SERVER / HELLO),
    bytes(IPv6() / TCP(dport=443) / HELLO),
    initial(a_frame(0, HELLO[5:])),
    bytes(IP() / UDP(sport=53) / DNS(qr=1, qd=[DNSQR(qname="a.example")])),
]
