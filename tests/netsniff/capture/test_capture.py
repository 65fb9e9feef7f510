"""The capture helper hears real packets on loopback and says names, its losses and its end."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR

from netsniff.model import Connection, Endpoint
from netsniff.names.book import Answer, Book
from netsniff.sources.base import SourceError
from tests.netsniff.capture.hearing import Heard, heard
from tests.netsniff.capture.servers import PAYLOAD, Server
from tests.netsniff.names import hellos
from tests.netsniff.names.initials import ONE, TWO, a_frame, padded, sealed

assert sys.platform == "linux"

pytestmark = [
    pytest.mark.linux,
    pytest.mark.root,
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl: install openssl"),
]
ROOT = Path(__file__).resolve().parents[3]
STARTER = """
import time
from tests.netsniff.capture.hearing import Heard
print(Heard().capture.pid, flush=True)
time.sleep(60)
"""
RESOLVER = ("127.0.53.1", 53)


@pytest.fixture(scope="module")
def helper() -> Iterator[Heard]:
    """One helper for all tests that only listen."""
    with heard() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A TLS server."""
    made = Server(tmp_path)
    yield made
    made.close()


def hosts(helper: Heard, connections: list[Connection]) -> list[Answer]:
    """What the book says of connections, once a hello was heard of each."""
    ports = {each.local_port for each in connections}
    remote = connections[0].remote_port
    helper.until(
        lambda _: (
            ports <= {n.local.port for n in helper.names() if n.local and n.remote.port == remote}
        )
    )
    book = Book()
    for name in helper.names():
        book.take(name)
    return [book.host(each, each.opened_ns or 0) for each in connections]


def say_answer(name: str, address: str, *more: DNSRR, times: int = 1) -> None:
    """Send an answer of DNS over loopback, as a resolver of this machine does."""
    answer = DNSRR(rrname=name, rdata=address, ttl=60)
    message = DNS(qr=1, qd=[DNSQR(qname=name)], an=[answer, *more])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        resolver.bind(RESOLVER)
        packet = bytes(message)
        for _ in range(times):
            resolver.sendto(packet, ("127.0.0.1", 9))


def test_two_names_on_one_address_are_told_apart(helper: Heard, server: Server) -> None:
    connections = [server.visit(name) for name in ("one.example", "two.example")]
    assert hosts(helper, connections) == [
        Answer("one.example", "sni"),
        Answer("two.example", "sni"),
    ]


def test_what_comes_before_the_helper_can_read_is_told_later_with_its_time(server: Server) -> None:
    helper = Heard(early=True)
    connection = server.visit("early.example")
    could_read = helper.capture.ready
    found = hosts(helper, [connection])
    at_ns = next(each.at_ns for each in helper.names() if each.name == "early.example")
    helper.capture.close()
    assert (could_read, found) == (False, [Answer("early.example", "sni")])
    assert at_ns <= (connection.closed_ns or 0) + 100_000_000


def test_a_hundred_connections_have_the_names_their_server_was_asked_for(
    helper: Heard, server: Server
) -> None:
    connections = [server.visit(f"host-{n}.example") for n in range(100)]
    found = {
        each.local_port: answer.host
        for each, answer in zip(connections, hosts(helper, connections), strict=True)
    }
    assert found == server.asked


def test_a_hello_cut_after_its_name_tells_it_and_cut_before_its_end_none(
    helper: Heard, server: Server
) -> None:
    hello = hellos.a_hello("cut.example")
    name = hello.index(b"cut.example")
    cuts = [name + len(b"cut.example"), name + 4, 30]
    found = hosts(helper, [server.say(hello[:cut], hello[cut:]) for cut in cuts])
    assert found == [Answer("cut.example", "sni"), Answer(None, None), Answer(None, None)]


@pytest.mark.parametrize("version", [ONE, TWO], ids=["version 1", "version 2"])
def test_initial_packets_of_quic_name_the_server_of_their_connection(
    helper: Heard, version: int
) -> None:
    message = hellos.a_message(f"quic-{version}.example")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        for number, (begin, end) in enumerate([(60, 600), (0, 60)]):
            frames = padded(a_frame(begin, message[begin:end]))
            client.sendto(sealed(frames, version, number=number), ("127.0.0.1", 443))
        ends = Endpoint("127.0.0.1", 443), Endpoint(*client.getsockname())
        helper.until(lambda _: [n for n in helper.names() if n.local == ends[1]])
    found = [(n.source, n.name, n.remote) for n in helper.names() if n.local == ends[1]]
    assert found == [("quic", f"quic-{version}.example", ends[0])]


