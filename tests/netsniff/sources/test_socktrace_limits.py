"""Stops, starves and forbids the tracer: it says what it cannot do, and leaves nothing behind."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsniff.sources.base import Promise
from tests import account
from tests.netsniff.sources import traced
from tests.netsniff.sources.traced import Told, child

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources import bpf_kernel  # noqa: E402 - Linux alone
from netsniff.sources.socktrace import SockTrace  # noqa: E402 - Linux alone

pytestmark = [pytest.mark.linux, pytest.mark.root]

PROBE = """
import sys
from netsniff.sources.socktrace import SockTrace
print(*SockTrace().probe())
"""


@pytest.fixture
def usable() -> Iterator[SockTrace]:
    """One that can be used and is not open, or skip with what it says of itself."""
    made = SockTrace()
    probe = made.probe()
    if not probe.usable:
        pytest.skip(f"{probe.reason}: {probe.remedy}")
    yield made
    made.close()


def test_sockets_that_find_no_room_are_counted_one_by_one(usable: SockTrace) -> None:
    assert usable.probe().usable
    source = SockTrace(room=64)
    source.open()
    _, *cookies = child("""
kept = []
for each in range(500):
    one = udp()
    one.sendto(b"x", ("127.0.0.1", 9))
    one.sendto(b"x", ("127.0.0.1", 9))
    kept.append(one)
say(*map(cookie, kept))
""")
    told = Told(lambda: list(source.read()))
    missing = sum(each.number or 0 for each in told.missed())
    seen = sum(bool(told.of(cookie)) for cookie in cookies)
    source.close()
    assert seen <= 64
    assert missing >= 500 - seen


def test_a_socket_that_ends_rings_before_it_is_time(usable: SockTrace) -> None:
    descriptor = usable.open()
    assert descriptor is not None
    list(usable.read())
    _, cookie = child("client, server = tcp(); say(cookie(client))")
    assert select.select([descriptor], [], [], 0.5)[0] == [descriptor]
    assert Told(lambda: list(usable.read())).last(cookie).final


def test_at_rest_nothing_is_lost(usable: SockTrace) -> None:
    usable.open()
    usable.rest()
    _, cookie = child("client, server = tcp(); client.sendall(b'x'); say(cookie(client))")
    usable.hurry(os.getpid())
    assert Told(lambda: list(usable.read())).last(cookie).sent_bytes == 1


def test_at_rest_what_ended_long_ago_is_thrown_away_and_told_nobody(usable: SockTrace) -> None:
    usable.open()
    usable.rest()
    _, *cookies = child("""
ends = [tcp() for each in range(20)]
say(*(cookie(client) for client, _ in ends))
""")
    time.sleep(1.1)
    told = Told(lambda: list(usable.read()))
    during = [each for cookie in cookies for each in told.of(cookie)]
    usable.hurry(os.getpid())
    assert during == [each for cookie in cookies for each in told.of(cookie)] == []


def test_a_kernel_that_tells_no_sends_and_receives_still_tells_whose_and_in_the_end_how_much(
    usable: SockTrace,
) -> None:
    """So are kernels before 6.3."""
    assert usable.probe().usable
    kernel = bpf_kernel.kernel()
    known = {name: each for name, each in kernel.numbers.items() if not name.endswith("_length")}
    source = SockTrace(kernel=kernel._replace(numbers=known))
    assert source.probe().usable
    source.open()
    pid, cookie = child("""
client, server = tcp()
client.sendall(b"x" * 300)
server.recv(300, socket.MSG_WAITALL)
server.sendall(b"x" * 70_000)
client.recv(70_000, socket.MSG_WAITALL)
server.close()
say(cookie(client))
""")
    last = Told(lambda: list(source.read())).last(cookie)
    promises = source.promises
    source.close()
    assert (last.holder and last.holder.pid, last.sent_bytes) == (pid, 300)
    assert last.received_bytes == 70_000
    assert Promise.UDP_BYTES not in promises


def test_without_control_groups_a_datagram_socket_is_over_when_its_process_is_gone() -> None:
    """Nothing tells that it was closed."""
    text = f"""
import json, subprocess, sys, time
sys.path.insert(0, {str(account.ROOT)!r})
from netsniff.sources.socktrace import SockTrace
from tests.netsniff.sources.traced import Told, child
source = SockTrace(idle_ns=1)
assert source.probe().usable, source.probe()
source.open()
_, cookie = child('one = udp(); one.sendto(b"x" * 10, ("127.0.0.1", 9)); say(cookie(one))')
last = Told(lambda: list(source.read())).last(cookie)
print(json.dumps([last.sent_bytes, open("/proc/self/mounts").read().count(" cgroup2 ")]))
"""
    script = (
        'for each in $(grep " cgroup2 " /proc/mounts | cut -d" " -f2); do umount -l $each; done'
    )
    argv = ["unshare", "--mount", "sh", "-c", script + '; exec "$@"', "sh"]
    done = subprocess.run(
        [*argv, sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[10, 0]\n", done.stderr


def test_what_is_killed_leaves_no_program_in_the_kernel(usable: SockTrace) -> None:
    """Programs live as long as a descriptor of theirs."""
    assert usable.probe().usable
    text = f"import time, sys; sys.path.insert(0, {str(account.ROOT)!r})\n" + (
        "from netsniff.sources.socktrace import SockTrace\n"
        "made = SockTrace(); made.open(); print('open', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"open\n"
        held = _programs(running.pid)
        running.kill()
    deadline = time.monotonic() + traced.PATIENCE_S
    while held & _loaded() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(held) >= 6
    assert not held & _loaded()


def test_an_ordinary_user_is_told_who_may(second: account.Account) -> None:
    place = account.a_home(second)
    done = account.run_as(second, [second.python, "-c", PROBE], place.environ, cwd=second.checkout)
    assert done.stdout.startswith("False only root may load programs into the kernel")
    assert "start it as root" in done.stdout


def test_in_a_process_namespace_it_says_that_it_would_name_wrong_processes() -> None:
    argv = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", PROBE]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=30, check=False, cwd=account.ROOT
    )
    assert done.stdout.startswith("False a connection of ours was told with a wrong process")


def test_a_private_network_without_loopback_is_no_obstacle() -> None:
    argv = ["unshare", "--net", sys.executable, "-c", PROBE]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=30, check=False, cwd=account.ROOT
    )
    assert done.stdout.split()[:1] == ["True"], done


def _programs(pid: int) -> set[str]:
    """The numbers of the BPF programs that a process holds (proc_pid_fdinfo(5))."""
    found = set()
    for each in Path(f"/proc/{pid}/fdinfo").iterdir():
        lines = dict(
            line.split(":\t", 1) for line in each.read_text().splitlines() if ":\t" in line
        )
        if "prog_type" in lines:
            found.add(lines["prog_id"])
    return found


def _loaded() -> set[str]:
    """Those of all programs that any process holds."""
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found |= _programs(int(process.name))
        except OSError:
            continue
    return found
