"""Answers of DNS, built by scapy, give addresses to the name that was asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR

from netsniff.names import dns
from netsniff.names.dns import Address, Reply


def a_message(*records: DNSRR, name: str = "www.example.org", **header: Any) -> bytes:
    question = DNSQR(qname=name, qtype="A")
    return bytes(DNS(id=7, qr=header.pop("qr", 1), qd=[question], an=list(records), **header))


def an_address(owner: str, address: str, ttl: int = 60, kind: str = "A") -> DNSRR:
    return DNSRR(rrname=owner, type=kind, ttl=ttl, rdata=address)


def an_alias(owner: str, target: str, ttl: int = 60) -> DNSRR:
    return DNSRR(rrname=owner, type="CNAME", ttl=ttl, rdata=target)


CHAIN = a_message(
    an_alias("www.example.org", "edge.example.net", 30),
    an_alias("edge.example.net", "a.cdn.example", 300),
    an_address("a.cdn.example", "192.0.2.7", 20),
    an_address("a.cdn.example", "192.0.2.8", 400),
)


def test_an_answer_gives_an_address_to_a_name() -> None:
    message = a_message(an_address("www.example.org", "192.0.2.1", 60))
    assert dns.reply(message) == Reply("www.example.org", (Address("192.0.2.1", 60),))


def test_an_address_of_version_6_is_written_short() -> None:
    message = a_message(an_address("www.example.org", "2001:db8:0:0::1", 60, "AAAA"))
    assert dns.reply(message) == Reply("www.example.org", (Address("2001:db8::1", 60),))


def test_an_address_of_version_4_within_6_is_one_of_version_4() -> None:
    message = a_message(an_address("www.example.org", "::ffff:192.0.2.1", 60, "AAAA"))
    assert dns.reply(message) == Reply("www.example.org", (Address("192.0.2.1", 60),))


def test_an_alias_has_the_name_that_was_asked_for_and_the_shortest_life() -> None:
    addresses = (Address("192.0.2.7", 20), Address("192.0.2.8", 30))
    assert dns.reply(CHAIN) == Reply("www.example.org", addresses)


def test_a_compressed_name_is_read() -> None:
    message = bytes.fromhex(
        "000781800001000100000000" "03777777076578616d706c65036f726700" "00010001"
        "c00c00010001000000" "3c0004c0000201"
    )  # fmt: skip
    assert dns.reply(message) == Reply("www.example.org", (Address("192.0.2.1", 60),))


def test_a_question_in_capitals_is_answered_in_small_letters() -> None:
    message = a_message(an_address("wWw.eXample.org", "192.0.2.1"), name="WwW.example.ORG")
    assert dns.reply(message) == Reply("www.example.org", (Address("192.0.2.1", 60),))


def test_an_address_of_somebody_else_is_left_out() -> None:
    assert dns.reply(a_message(an_address("evil.example", "192.0.2.1"))) == Reply(
        "www.example.org", ()
    )


def test_a_loop_of_aliases_ends() -> None:
    message = a_message(an_alias("www.example.org", "b.org"), an_alias("b.org", "www.example.org"))
    assert dns.reply(message) == Reply("www.example.org", ())


def test_a_time_to_live_with_its_top_bit_set_is_none() -> None:
    message = a_message(an_address("www.example.org", "192.0.2.1", 0x80000001))
    assert dns.reply(message) == Reply("www.example.org", (Address("192.0.2.1", 0),))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(12),
        a_message(qr=0),
        a_message(an_address("www.example.org", "192.0.2.1"), rcode=3),
        a_message(an_address("www.example.org", "192.0.2.1"), opcode=5),
        a_message(name="a b.example"),
        bytes.fromhex("000781800001000000000000" "c00c" "00010001"),
    ],
    ids=["nothing", "zeros", "question", "failed", "update", "no host", "a name in itself"],
)  # fmt: skip
def test_what_is_no_answer_for_a_host_is_none(message: bytes) -> None:
    assert dns.reply(message) is None


def test_every_cut_keeps_the_whole_records() -> None:
    whole = dns.reply(CHAIN)
    assert whole is not None
    for size in range(len(CHAIN)):
        found = dns.reply(CHAIN[:size])
        assert found is None or found.addresses == whole.addresses[: len(found.addresses)]


def test_names_that_point_far_back_cost_little() -> None:
    """A name of many pointers, many times: each must go back, so the work has an end."""
    pointers = b"".join((12 + 2 * at | 0xC000).to_bytes(2, "big") for at in range(200))
    message = bytes.fromhex("000781800001008000000000") + b"\x00" + pointers
    assert dns.reply(message * 3) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    found = dns.reply(bytes.fromhex("000781800001000800000000037777770000010001") + data)
    assert found is None or found.name == "www"


@given(st.data())
def test_a_damaged_answer_is_read_without_an_exception(data: st.DataObject) -> None:
    damaged = bytearray(CHAIN)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = dns.reply(bytes(damaged))
    assert found is None or found.name.isascii()
