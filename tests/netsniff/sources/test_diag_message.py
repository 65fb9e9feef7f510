"""Reads messages about sockets in full: addresses, what was moved, and what a kernel left out."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.model import Endpoint
from netsniff.sources import diag, diag_message
from netsniff.sources.diag_message import Told, told
from tests.netsniff import diag_built as built


def recorded(data: bytes) -> list[Told]:
    """The sockets of a recorded answer."""
    return [told(data[each[4] : each[5]]) for each in diag.first_sight(data, len(data))[0]]


def moved(message: bytes) -> tuple[int | None, int | None]:
    """What came and what went."""
    return diag_message.received(told(message)), diag_message.sent(told(message))


def test_a_recorded_dump_has_the_addresses_and_bytes_that_were_moved() -> None:
    ends = {
        (each.local, each.remote, diag_message.received(each), diag_message.sent(each))
        for each in recorded(built.DUMP)
    }
    near, far, six = (
        Endpoint("127.0.0.1", 40001),
        Endpoint("127.0.0.1", 18080),
        Endpoint("::1", 40002),
    )
    assert ends == {
        (near, far, 4099, 1237),
        (far, near, 1237, 4099),
        (six, Endpoint("::1", 18080), 7, 0),
        (Endpoint("::1", 18080), six, 0, 7),
    }


def test_a_recorded_dump_has_what_is_not_read_yet_and_the_control_group() -> None:
    (waiting,) = (each for each in recorded(built.DUMP) if each.local.port == 40002)
    assert (waiting.receive_queue, waiting.cgroup, waiting.uid) == (7, 1, 0)


def test_a_recorded_death_has_the_last_bytes_without_syn_and_fin() -> None:
    ends = [
        (each.local.port, diag_message.received(each), diag_message.sent(each))
        for each in recorded(built.DESTROYED)
    ]
    assert sorted(ends) == [(18080, 1237, 4099), (40001, 4099, 1237)]


def test_a_socket_is_told_with_both_ends_in_order() -> None:
    seen = told(built.a_message())
    assert (seen.local, seen.remote) == (
        Endpoint("192.0.2.7", 40000),
        Endpoint("198.51.100.9", 443),
    )


@pytest.mark.parametrize(("ports", "state"), [((80, 0), 7), ((80, 99), 10)])
def test_a_socket_without_a_peer_has_none(ports: tuple[int, int], state: int) -> None:
    assert told(built.a_message(ports=ports, state=state)).remote is None


def test_ipv4_in_ipv6_is_told_as_ipv4() -> None:
    seen = told(built.a_message(ends=("::ffff:192.0.2.7", "2001:db8::9")))
    assert (seen.local.address, seen.remote) == ("192.0.2.7", Endpoint("2001:db8::9", 443))


@given(st.lists(st.sampled_from([0, 0, 1, 0x1000, 0xFFFF]), min_size=8, max_size=8))
def test_an_ipv6_address_is_written_as_everybody_writes_it(groups: list[int]) -> None:
    packed = b"".join(each.to_bytes(2, "big") for each in groups)
    if not packed.startswith(bytes(10) + b"\xff\xff"):
        assert diag_message.address(diag.INET6, packed) == str(IPv6Address(packed))


@pytest.mark.parametrize(
    ("state", "received"),
    [
        (diag.ESTABLISHED, 100),
        (diag.FIN_WAIT1, 100),
        (diag.FIN_WAIT2, 100),
        (diag.CLOSE_WAIT, 99),
        (diag.LAST_ACK, 99),
        (diag.CLOSING, 99),
        (diag.CLOSE, 99),
    ],
)
def test_the_end_of_the_peer_is_no_byte_once_it_has_come(state: int, received: int) -> None:
    assert moved(built.a_message(state=state, info=built.an_info(bytes_received=100))) == (
        received,
        0,
    )


def test_nothing_received_stays_nothing_without_an_end() -> None:
    assert moved(built.a_message(state=diag.CLOSE, info=built.an_info()))[0] == 0


def test_what_was_sent_twice_counts_once() -> None:
    info = built.an_info(bytes_sent=1000, bytes_retrans=300, bytes_acked=702)
    assert moved(built.a_message(info=info))[1] == 700


def test_more_sent_again_than_at_all_is_nothing_and_not_less() -> None:
    assert moved(built.a_message(info=built.an_info(bytes_retrans=300)))[1] == 0


def test_a_socket_without_tcp_info_has_unknown_bytes_never_none_at_all() -> None:
    assert moved(built.a_message()) == (None, None)


def test_an_old_kernel_leaves_unknown_what_it_does_not_send() -> None:
    info = diag_message.tcp_info(built.an_info(192, bytes_received=5, rtt=9))
    assert (info.bytes_received, info.rtt_us, info.bytes_sent) == (5, 9, None)
    assert info.bytes_retransmitted is None


@given(st.integers(0, 300))
def test_a_tcp_info_of_any_length_is_the_beginning_of_a_longer_one(size: int) -> None:
    fields = {name: at + 1 for at, name in enumerate(built.PLACES)}
    whole = diag_message.tcp_info(built.an_info(300, **fields))
    cut = diag_message.tcp_info(built.an_info(size, **fields))
    assert all(each in {None, full} for each, full in zip(cut, whole, strict=True))


def test_a_udp_socket_is_told_as_one() -> None:
    seen = told(built.a_message(attributes=built.an_attribute(10, b"\x11")))
    assert seen.protocol == "udp"


def test_attributes_that_are_not_known_are_passed_over() -> None:
    odd = built.an_attribute(99, b"abc") + built.an_attribute(21, (4321).to_bytes(8, "little"))
    assert told(built.a_message(attributes=odd)).cgroup == 4321


@pytest.mark.parametrize("attribute", [b"\3\0\2\0", b"\xff\0\2\0", b"\0\0\0\0"])
def test_an_attribute_with_a_length_that_cannot_be_is_refused(attribute: bytes) -> None:
    with pytest.raises(diag.Unreadable):
        told(built.a_message(attributes=attribute))


def test_a_reading_has_times_in_nanoseconds_and_knows_when_a_byte_had_come() -> None:
    info = built.an_info(bytes_received=9, last_data_recv=40, rtt=250, min_rtt=200)
    reading = diag_message.reading(told(built.a_message(info=info)), 90_000_000, "test")
    assert (reading.first_byte_ns, reading.rtt_ns, reading.min_rtt_ns) == (
        50_000_000,
        250_000,
        200_000,
    )
    assert (reading.cookie, reading.inode, reading.final) == (2**32 + 5, 77, False)


def test_a_reading_does_not_invent_what_the_kernel_has_not_measured() -> None:
    info = built.an_info(min_rtt=0xFFFFFFFF, last_data_recv=26_000_000)
    reading = diag_message.reading(told(built.a_message(info=info)), 1, "test")
    assert (reading.rtt_ns, reading.min_rtt_ns, reading.first_byte_ns) == (None, None, None)
