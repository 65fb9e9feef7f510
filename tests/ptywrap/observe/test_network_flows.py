"""Connections become flows by field, and what a command moved is the sum of its last tellings."""

from typing import Any

from msgspec import structs

from netsniff.model import Connection
from ptywrap import wire
from ptywrap.observe import network_flows
from ptywrap.observe.network_flows import MOST, Borders, Flows, Moved, Traffic
from ptywrap.observe.times import Times
from tests import build

KEY = (build.SESSION, 7)


def a_connection(**changes: Any) -> Connection:
    """Return one that is over, opened one second after the clocks were read."""
    values: dict[str, Any] = {
        "protocol": "tcp",
        "pid": 41,
        "process_ticks": 9000,
        "pid_confidence": "exact",
        "remote_address": "192.0.2.7",
        "remote_port": 443,
        "opened_ns": 1_000_000_000,
        "connect_ns": 400_000,
        "first_byte_ns": 1_100_000_000,
        "closed_ns": 2_000_000_000,
        "received_bytes": 5_000,
        "sent_bytes": 300,
        "rtt_ns": 200_000,
        "retransmits": 0,
        "local_address": "192.0.2.1",
        "local_port": 50_000,
        "namespace": 1,
        "cookie": 77,
    }
    return Connection(**(values | changes))


def a_flow(**changes: Any) -> wire.Flow:
    """Return a flow of 5,000 bytes in and 300 out, nobody's yet."""
    times = Times()
    times.note(0, build.AT)
    made = network_flows.flow(a_connection(), build.BOOT, times, ("example.org", "dns"))
    return structs.replace(made, **changes)


def taken(*flows: wire.Flow, whole: bool = True) -> Traffic:
    """Return the traffic of a command with these flows."""
    traffic = Traffic()
    list(traffic.take(Flows(flows, whole), KEY))
    return traffic


def test_every_field_of_a_flow_comes_from_its_connection() -> None:
    made = structs.asdict(a_flow())
    told = {name for name, value in made.items() if value not in (None, b"", 0, False)}
    unset = {"session", "command", "loopback", "retransmits"}
    assert set(made) - told == unset


def test_a_connection_has_every_field_of_a_flow_or_what_it_is_made_of() -> None:
    renamed = {"opened_at": "opened_ns", "first_byte_at": "first_byte_ns", "closed_at": "closed_ns"}
    wanted = set(wire.Flow.__struct_fields__) - {"session", "id", "command"}
    assert {renamed.get(name, name) for name in wanted} <= set(Connection._fields)


def test_its_moments_are_on_the_wall() -> None:
    flow = a_flow()
    moments = [flow.opened_at, flow.first_byte_at, flow.closed_at]
    assert [at - build.AT for at in moments if at] == [10**9, 11 * 10**8, 2 * 10**9]


def test_its_id_is_that_of_its_socket() -> None:
    assert a_flow().id == wire.flow_id(build.BOOT, 1, 77)


def test_without_a_cookie_ends_and_process_make_its_id() -> None:
    polled = a_connection(cookie=None)
    others = [polled, a_connection(cookie=None, pid=42), a_connection(cookie=None, local_port=1)]
    ids = [network_flows.identity(one, build.BOOT) for one in others]
    assert (len(set(ids)), ids[0]) == (3, network_flows.identity(polled, build.BOOT))


def test_a_flow_is_told_under_its_command() -> None:
    (told,) = Traffic().take(Flows([a_flow()]), KEY)
    assert ((told.session, told.command), told.remote_host) == (KEY, "example.org")


def test_a_command_moved_what_its_flows_did() -> None:
    assert taken(a_flow(), a_flow(id=2)).moved() == Moved(10_000, 600, 2)


def test_what_stays_on_the_machine_is_not_counted() -> None:
    assert taken(a_flow(loopback=True)).moved() == Moved(0, 0, 0)


def test_a_flow_that_is_told_again_is_counted_once() -> None:
    traffic = taken(a_flow(received_bytes=10))
    list(traffic.take(Flows([a_flow()]), KEY))
    assert traffic.moved() == Moved(5_000, 300, 1)


def test_without_flows_nothing_was_moved_if_somebody_sees_all() -> None:
    assert taken().moved() == Moved(0, 0, 0)


def test_without_flows_nothing_is_known_if_nobody_sees_all() -> None:
    assert taken(whole=False).moved() == Moved(None, None, None)


def test_bytes_that_no_flow_knows_are_unknown() -> None:
    blind = a_flow(received_bytes=None, sent_bytes=None)
    assert taken(blind).moved() == Moved(None, None, 1)


def test_flows_beyond_some_hundred_are_one_row_that_names_nobody() -> None:
    traffic = Traffic()
    flows = [a_flow(id=number) for number in range(1, MOST + 11)]
    told = list(traffic.take(Flows(flows), KEY))
    last = told[-1]
    assert len(told) == MOST + 1
    assert (last.received_bytes, last.sent_bytes) == (50_000, 3_000)
    assert (last.pid, last.remote_host, last.remote_address) == (None, None, None)
    assert traffic.moved() == Moved(5_000 * len(flows), 300 * len(flows), len(flows))


def test_the_row_of_the_others_is_the_same_when_they_grow() -> None:
    traffic = taken(*(a_flow(id=number) for number in range(1, MOST + 1)))
    (first,) = traffic.take(Flows([a_flow(id=-1)]), KEY)
    (again,) = traffic.take(Flows([a_flow(id=-2)]), KEY)
    assert (first.id, again.received_bytes) == (again.id, 10_000)


def test_a_shells_own_flow_is_cut_where_commands_end() -> None:
    borders = Borders()
    pieces = [borders.piece(a_flow(received_bytes=size)) for size in (100, 100, 250)]
    pieces.append(borders.last(a_flow(received_bytes=300)))
    assert [one.received_bytes for one in pieces] == [100, 0, 150, 50]
