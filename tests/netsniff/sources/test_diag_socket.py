"""Asks this kernel for sockets, and is told of those that die, with real connections."""

import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netsniff import diag_built as built

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources import diag, diag_message, diag_socket, loopback  # noqa: E402 - Linux alone

ROOT = Path(__file__).parents[3]


@pytest.fixture
def questions() -> Iterator[diag_socket.Questions]:
    """A socket to ask."""
    opened = diag_socket.Questions()
    yield opened
    opened.close()


@pytest.fixture
def connections() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connections of IPv4, IPv6 and IPv4 in IPv6, both ends each."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        hosts = ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.9") * 3
        made = [(socket.create_connection((host, port)), server.accept()[0]) for host in hosts]
    yield made
    for end in (end for pair in made for end in pair):
        end.close()


def asked(questions: diag_socket.Questions, bytecode: bytes = b"") -> list[diag_message.Told]:
    """All TCP connections that a filter accepts."""
    questions.ask(bytecode=bytecode)
    return answered(questions)


def answered(questions: diag_socket.Questions, protocol: int = 6) -> list[diag_message.Told]:
    """The whole answer."""
    found = []
    while (seen := questions.answer()) is not None:
        messages = [bytes(questions.view[begin:end]) for *_, begin, end in seen]
        found += [diag_message.told(message, protocol) for message in messages]
    return found


def ours(told: list[diag_message.Told], port: int) -> set[int]:
    """The cookies of those with this port at one of their ends: other tests connect, too."""
    return {
        each.cookie for each in told if port in {each.local.port, each.remote and each.remote.port}
    }


def test_a_dump_has_both_families_with_their_inodes_and_owner(
    questions: diag_socket.Questions, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    found = {each.inode: each for each in asked(questions)}
    inodes = {os.fstat(end.fileno()).st_ino for pair in connections for end in pair}
    assert inodes <= found.keys()
    assert {found[each].uid for each in inodes} == {os.getuid()}


def test_a_dump_of_one_family_has_that_one_alone(
    questions: diag_socket.Questions, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    questions.ask_family(diag.INET, diag.TCP)
    port = connections[0][1].getsockname()[1]
    clients_of_ipv4 = len([pair for pair in connections if pair[0].family == socket.AF_INET])
    assert len(ours(answered(questions), port)) == clients_of_ipv4


def test_a_dump_of_udp_has_the_peer_but_no_bytes(questions: diag_socket.Questions) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 9))
        questions.ask_family(diag.INET, diag.UDP, 1 << diag.ESTABLISHED)
        told = answered(questions, diag.UDP)
        (found,) = (each for each in told if each.inode == os.fstat(one.fileno()).st_ino)
    assert (found.protocol, found.remote, found.info) == ("udp", ("127.0.0.1", 9), None)


