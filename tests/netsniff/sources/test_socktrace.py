"""Traces real sockets of real children, as root: whose they are, and every byte of theirs."""

import socket
import sys
from collections.abc import Iterator

import pytest

from netsniff.model import Endpoint
from tests.netsniff.sources import traced
from tests.netsniff.sources.traced import Told, child

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources.socktrace import SockTrace  # noqa: E402 - Linux alone

pytestmark = [pytest.mark.linux, pytest.mark.root]


@pytest.fixture
def source() -> Iterator[SockTrace]:
    """One that is open, or skip with what it says of itself."""
    with traced.at_work(SockTrace()) as made:
        yield made


@pytest.fixture
def told(source: SockTrace) -> Told:
    """What it tells."""
    return Told(lambda: list(source.read()))


def test_a_datagram_socket_that_lived_a_moment_is_told_with_its_process(told: Told) -> None:
    pid, *cookies = child("""
said = []
for each in range(50):
    one = udp()
    one.sendto(b"x" * each, ("127.0.0.1", 9)) if each else one.sendto(b"", ("127.0.0.1", 9))
    said.append(cookie(one))
    one.close()
say(*said[1:])
""")
    last = [told.last(each) for each in cookies]
    assert [reading.sent_bytes for reading in last] == list(range(1, 50))
    assert {reading.holder and reading.holder.pid for reading in last} == {pid}


def test_a_socket_that_is_not_connected_is_told_with_whom_it_sent_to(told: Told) -> None:
    _, one, six, several = child("""
one, six, several = udp(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), udp()
for each in range(3):
    one.sendto(b"x", ("127.0.0.1", 9))
    six.sendto(b"x", ("::1", 9))
    several.sendto(b"x", ("127.0.0.1", 9 + each))
say(*map(cookie, (one, six, several)))
""")
    found = [told.last(each) for each in (one, six, several)]
    assert [each.remote for each in found] == [Endpoint("127.0.0.1", 9), Endpoint("::1", 9), None]
    assert [each.sent_bytes for each in found] == [3, 3, 3]


def test_what_was_only_looked_at_is_counted_once(told: Told) -> None:
    _, cookie = child("""
client, server = tcp()
server.sendall(b"x" * 5000)
client.recv(5000, socket.MSG_PEEK)
client.recv(3000, socket.MSG_PEEK)
left = 5000
while left:
    left -= len(client.recv(left))
say(cookie(client))
""")
    assert told.last(cookie).received_bytes == 5000


def test_an_error_that_brings_back_what_was_sent_is_not_received(told: Told) -> None:
    """MSG_ERRQUEUE returns the datagram that was refused."""
    _, cookie, errors = child("""
one = udp()
one.setsockopt(socket.IPPROTO_IP, 11, 1)
closed = udp()
closed.bind(("127.0.0.1", 0))
place = closed.getsockname()
closed.close()
one.connect(place)
one.send(b"x" * 300)
errors = 0
for each in range(100):
    try:
        errors = len(one.recvmsg(1000, 1000, socket.MSG_ERRQUEUE)[1])
        break
    except BlockingIOError:
        time.sleep(0.01)
say(cookie(one), errors)
""")
    assert errors == 1
    last = told.last(cookie)
    assert (last.sent_bytes, last.received_bytes) == (300, 0)


def test_what_is_read_after_the_connection_was_closed_is_counted(told: Told) -> None:
    """Both sides have said their end before this one reads: the kernel's socket is in CLOSE."""
    _, cookie = child("""
client, server = tcp()
client.shutdown(socket.SHUT_WR)
server.sendall(b"x" * 70_000)
server.close()
time.sleep(0.3)
left = 70_000
while left:
    left -= len(client.recv(left))
say(cookie(client))
""")
    last = told.last(cookie)
    assert (last.received_bytes, last.sent_bytes, last.final) == (70_000, 0, True)


