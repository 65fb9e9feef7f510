"""Readings become connections: one each, whoever tells of them, in whatever order."""

from typing import Any

from netsniff.connections import OWNERLESS_NS, Connections
from netsniff.model import EXACT, LIKELY, Connection, Endpoint, Holder, Missed, Reading

SERVER = Endpoint("192.0.2.7", 443)
CURL = Holder(41, 9000, EXACT)


def a_reading(**changes: Any) -> Reading:
    """Return a look at an open connection of 300 bytes by sock_diag."""
    values: dict[str, Any] = {
        "at_ns": 1_000,
        "source": "sock_diag",
        "protocol": "tcp",
        "local": Endpoint("192.0.2.1", 50_000),
        "remote": SERVER,
        "namespace": 1,
        "cookie": 77,
        "received_bytes": 200,
        "sent_bytes": 100,
    }
    return Reading(**(values | changes))


def fed(*readings: Reading | Missed) -> Connections:
    """Return connections that were told some readings."""
    connections = Connections()
    for reading in readings:
        connections.take(reading)
    return connections


def only(connections: Connections) -> Connection:
    """Return the one that is over, though perhaps nobody held it."""
    found = [*connections.closed(), *connections.settle(1 << 62)]
    assert len(found) == 1
    return found[0]


def test_a_look_and_its_end_are_one_connection() -> None:
    end = a_reading(at_ns=9_000, received_bytes=5_000, final=True)
    one = only(fed(a_reading(holder=CURL), end))
    assert (one.received_bytes, one.closed_ns, one.pid, one.final) == (5_000, 9_000, 41, True)


def test_two_cookies_on_the_same_ends_are_two_connections() -> None:
    first = a_reading(holder=CURL, final=True)
    connections = fed(first, first._replace(cookie=78))
    assert [one.cookie for one in connections.closed()] == [77, 78]


def test_one_cookie_in_two_namespaces_is_two_connections() -> None:
    first = a_reading(holder=CURL, final=True)
    assert len(fed(first, first._replace(namespace=2)).closed()) == 2


def test_one_is_given_once() -> None:
    connections = fed(a_reading(holder=CURL, final=True))
    connections.closed()
    assert connections.closed() == []


def test_one_that_was_given_is_not_begun_again_by_a_late_reading() -> None:
    connections = fed(a_reading(holder=CURL, final=True))
    connections.closed()
    connections.take(a_reading(at_ns=2_000))
    assert list(connections.living()) == []


def test_the_first_exact_holder_owns_it() -> None:
    other = a_reading(holder=Holder(42, 9001, EXACT))
    assert only(fed(a_reading(holder=CURL), other, a_reading(final=True))).pid == 41


def test_an_exact_holder_takes_the_place_of_a_likely_one() -> None:
    guess = a_reading(holder=Holder(42, 9001, LIKELY))
    one = only(fed(guess, a_reading(holder=CURL, final=True)))
    assert (one.pid, one.process_ticks, one.pid_confidence) == (41, 9000, "exact")


def test_who_was_traced_in_its_own_context_owns_it_rather_than_who_was_found() -> None:
    traced = a_reading(source="socktrace", holder=Holder(43, 9002, EXACT))
    assert only(fed(a_reading(holder=CURL), traced, a_reading(final=True))).pid == 43


def test_who_was_found_does_not_take_it_from_who_was_traced() -> None:
    traced = a_reading(source="socktrace", holder=Holder(43, 9002, EXACT))
    assert only(fed(traced, a_reading(holder=CURL, final=True))).pid == 43


def test_one_without_a_holder_waits_for_one() -> None:
    connections = fed(a_reading(final=True))
    before = connections.closed()
    connections.take(a_reading(at_ns=1_500, holder=CURL))
    assert (before, [one.pid for one in connections.closed()]) == ([], [41])


def test_one_nobody_is_found_for_is_given_without_anybody() -> None:
    connections = fed(a_reading(at_ns=5_000, final=True))
    early = connections.settle(5_000 + OWNERLESS_NS - 1)
    one = connections.settle(5_000 + OWNERLESS_NS)[0]
    assert (early, one.pid, one.pid_confidence) == ([], None, "none")


def test_two_sources_are_not_added() -> None:
    traced = a_reading(source="socktrace", received_bytes=210, sent_bytes=100, holder=CURL)
    end = a_reading(received_bytes=200, sent_bytes=100, final=True)
    assert only(fed(a_reading(), traced, end)).received_bytes == 200