def test_an_answer_given_up_halfway_does_not_spoil_the_next(
    questions: diag_socket.Questions, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    questions.ask()
    port = connections[0][1].getsockname()[1]
    assert len(ours(asked(questions), port)) == 2 * len(connections)


def test_a_refused_question_is_an_error_and_the_next_one_is_answered(
    questions: diag_socket.Questions,
) -> None:
    questions.ask_family(socket.AF_APPLETALK, diag.TCP)
    with pytest.raises(OSError, match="No such file"):
        questions.answer()
    assert asked(questions) is not None


def conditions(port: int) -> list[tuple[bytes, ipaddress.IPv4Network | range | None]]:
    """Conditions on the peer, and what they mean."""
    found: list[tuple[bytes, ipaddress.IPv4Network | range | None]] = [
        (diag.remote_ports(port, port), range(port, port + 1)),
        (diag.remote_ports(port + 1, 0xFFFF), range(port + 1, 0x10000)),
        (diag.remote_network(bytes(15) + b"\1", 128), None),
    ]
    for text in ("127.0.0.0/8", "127.0.0.1/32", "127.1.0.0/16", "127.0.0.8/29", "10.0.0.0/8"):
        network = ipaddress.IPv4Network(text)
        packed = network.network_address.packed
        found.append((diag.remote_network(packed, network.prefixlen), network))
    return found


def meets(told: diag_message.Told, meaning: ipaddress.IPv4Network | range | None) -> bool:
    """Say whether a socket meets a condition."""
    assert told.remote is not None
    if meaning is None:
        return told.remote.address == "::1"
    if isinstance(meaning, range):
        return told.remote.port in meaning
    address = ipaddress.ip_address(told.remote.address)
    return address.version == 4 and address in meaning


def test_a_filter_in_the_kernel_leaves_what_filtering_afterwards_leaves(
    questions: diag_socket.Questions, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    port = connections[0][1].getsockname()[1]
    everything = [each for each in asked(questions) if each.cookie in ours(asked(questions), port)]
    for wanted, meant in conditions(port):
        for unwanted, not_meant in conditions(port):
            program = diag.accepting(all_of=(wanted,), none_of=(unwanted,))
            left = {e.cookie for e in everything if meets(e, meant) and not meets(e, not_meant)}
            assert ours(asked(questions, program), port) == left
    assert ours(asked(questions, diag.WITHOUT_LOOPBACK), port) == set()


def test_a_death_is_told_with_the_cookie_and_the_last_bytes() -> None:
    deaths = diag_socket.Deaths(diag_socket.TCP_GROUPS)
    made = loopback.pair()
    cookies = {made.client.cookie, made.server.cookie}
    made.close()
    told: dict[int, tuple[int | None, int | None]] = {}
    deadline = time.monotonic() + 5
    while cookies - told.keys() and time.monotonic() < deadline:
        for message in deaths.take():
            one = diag_message.told(message)
            told[one.cookie] = (diag_message.received(one), diag_message.sent(one))
        time.sleep(0.005)
    deaths.close()
    assert told[made.client.cookie or 0] == (4099, 1237)
    assert told[made.server.cookie or 0] == (1237, 4099)


@pytest.mark.root
@pytest.mark.parametrize("stalled", [1, 0])
def test_what_found_no_room_is_counted_exactly(stalled: int) -> None:
    """The storm runs in a network namespace of its own, where nobody else's sockets die."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare: install util-linux")
    argv = ["unshare", "--net", sys.executable, "-m", "tests.netsniff.sources.storm"]
    argv.append(str(stalled))
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    made, told, missed, again, in_table, after = map(int, done.stdout.split())
    assert told + missed == made
    assert (missed > 0) == bool(stalled)
    assert (again, in_table, after) == (0, missed, 30)


def test_the_column_of_drops_is_found_by_the_inode() -> None:
    assert diag_socket.drops_in(built.DROPS_TABLE, 15901) == 1834
    assert diag_socket.drops_in(built.DROPS_TABLE, 99) == 0


def test_connections_begun_and_accepted_count_but_not_attempts_that_failed() -> None:
    assert diag_socket.opened_in(built.SNMP_TABLE) == 1293


@pytest.mark.parametrize("table", [b"", b"Tcp: A\n", b"Tcp: ActiveOpens\nTcp: x\n"])
def test_a_table_without_them_is_refused_by_our_own_error(table: bytes) -> None:
    with pytest.raises(diag.Unreadable):
        diag_socket.opened_in(table)


def test_a_connection_counts_at_both_its_ends() -> None:
    before = diag_socket.opened()
    loopback.pair().close()
    assert diag_socket.opened() >= before + 2


def test_the_sockets_need_no_module_but_those_written_in_c() -> None:
    """The small process that uses them must stay small: neither typing nor enum nor socket."""
    code = (
        "import sys\n"
        "for name, folder in (('netsniff', sys.argv[1]), ('netsniff.sources', sys.argv[2])):\n"
        "    sys.modules[name] = type(sys)(name)\n"
        "    sys.modules[name].__path__ = [folder]\n"
        "before = set(sys.modules)\n"
        "import netsniff.sources.diag_socket\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    sources = Path(diag_socket.__file__).parent
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(
        [*argv, str(sources.parent), str(sources)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "_socket",
        "_struct",
        "errno",
        "netsniff.sources.diag",
        "netsniff.sources.diag_socket",
        "struct",
    ]


def test_a_buffer_is_granted_even_where_the_largest_is_not() -> None:
    deaths = diag_socket.Deaths(buffer_bytes=1 << 20)
    assert deaths.buffer_bytes == 2 << 20  # the kernel doubles it for its own needs
    deaths.close()