def test_a_connection_that_was_reset_keeps_its_bytes(told: Told) -> None:
    _, here, there = child("""
client, server = tcp()
client.sendall(b"x" * 1000)
server.sendall(b"y" * 2000)
left = 2000
while left:
    left -= len(client.recv(left))
left = 1000
while left:
    left -= len(server.recv(left))
say(cookie(client), cookie(server))
server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
server.close()
""")
    ends = [told.last(here), told.last(there)]
    assert [(end.received_bytes, end.sent_bytes) for end in ends] == [(2000, 1000), (1000, 2000)]


def test_bytes_that_no_call_received_are_told_at_the_end(told: Told) -> None:
    """splice(2) moves them from the socket to a pipe within the kernel."""
    _, cookie = child("""
client, server = tcp()
server.sendall(b"x" * 20_000)
server.close()
ins, out = os.pipe()
left = 20_000
while left:
    moved = os.splice(client.fileno(), out, left)
    os.read(ins, moved)
    left -= moved
say(cookie(client))
""")
    assert told.last(cookie).received_bytes == 20_000


def test_a_connection_passed_on_stays_with_who_opened_it(told: Told) -> None:
    pid, cookie = child("""
client, server = tcp()
if os.fork() == 0:
    client.sendall(b"x" * 100)
    os._exit(0)
os.wait()
say(cookie(client))
""")
    last = told.last(cookie)
    assert (last.holder and last.holder.pid, last.sent_bytes) == (pid, 100)


def test_an_accepted_connection_belongs_to_who_first_used_it(told: Told) -> None:
    _, cookie, worker = child("""
client, server = tcp()
client.sendall(b"x" * 100)
worker = os.fork()
if worker == 0:
    server.recv(100)
    os._exit(0)
os.wait()
say(cookie(server), worker)
""")
    last = told.last(cookie)
    assert (last.holder and last.holder.pid, last.received_bytes) == (worker, 100)


def test_a_thread_is_told_as_its_process(told: Told) -> None:
    pid, cookie = child("""
import threading
def run():
    global client, server
    client, server = tcp()
thread = threading.Thread(target=run)
thread.start()
thread.join()
say(cookie(client))
""")
    holder = told.last(cookie).holder
    assert holder is not None
    assert holder.pid == pid


def test_a_process_is_told_with_its_name_and_parent_though_it_is_gone(told: Told) -> None:
    _, cookie, parent, name = child("""
client, server = tcp()
say(cookie(client), os.getppid(), open("/proc/self/comm").read().strip())
""")
    holder = told.last(cookie).holder
    assert holder is not None
    assert (holder.name, holder.parent) == (name, parent)


def test_a_connection_nobody_answers_is_told_with_its_process(told: Told) -> None:
    pid, cookie = child("""
one = socket.socket()
try:
    one.connect(("127.0.0.1", 1))
except ConnectionRefusedError:
    pass
say(cookie(one))
""")
    last = told.last(cookie)
    assert (last.holder and last.holder.pid, last.connect_ns) == (pid, None)


def test_a_connection_that_was_there_before_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    client.sendall(b"before")
    server.recv(6)
    source = SockTrace()
    if not source.probe().usable:
        pytest.skip("the tracer cannot be used here: see the first test of this file")
    source.open()
    client.sendall(b"since then")
    server.recv(10)
    seen = Told(lambda: list(source.read())).of(cookie_of(client))
    source.close()
    client.close()
    server.close()
    assert [(each.baseline, each.opened_ns is None, each.sent_bytes) for each in seen] == [
        (True, True, 10)
    ]


def test_a_socket_of_another_network_namespace_is_told_with_that(told: Told) -> None:
    _, cookie, namespace = child(
        """
loopback_up()
client, server = tcp()
client.sendall(b"x")
say(cookie(client), os.stat("/proc/self/ns/net").st_ino)
""",
        *("unshare", "--net"),
    )
    last = told.last(cookie)
    assert (last.namespace, last.sent_bytes) == (namespace, 1)


def cookie_of(one: socket.socket) -> int:
    """The kernel's cookie of a socket of ours."""
    return int.from_bytes(one.getsockopt(socket.SOL_SOCKET, 57, 8), sys.byteorder)