def test_bytes_that_only_one_source_knows_are_its_own() -> None:
    blind = a_reading(protocol="udp", received_bytes=None, sent_bytes=None, holder=CURL)
    traced = blind._replace(source="socktrace", received_bytes=70, sent_bytes=0, final=True)
    one = only(fed(blind, traced))
    assert (one.received_bytes, one.sent_bytes) == (70, 0)


def test_bytes_nobody_knows_are_unknown() -> None:
    blind = a_reading(received_bytes=None, sent_bytes=None, holder=CURL, final=True)
    assert only(fed(blind)).received_bytes is None


def test_one_that_was_there_before_counts_from_the_first_look() -> None:
    old = a_reading(baseline=True, received_bytes=1_000)
    one = only(fed(old, a_reading(received_bytes=1_700, holder=CURL, final=True)))
    assert (one.received_bytes, one.earlier_received_bytes, one.opened_ns) == (700, 1_000, None)


def test_what_was_traced_of_one_that_was_there_before_was_not_there_before() -> None:
    traced = a_reading(source="socktrace", baseline=True, received_bytes=300, holder=CURL)
    one = only(fed(traced, traced._replace(received_bytes=500, final=True)))
    assert (one.received_bytes, one.opened_ns) == (500, None)


def test_one_that_is_met_open_opened_then_at_the_latest() -> None:
    assert only(fed(a_reading(holder=CURL), a_reading(final=True))).opened_ns == 1_000


def test_one_that_is_met_at_its_end_alone_opened_nobody_knows_when() -> None:
    assert only(fed(a_reading(holder=CURL, final=True))).opened_ns is None


def test_a_source_that_knows_when_it_opened_is_believed() -> None:
    traced = a_reading(source="socktrace", opened_ns=400, holder=CURL)
    assert only(fed(a_reading(), traced, a_reading(final=True))).opened_ns == 400


def test_the_earliest_first_byte_counts() -> None:
    later = a_reading(first_byte_ns=800)
    one = only(fed(a_reading(first_byte_ns=900, holder=CURL), later, a_reading(final=True)))
    assert one.first_byte_ns == 800


def test_an_end_without_a_port_gets_the_one_it_is_bound_to_later() -> None:
    unbound = a_reading(source="socktrace", local=Endpoint("0.0.0.0", 0), holder=CURL)  # noqa: S104
    one = only(fed(unbound, a_reading(final=True)))
    assert (one.local_address, one.local_port) == ("192.0.2.1", 50_000)


def test_a_connection_to_this_machine_is_loopback_by_any_address() -> None:
    ends = [Endpoint("127.0.0.2", 80), Endpoint("::1", 80), Endpoint("192.0.2.1", 80), SERVER]
    found = [only(fed(a_reading(remote=end, holder=CURL, final=True))).loopback for end in ends]
    assert found == [True, True, True, False]


def test_a_socket_without_a_cookie_is_known_by_ends_and_process() -> None:
    polled = a_reading(source="psutil", cookie=None, holder=CURL)
    other = polled._replace(holder=Holder(42, 9001, EXACT))
    connections = fed(polled, polled, other)
    assert sorted(one.pid or 0 for one in connections.living()) == [41, 42]


def test_ends_without_a_cookie_may_be_used_again() -> None:
    polled = a_reading(source="psutil", cookie=None, holder=CURL)
    connections = fed(polled, polled._replace(final=True))
    connections.closed()
    connections.take(polled)
    assert len(list(connections.living())) == 1


def test_holes_are_handed_on_once() -> None:
    hole = Missed(1, 2, 3, "the buffer was full", "sock_diag")
    connections = fed(hole)
    assert (connections.missed(), connections.missed()) == ([hole], [])


def test_what_only_a_source_that_is_gone_told_of_is_let_go() -> None:
    connections = fed(a_reading(holder=CURL), a_reading(cookie=78, source="psutil"))
    gone = connections.abandon(["psutil"])
    assert ([one.cookie for one in gone], len(connections)) == ([78], 1)


def test_when_the_next_one_can_be_settled_is_told() -> None:
    assert (Connections().due_ns(), fed(a_reading(final=True)).due_ns()) == (
        None,
        1_000 + OWNERLESS_NS,
    )
