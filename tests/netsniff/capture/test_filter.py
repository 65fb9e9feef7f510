"""The filter lets through exactly what it should, by an interpreter of classic BPF."""

import random
import re
from pathlib import Path

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert, IPOption_Timestamp
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrHopByHop
from scapy.packet import Packet

from netsniff.capture.filter import KEPT_BYTES, PROGRAM
from tests.netsniff.capture.classic_bpf import verdict
from tests.netsniff.names import hellos
from tests.netsniff.names.initials import ONE, TWO, a_frame, padded, sealed

LAUNCHER = Path(__file__).resolve().parents[3] / "scripts/deploy/capture.c"
FOUR, SIX, ARP = 0x0800, 0x86DD, 0x0806
HELLO = hellos.a_hello()
INITIALS = {v: sealed(padded(a_frame(0, HELLO[5:])), v) for v in (ONE, TWO)}
HEADERS: dict[str, Packet] = {
    "v4": IP(src="192.0.2.1", dst="192.0.2.2"),
    "v4 with options": IP(options=[IPOption_Router_Alert(), IPOption_Timestamp(flg=0)]),
    "v4, first of its fragments": IP(flags="MF", id=7),
    "v6": IPv6(src="2001:db8::1", dst="2001:db8::2"),
}
TO_US = DNS(qr=1, qd=[DNSQR(qname="a.example")], an=[DNSRR(rrname="a.example", rdata="192.0.2.9")])
OPTIONS = [("MSS", 1460), ("Timestamp", (1, 2)), ("NOP", None), ("NOP", None), ("SAckOK", b"")]
PASSES: dict[str, Packet] = {
    "answer of DNS": UDP(sport=53, dport=40000) / TO_US,
    "Initial of QUIC 1": UDP(sport=40000, dport=443) / INITIALS[ONE],
    "Initial of QUIC 2": UDP(sport=40000, dport=443) / INITIALS[TWO],
    "hello": TCP(dport=443, flags="PA") / HELLO,
    "hello to another port": TCP(dport=8443, flags="PA") / HELLO,
    "hello in a SYN": TCP(dport=443, flags="S") / HELLO,
    **{
        f"hello after {4 * words} bytes": TCP(dport=443, dataofs=words)
        / (bytes(4 * words - 20) + HELLO)
        for words in range(5, 16)
    },
    "hello after options": TCP(dport=443, options=OPTIONS) / HELLO,
    "six bytes of a hello": TCP(dport=443) / HELLO[:6],
}
DROPPED: dict[str, Packet] = {
    "question of DNS": UDP(sport=40000, dport=53) / DNS(qd=[DNSQR(qname="a.example")]),
    "question from port 53": UDP(sport=53, dport=53) / DNS(qd=[DNSQR(qname="a.example")]),
    "answer of multicast DNS": UDP(sport=5353, dport=5353) / TO_US,
    "answer that is too short": UDP(sport=53, dport=40000) / b"\x00\x07",
    "DNS over TCP": TCP(sport=53, dport=40000) / (b"\x00\x40" + bytes(TO_US)),
    "short header of QUIC": UDP(dport=443) / (b"\x40" + INITIALS[ONE][1:]),
    "0-RTT of QUIC 1": UDP(dport=443) / (b"\xd0" + INITIALS[ONE][1:]),
    "Handshake of QUIC 1": UDP(dport=443) / (b"\xe0" + INITIALS[ONE][1:]),
    "0-RTT of QUIC 2": UDP(dport=443) / (b"\xe0" + INITIALS[TWO][1:]),
    "Retry of QUIC 2": UDP(dport=443) / (b"\xc0" + INITIALS[TWO][1:]),
    "another version of QUIC": UDP(dport=443) / (b"\xc0\x00\x00\x00\x02" + bytes(40)),
    "Initial from a server": UDP(sport=443, dport=40000) / INITIALS[ONE],
    "Initial to another port": UDP(dport=8443) / INITIALS[ONE],
    "SYN": TCP(dport=443, flags="S", options=OPTIONS),
    "no data": TCP(dport=443, flags="A"),
    "data of TLS": TCP(dport=443) / (b"\x17\x03\x03\x01\x00" + bytes(256)),
    "ServerHello": TCP(sport=443) / (b"\x16\x03\x03\x00\x7a\x02" + bytes(120)),
    "SSL 2": TCP(dport=443) / (b"\x16\x02\x00\x00\x7a\x01" + bytes(120)),
    "five bytes of a hello": TCP(dport=443) / HELLO[:5],
    "HTTP": TCP(dport=80) / b"GET / HTTP/1.1\r\n\r\n",
}
ELSEWHERE: dict[str, tuple[int, Packet]] = {
    "later fragment": (FOUR, IP(frag=3, proto=6) / (bytes(20) + HELLO)),
    "later fragment of a DNS answer": (FOUR, IP(frag=1) / PASSES["answer of DNS"]),
    "ICMP": (FOUR, IP() / ICMP()),
    "ICMP version 6": (SIX, IPv6() / ICMPv6EchoRequest()),
    "extension header": (SIX, IPv6() / IPv6ExtHdrHopByHop() / TCP(dport=443) / HELLO),
    "ARP": (ARP, IP() / TCP(dport=443) / HELLO),
    "nothing": (FOUR, IP()),
}