def test_an_answer_of_a_resolver_on_loopback_is_heard(helper: Heard) -> None:
    say_answer("dns.example", "192.0.2.77")
    helper.until(lambda _: "dns.example" in {each.name for each in helper.names()})
    found = next(each for each in helper.names() if each.name == "dns.example")
    assert (found.source, found.remote) == ("dns", Endpoint("192.0.2.77", 0))


def test_no_payload_leaves_the_helper(server: Server) -> None:
    """What is in a packet beside a name is searched for in all that comes out of the pipe."""
    with heard() as helper:
        server.visit("visible.example")
        hello = hellos.a_made_message(
            hellos.an_extension(16, b"\x00\x07\x06canary"), hellos.a_server_name(b"made.example")
        )
        server.say(hellos.in_records(hello, []))
        say_answer("dns.example", "192.0.2.78", DNSRR(rrname="t", type="TXT", rdata=PAYLOAD))
        deadline = time.monotonic() + 10
        raw = b""
        while b"dns.example" not in raw and time.monotonic() < deadline:
            try:
                raw += os.read(helper.descriptor, 65536)
            except BlockingIOError:
                time.sleep(0.01)
    found = [word in raw for word in (b"visible.example", b"made.example", b"canary")]
    assert found == [True, True, False]


def test_the_helper_has_no_privilege_left(helper: Heard) -> None:
    text = Path(f"/proc/{helper.capture.pid}/status").read_text()
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    found = [status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")]
    assert (found, status["NoNewPrivs"]) == (["0" * 16] * 5, "1")


def test_the_helper_holds_its_pipe_and_its_socket_alone(helper: Heard) -> None:
    folder = Path(f"/proc/{helper.capture.pid}/fd")
    found = sorted(os.readlink(each).partition(":")[0] for each in folder.iterdir())
    assert found == ["/dev/null"] * 3 + ["pipe", "socket"]


def test_nobody_else_of_its_account_may_look_into_the_helper(helper: Heard) -> None:
    """Its memory and its descriptors are root's while the process is not dumpable."""
    folder = Path(f"/proc/{helper.capture.pid}")
    assert (folder / "auxv").stat().st_uid == 0
    with pytest.raises(PermissionError):
        os.setxattr(folder, "user.x", b"")


def test_a_helper_that_dies_is_told_and_can_be_begun_again(server: Server) -> None:
    with heard() as helper:
        os.kill(helper.capture.pid or 0, signal.SIGKILL)
        told = helper.ended()
        with pytest.raises(SourceError, match="the capture helper ended"):
            helper.capture.read()
        helper.capture.close()
        helper.descriptor = helper.capture.open()
        helper.until(lambda _: helper.capture.ready)
        found = hosts(helper, [server.visit("again.example")])
    assert (told, found) == ("the capture helper ended", [Answer("again.example", "sni")])
    first, second = helper.missed()
    assert (second.since_ns, second.reason) == (first.until_ns, told)
    assert second.until_ns > second.since_ns


def test_the_helper_ends_with_whoever_started_it() -> None:
    argv = [sys.executable, "-c", STARTER]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        helper = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    deadline = time.monotonic() + 10
    while _lives(helper) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _lives(helper)


def _lives(process: psutil.Process) -> bool:
    """Whether it runs: who reaps an orphan may take its time."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_nothing_is_left_when_it_is_closed() -> None:
    with heard() as helper:
        pid = helper.capture.pid or 0
    assert (psutil.pid_exists(pid), helper.capture.pid) == (False, None)


def test_what_found_no_room_is_told_as_missed() -> None:
    with heard() as helper:
        os.kill(helper.capture.pid or 0, signal.SIGSTOP)
        say_answer("flood.example", "192.0.2.79", times=8000)
        os.kill(helper.capture.pid or 0, signal.SIGCONT)
        helper.until(lambda _: helper.missed())
    missed = helper.missed()[0]
    assert (missed.number or 0) > 100
    assert missed._replace(number=None, since_ns=0, until_ns=0)[2:] == (
        None,
        "packets came faster than they were read",
        "capture",
    )
