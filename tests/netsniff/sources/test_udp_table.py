"""Connected UDP sockets and who holds them, without privilege, with real sockets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netsniff.model import EXACT, LIKELY, Event, Reading
from tests.conformance import source_watching as watching

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources import namespaces, udp_table  # noqa: E402 - Linux alone

PASS_ON = """
import os, socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.connect(("127.0.0.1", 9))
os.set_inheritable(one.fileno(), True)
print(one.getsockname()[1], flush=True)
child = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", "input()"], {})
print(child, flush=True)
input()
"""


@pytest.fixture
def table() -> Iterator[udp_table.UdpTable]:
    """A table that is read whenever it is asked."""
    opened = udp_table.UdpTable("test", namespaces.own())
    opened.hurry(os.getpid())
    yield opened
    opened.close()


def told(table: udp_table.UdpTable, port: int) -> list[Reading]:
    """What a look tells of the socket with a local port."""
    found: list[Event] = []
    table.hasten()
    table.read(found)
    return [each for each in found if isinstance(each, Reading) and each.local.port == port]


def a_socket(*, peer: str | None = "127.0.0.1", family: int = socket.AF_INET) -> socket.socket:
    """A UDP socket, connected unless there is no peer."""
    one = socket.socket(family, socket.SOCK_DGRAM)
    if peer is None:
        one.bind(("127.0.0.1", 0))
    else:
        one.connect((peer, 9))
    return one


def test_a_socket_is_told_once_with_its_peer_its_holder_and_unknown_bytes(
    table: udp_table.UdpTable,
) -> None:
    with a_socket() as one:
        port = one.getsockname()[1]
        (seen,) = told(table, port)
        again = told(table, port)
    assert (seen.protocol, seen.remote, seen.baseline) == ("udp", ("127.0.0.1", 9), False)
    assert seen.holder is not None
    assert (seen.holder.pid, seen.holder.confidence) == (os.getpid(), EXACT)
    assert (seen.received_bytes, seen.sent_bytes, seen.namespace) == (None, None, namespaces.own())
    assert again == []


def test_one_of_ipv6_is_told_too(table: udp_table.UdpTable) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here: switch it on in the kernel")
    with a_socket(peer="::1", family=socket.AF_INET6) as one:
        (seen,) = told(table, one.getsockname()[1])
    assert seen.remote == ("::1", 9)


def test_one_without_a_peer_is_not_told(table: udp_table.UdpTable) -> None:
    with a_socket(peer=None) as one:
        assert told(table, one.getsockname()[1]) == []


def test_one_that_was_there_before_is_told_as_such() -> None:
    with a_socket() as one:
        opened = udp_table.UdpTable("test", namespaces.own())
        (seen,) = told(opened, one.getsockname()[1])
        opened.close()
    assert seen.baseline


def test_one_that_is_gone_is_final_once(table: udp_table.UdpTable) -> None:
    with a_socket() as one:
        port = one.getsockname()[1]
        told(table, port)
    ends = told(table, port) + told(table, port) + told(table, port)
    assert [each.final for each in ends] == [True]


def test_one_of_a_process_nobody_pointed_at_is_told_without_a_holder() -> None:
    opened = udp_table.UdpTable("test", namespaces.own())
    with a_socket() as one:
        port = one.getsockname()[1]
        first = told(opened, port)
        opened.hurry(os.getpid())
        second = told(opened, port)
    opened.close()
    assert [each.holder for each in first] == [None]
    assert [each.holder.pid for each in second if each.holder] == [os.getpid()]


def test_one_that_was_passed_on_is_likely_and_the_childs(table: udp_table.UdpTable) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PASS_ON], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    port, child = int(parent.stdout.readline()), int(parent.stdout.readline())
    table.hurry(parent.pid)
    table.hurry(child)
    (seen,) = told(table, port)
    watching.end(parent)
    assert seen.holder is not None
    assert (seen.holder.pid, seen.holder.confidence) == (child, LIKELY)


def test_nothing_is_read_while_it_rests_nor_twice_within_its_period(
    table: udp_table.UdpTable,
) -> None:
    with a_socket() as one:
        port = one.getsockname()[1]
        table.rest()
        resting = told(table, port)
        table.hurry(os.getpid())
        woken = told(table, port)
        found: list[Event] = []
        with a_socket():
            table.read(found)
    assert (resting, len(woken), found) == ([], 1, [])