def packets(inner: dict[str, Packet]) -> list[tuple[int, bytes, str]]:
    return [
        (FOUR if how.startswith("v4") else SIX, bytes(outer / packet), f"{what} over {how}")
        for how, outer in HEADERS.items()
        for what, packet in inner.items()
    ]


def by_name(value: object) -> str | None:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("protocol", "packet", "what"), packets(PASSES), ids=by_name)
def test_what_names_a_host_passes(protocol: int, packet: bytes, what: str) -> None:
    assert (verdict(PROGRAM, packet, protocol), what) == (KEPT_BYTES, what)


@pytest.mark.parametrize(("protocol", "packet", "what"), packets(DROPPED), ids=by_name)
def test_all_else_is_dropped(protocol: int, packet: bytes, what: str) -> None:
    assert (verdict(PROGRAM, packet, protocol), what) == (0, what)


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_has_no_ports_to_look_at_is_dropped(what: str) -> None:
    protocol, packet = ELSEWHERE[what]
    assert verdict(PROGRAM, bytes(packet), protocol) == 0


def wanted(protocol: int, packet: bytes) -> bool:
    """The same question asked of bytes in another way."""
    if protocol == FOUR:
        if len(packet) < 10 or int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return False
        kind, inner = packet[9], packet[(packet[0] & 15) * 4 :]
    elif protocol == SIX:
        if len(packet) < 7:
            return False
        kind, inner = packet[6], packet[40:]
    else:
        return False
    if kind == 17:
        if inner[:2] == b"\x00\x35":
            return len(inner) > 10 and inner[10] >= 0x80
        first, version = inner[8:9].hex()[:1], inner[9:13].hex()
        return inner[2:4] == b"\x01\xbb" and (first + version) in {"c00000001", "d6b3343cf"}
    data = inner[(inner[12] >> 4) * 4 :] if kind == 6 and len(inner) > 12 else b""
    return data[:2] == b"\x16\x03" and data[5:6] == b"\x01"


def test_ten_thousand_random_packets_have_the_verdict_of_another_parser() -> None:
    chance = random.Random(15)  # noqa: S311 a test repeats itself
    seeds = [each[:2] for each in packets(PASSES) + packets(DROPPED)]
    seeds += [(protocol, bytes(packet)) for protocol, packet in ELSEWHERE.values()]
    wrong, passed = [], 0
    for _ in range(10_000):
        protocol, seed = chance.choice(seeds)
        packet = bytearray(seed)
        for _ in range(chance.randrange(4)):
            packet[chance.randrange(min(80, len(packet)))] = chance.choice(
                [0, 1, 6, 17, 0x16, 3, 53, 0xC0, 0xD0, chance.randrange(256)]
            )
        cut = bytes(packet[: chance.choice([len(packet), chance.randrange(len(packet) + 1)])])
        expected = wanted(protocol, cut)
        passed += expected
        if bool(verdict(PROGRAM, cut, protocol)) != expected:
            wrong.append(cut.hex())
    assert (wrong, passed > 1000) == ([], True)


def test_the_launcher_has_the_same_program() -> None:
    rows = re.findall(r"\{(0x\w+), (\d+), (\d+), (0x\w+)\}", LAUNCHER.read_text())
    found = [tuple(int(word, 0) for word in row) for row in rows]
    assert found == [tuple(each) for each in PROGRAM]
