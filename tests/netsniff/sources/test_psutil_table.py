"""The portable last resort: what lives at a look is told, its bytes are unknown, all is likely."""

import os
import socket
import time
from collections.abc import Iterable, Iterator

import pytest

from netsniff.connections import Connections
from netsniff.model import LIKELY, Connection, Event, Missed, Reading
from netsniff.sources import loopback
from netsniff.sources.psutil_table import PsutilTable


@pytest.fixture
def table() -> Iterator[PsutilTable]:
    """An open source that looks at every read, so that no test has to wait a second."""
    source = PsutilTable()
    probe = source.probe()
    if not probe.usable:
        pytest.skip(f"{probe.reason}: {probe.remedy}")
    source.period_ns = 0
    source.open()
    yield source
    source.close()


def about(events: Iterable[Event], end: loopback.End) -> list[Reading]:
    """What is told of one end."""
    readings = [each for each in events if not isinstance(each, Missed)]
    return [each for each in readings if (each.local, each.remote) == (end.local, end.remote)]


def test_a_connection_is_told_with_a_likely_holder_and_unknown_bytes(table: PsutilTable) -> None:
    made = loopback.pair()
    (told,) = about(table.read(), made.client)
    made.close()
    assert told.holder is not None
    assert (told.holder.pid, told.holder.confidence) == (os.getpid(), LIKELY)
    assert (told.received_bytes, told.sent_bytes, told.cookie, told.opened_ns) == (None,) * 4


def test_what_there_was_at_the_first_look_is_told_as_such_ever_after(table: PsutilTable) -> None:
    old = loopback.pair()
    first = about(table.read(), old.client)
    new = loopback.pair()
    second = list(table.read())
    made = about(second, old.client) + about(second, new.client)
    old.close()
    new.close()
    assert [each.baseline for each in first + made] == [True, True, False]


def test_what_is_no_longer_there_is_final_once(table: PsutilTable) -> None:
    made = loopback.pair()
    table.read()
    made.close()
    told = about(table.read(), made.client) + about(table.read(), made.client)
    assert [(each.final, each.received_bytes) for each in told] == [(True, None)]


def test_a_connection_that_was_let_go_of_keeps_its_holder_and_ends_once(
    table: PsutilTable,
) -> None:
    made = loopback.pair()
    told = about(table.read(), made.client)
    made.client.socket.close()  # its end waits for the server's
    told += about(table.read(), made.client) + about(table.read(), made.client)
    made.server.socket.close()
    told += about(table.read(), made.client) + about(table.read(), made.client)
    assert [each.final for each in told].count(True) == 1
    assert {each.holder.pid for each in told if each.holder} == {os.getpid()}
    assert all(each.holder for each in told)


def test_one_that_is_not_accepted_yet_is_told_once_it_has_a_holder(table: PsutilTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            waiting = [e for e in table.read() if isinstance(e, Reading) and e.local.port == port]
            with server.accept()[0]:
                events = list(table.read())
            assert client.getpeername()[1] == port
    accepted = [e for e in events if isinstance(e, Reading) and e.local.port == port]
    assert waiting == []
    assert [each.holder.pid for each in accepted if each.holder] == [os.getpid()]


def test_listeners_are_not_told(table: PsutilTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        events = table.read()
    assert [e for e in events if isinstance(e, Reading) and e.local.port == port] == []


def test_a_datagram_socket_is_told_with_its_peer(table: PsutilTable) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 9))
        port = one.getsockname()[1]
        events = [e for e in table.read() if isinstance(e, Reading) and e.local.port == port]
    assert [(each.protocol, each.remote) for each in events] == [("udp", ("127.0.0.1", 9))]


def test_ipv4_in_ipv6_is_told_as_ipv4(table: PsutilTable) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            events = [e for e in table.read() if isinstance(e, Reading) and e.local.port == port]
    assert [each.local.address for each in events] == ["127.0.0.1"]


def test_nothing_is_read_while_it_rests(table: PsutilTable) -> None:
    table.rest()
    resting = list(table.read())
    table.hurry(os.getpid())
    made = loopback.pair()
    woken = about(table.read(), made.client)
    made.close()
    assert (resting, len(woken)) == ([], 1)


def test_the_table_is_read_once_a_second_however_often_it_is_asked() -> None:
    source = PsutilTable()
    if not source.probe().usable:
        pytest.skip("the table of sockets is root's here: run it as root")
    source.open()
    made = loopback.pair()
    asked = [len(about(source.read(), made.client)) for _ in range(5)]
    made.close()
    source.close()
    assert asked == [1, 0, 0, 0, 0]


def test_a_load_seen_by_this_alone_has_flows_without_bytes_and_nothing_invented(
    table: PsutilTable,
) -> None:
    """Row 18 of the acceptance: connections of 40 ms, a look each 20 ms."""
    connections, truths = Connections(), set()
    table.read()
    for _ in range(5):
        made = [loopback.pair() for _ in range(4)]
        truths |= {(end.local, end.remote) for pair in made for end in pair}
        for _ in range(2):
            for event in table.read():
                connections.take(event)
            time.sleep(0.02)
        for pair in made:
            pair.close()
    for event in table.read():
        connections.take(event)
    told = [each for each in connections.closed() if ends(each) in truths]
    assert len(told) == len(truths)
    assert {each.pid for each in told} == {os.getpid()}
    unknown = {(each.received_bytes, each.sent_bytes, each.rtt_ns, each.cookie) for each in told}
    assert unknown == {(None,) * 4}
    assert {each.pid_confidence for each in told} == {LIKELY}


def ends(one: Connection) -> tuple[tuple[str | None, int | None], tuple[str | None, int | None]]:
    """Both ends of a connection."""
    return (one.local_address, one.local_port), (one.remote_address, one.remote_port)
