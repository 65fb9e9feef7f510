"""Reads what nettop(1) writes in logging mode, replayed: it has not run on macOS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.model import LIKELY, Endpoint, Holder
from netsniff.sources.nettop_log import Flow, Log, Sockets

HEADER = (
    "time,,interface,state,bytes_in,bytes_out,rx_dupe,rx_ooo,re-tx,rtt_avg,rcvsize,tx_win,"
    "tc_class,tc_mgt,cc_algo,P,C,R,W,arch,"
)
SAMPLE = """\
12:49:53.399032,Web Browser H.487,,,5447,1386,0,0,0,,,,,,,,,,,,
12:49:53.392327,tcp4 192.0.2.12:52429<->198.51.100.5:443,en7,Established,5427,1386,0,0,0,39.81 ms,131072,69376,BE,-,cubic,-,-,-,-,so,
12:49:53.392400,tcp6 2001:db8::1.52430<->2001:db8::2.443,en7,CloseWait,20,0,0,0,0,-,131072,0,BE,-,cubic,-,-,-,-,so,
12:49:53.392500,tcp4 127.0.0.1:8080<->*:*,lo0,Listen,0,0,0,0,0,,,,,,,,,,,so,
12:49:53.399100,mDNSResponder.272,,,67044191,20822887,0,0,0,,,,,,,,,,,,
12:49:53.399200,udp6 *.5353<->*.*,en0,,14431855,8190886,,,,,786896,,CTL,,,,,,,so,
12:49:53.399300,udp4 192.0.2.12:9993<->203.0.113.8:53,en0,,17,19,0,0,0,,,,,,,,,,,so,
12:49:53.399400,tcp6 fe80::1%en0.1024<->fe80::2%en0.1025,en0,Established,1,2,0,0,0,0.50 ms,,,,,,,,,,so,
"""  # noqa: E501 as the program writes it
NARROW = """\
,state,bytes_in,bytes_out,rtt_avg,
curl.9001,,500,80,,
tcp4 192.0.2.12:50000<->198.51.100.5:80,Established,500,80,2.5 ms,
,state,bytes_in,bytes_out,rtt_avg,
"""


def replayed(*samples: str) -> bytes:
    """A log of these samples, and the header that ends the last one."""
    return "".join(f"{HEADER}\n{sample}" for sample in (*samples, "")).encode()


def test_a_sample_is_given_when_the_next_one_begins() -> None:
    log = Log()
    assert log.feed(f"{HEADER}\n{SAMPLE}".encode()) == []
    assert len(log.feed(f"{HEADER}\n".encode())[0]) == 6


def test_a_connection_belongs_to_the_process_above_it() -> None:
    (flows,) = Log().feed(replayed(SAMPLE))
    assert flows[0] == Flow(
        pid=487,
        name="Web Browser H",
        protocol="tcp",
        local=Endpoint("192.0.2.12", 52429),
        remote=Endpoint("198.51.100.5", 443),
        state=1,
        received_bytes=5427,
        sent_bytes=1386,
        rtt_ns=39_810_000,
    )


def test_ipv6_has_a_point_before_its_port_and_its_scope_is_left_out() -> None:
    (flows,) = Log().feed(replayed(SAMPLE))
    assert (flows[1].local, flows[1].state) == (Endpoint("2001:db8::1", 52430), 8)
    assert (flows[5].local, flows[5].remote) == (
        Endpoint("fe80::1", 1024),
        Endpoint("fe80::2", 1025),
    )


def test_a_socket_without_a_peer_has_none() -> None:
    (flows,) = Log().feed(replayed(SAMPLE))
    assert (flows[3].local, flows[3].remote, flows[3].pid) == (Endpoint("::", 5353), None, 272)


def test_columns_are_found_by_their_names() -> None:
    (flows,) = Log().feed(NARROW.encode())
    assert [(e.pid, e.received_bytes, e.sent_bytes, e.rtt_ns) for e in flows] == [
        (9001, 500, 80, 2_500_000)
    ]


def test_readings_leave_out_listeners_and_call_the_holder_likely() -> None:
    (flows,) = Log().feed(replayed(SAMPLE))
    readings = Sockets("nettop").sample(flows, 7)
    assert [(each.protocol, each.local.port) for each in readings] == [
        ("tcp", 52429),
        ("tcp", 52430),
        ("udp", 5353),
        ("udp", 9993),
        ("tcp", 1024),
    ]
    assert readings[0].holder == Holder(487, None, LIKELY, "Web Browser H")


def test_what_is_gone_from_a_sample_is_final_with_its_last_bytes() -> None:
    first, second = Log().feed(replayed(SAMPLE, SAMPLE.replace("52429", "52999")))
    sockets = Sockets("nettop")
    told = [*sockets.sample(first, 7), *sockets.sample(second, 8), *sockets.sample(second, 9)]
    ended = [(each.at_ns, each.local.port, each.received_bytes) for each in told if each.final]
    assert ended == [(8, 52429, 5427)]
    assert {each.local.port for each in told if not each.baseline} == {52999}


def test_what_is_not_measured_is_unknown() -> None:
    (flows,) = Log().feed(replayed(SAMPLE))
    assert (flows[1].rtt_ns, flows[3].state) == (None, None)


def test_lines_that_are_not_understood_are_counted_and_cost_no_other() -> None:
    odd = "12:00,tcp4 nonsense<->x:y,,,1,1,,\n12:00,nobody,,,,\n" + SAMPLE
    log = Log()
    (flows,) = log.feed(replayed(odd))
    assert (len(flows), log.unread) == (6, 2)


def test_a_flow_before_any_process_belongs_to_nobody_and_is_not_told() -> None:
    log = Log()
    (flows,) = log.feed(replayed(SAMPLE.partition("\n")[2]))
    assert ([each.pid for each in flows], log.unread) == ([272, 272, 272], 3)


@pytest.mark.parametrize("data", [replayed(SAMPLE, SAMPLE), NARROW.encode()])
def test_any_cut_of_a_log_gives_the_same_samples(data: bytes) -> None:
    whole = Log().feed(data)
    for at in range(len(data)):
        log = Log()
        assert log.feed(data[:at]) + log.feed(data[at:]) == whole


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=30))
def test_any_mutation_of_a_log_is_read_without_an_error(at: int, change: bytes) -> None:
    data = replayed(SAMPLE, SAMPLE)
    log = Log()
    samples = log.feed(data[:at] + change + data[at + len(change) :])
    told = [event for flows in samples for event in Sockets("nettop").sample(flows, 1)]
    assert {event.source for event in told} <= {"nettop"}


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    log = Log()
    for _ in range(100):
        log.feed(b"x" * 1000)
    assert log.feed(b"\n" + replayed(SAMPLE))[0][0].pid == 487
