"""Who may capture and how little that gives: the locked filter, the launcher, the ambient set."""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsniff.capture import privilege
from netsniff.capture.filter import PROGRAM, packed
from tests import account
from tests import home as homes

assert sys.platform == "linux"

pytestmark = [pytest.mark.linux, pytest.mark.root]
ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "scripts/deploy/capture.c"
ATTACH, DETACH, LOCK = 26, 27, 44
# What an account runs: says whether it can, and what it hears of a hello it sends.
HEAR = """
import os, socket, sys
from netsniff.capture import Capture
from netsniff.sources.base import SourceError
from tests.netsniff.capture.hearing import heard
from tests.netsniff.names.hellos import a_hello
launcher = sys.argv[1] if len(sys.argv) > 1 else None
said = Capture(launcher).probe()
print(said.usable, said.reason, "/", said.remedy)
try:
    with heard(launcher) as helper, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(a_hello("launched.example"))
            helper.until(lambda _: [n for n in helper.names() if n.remote.port == port])
            print([n.name for n in helper.names() if n.remote.port == port])
        for line in open(f"/proc/{helper.capture.pid}/status"):
            if line.startswith(("CapEff", "CapPrm", "CapAmb", "NoNewPrivs")):
                print(line.split()[1])
except SourceError as error:
    print(error)
"""
HEARD = ["True  /", "['launched.example']", "0" * 16, "0" * 16, "0" * 16, "1"]


@pytest.fixture
def heard() -> Iterator[socket.socket]:
    """The helper's socket, in this process."""
    with privilege.packet_socket() as made:
        yield made


@pytest.fixture(scope="module")
def launcher() -> Iterator[Path]:
    """The launcher, built and given its capability, where the second account may run it."""
    for program, package in (("gcc", "gcc"), ("setcap", "libcap2-bin")):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install {package}")
    folder = Path(tempfile.mkdtemp(prefix="launcher-", dir="/var/tmp"))
    folder.chmod(0o755)
    built = folder / "ptywrap-capture"
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-o", str(built), str(SOURCE)], check=True)
    subprocess.run(["setcap", "cap_net_raw+ep", str(built)], check=True)
    yield built
    shutil.rmtree(folder)


def hear(*words: str | Path, rights: tuple[str, ...] = ()) -> list[str]:
    """The lines an ordinary account says that tries to capture."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv: install util-linux")
    who = account.ordinary()
    if not any(who.environment.glob("lib*/python3*/site-packages/scapy")):
        pytest.skip("the second account has no scapy: put the checkout where it can be read")
    become = ("setpriv", "--reuid", str(who.uid), "--regid", str(who.gid), "--clear-groups")
    home = account.a_home(who)
    done = subprocess.run(
        [*become, *rights, who.python, "-c", HEAR, *words],
        env={**home.environ, "PYTHONPATH": str(who.checkout)},
        cwd=who.checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    homes.close(home)
    assert done.stderr == ""
    return [line.strip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("option", "value"),
    [(DETACH, struct.pack("i", 0)), (LOCK, struct.pack("i", 0)), (ATTACH, b"")],
    ids=["detach", "unlock", "replace"],
)
def test_the_filter_cannot_be_changed_even_by_root(
    heard: socket.socket, option: int, value: bytes
) -> None:
    program = packed()
    room = ctypes.create_string_buffer(program, len(program))
    other = struct.pack("HL", len(PROGRAM), ctypes.addressof(room))
    with pytest.raises(PermissionError):
        heard.setsockopt(socket.SOL_SOCKET, option, value or other)


def test_the_kernel_keeps_the_filter_that_is_in_the_table(heard: socket.socket) -> None:
    again = privilege.adopted(os.dup(heard.fileno()))
    assert again.family == socket.AF_PACKET
    again.close()


def test_a_socket_with_no_filter_is_not_taken() -> None:
    bare = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    with bare, pytest.raises(privilege.Refused, match="build the launcher anew"):
        privilege.adopted(os.dup(bare.fileno()))


def test_an_account_without_the_right_is_told_what_would_help() -> None:
    assert hear() == [
        "False no packet socket: Operation not permitted / run as root, or start it with "
        "CAP_NET_RAW in the ambient set, or install the launcher of scripts/deploy/capture.c",
        "the capture helper cannot work: [Errno 1] Operation not permitted",
    ]


def test_an_account_hears_by_the_launcher_and_keeps_no_capability(launcher: Path) -> None:
    assert hear(launcher) == HEARD


def test_a_launcher_without_its_capability_is_told(launcher: Path) -> None:
    bare = launcher.with_name("bare")
    shutil.copyfile(launcher, bare)
    bare.chmod(0o755)
    said = hear(bare)
    assert (
        said[-1] == "the capture helper cannot work: the launcher: socket: Operation not permitted"
    )


def test_an_account_hears_by_the_ambient_set_and_the_helper_keeps_none() -> None:
    rights = ("--inh-caps", "-all,+net_raw", "--ambient-caps", "-all,+net_raw")
    assert hear(rights=rights) == HEARD


def alone(name: str, *words: str) -> list[str]:
    """What a module beside this one says in a network namespace of its own."""
    for program, package in (("ip", "iproute2"), ("unshare", "util-linux")):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install {package}")
    argv = ["unshare", "--net", sys.executable, "-m", f"tests.netsniff.capture.{name}", *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout.split()


def test_a_tunnel_s_packets_are_heard() -> None:
    if not Path("/dev/net/tun").exists():
        pytest.skip("no /dev/net/tun: load the module tun")
    assert alone("tunnel") == ["four.example", "six.example"]


def test_a_gigabyte_costs_nearly_nothing() -> None:
    """At most 10 packets and 0.02 s of CPU, none lost; the one that passes names the server."""
    taken, names, passed, lost, spent_ns = map(int, alone("gigabyte", str(1_000_000_000)))
    assert (taken, names, lost) == (1_000_000_000, 1, 0)
    assert passed <= 10
    assert spent_ns <= 20_000_000
