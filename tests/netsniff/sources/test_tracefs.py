"""Asks this kernel's tracer who opens connections, as root, with real children."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import account
from tests.netsniff.sources import traced
from tests.netsniff.sources.traced import Told, child

if sys.platform != "linux":
    pytest.skip("needs a Linux kernel: run it on Linux", allow_module_level=True)
assert sys.platform == "linux"

from netsniff.sources import tracefs_instance  # noqa: E402 - Linux alone
from netsniff.sources.tracefs import TraceFs  # noqa: E402

pytestmark = [pytest.mark.linux, pytest.mark.root]

INSTANCES = Path("/sys/kernel/tracing/instances")
OPEN = f"""
import sys, time
sys.path.insert(0, {str(account.ROOT)!r})
from netsniff.sources.tracefs import TraceFs
made = TraceFs()
made.open()
print("open", flush=True)
time.sleep(60)
"""
PROBE = """
from netsniff.sources.tracefs import TraceFs
print(*TraceFs().probe())
"""


@pytest.fixture
def source() -> Iterator[TraceFs]:
    """One that is open, or skip with what it says of itself."""
    with traced.at_work(TraceFs()) as made:
        yield made


def ours(pid: int) -> list[Path]:
    """The tracers that a process has made."""
    return list(INSTANCES.glob(f"netsniff-{pid}-*"))


def test_connections_of_a_moment_are_told_with_cookie_and_process(source: TraceFs) -> None:
    pid, *cookies = child("""
said = []
for each in range(100):
    client, server = tcp()
    said.append(cookie(client))
    server.close()
    client.close()
say(*said)
""")
    told = Told(lambda: list(source.read()))
    last = [told.last(each) for each in cookies]
    assert {each.holder and each.holder.pid for each in last} == {pid}
    assert all((each.connect_ns or 0) > 0 for each in last)


def test_a_thread_is_told_as_its_process(source: TraceFs) -> None:
    told = Told(lambda: list(source.read()))
    with subprocess.Popen(
        [sys.executable, "-I", "-c", traced.HEAD + _THREAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        cookie = int(running.stdout.readline())
        deadline = time.monotonic() + traced.PATIENCE_S
        while not (seen := told.of(cookie)) and time.monotonic() < deadline:
            time.sleep(0.05)
        running.stdin.close()
    assert [(each.holder and each.holder.pid, each.final) for each in seen] == [
        (running.pid, False)
    ]


_THREAD = """
import threading
def run():
    ends = tcp()
    print(cookie(ends[0]), flush=True)
    sys.stdin.read()
threading.Thread(target=run).start()
"""


def test_closing_removes_the_tracer() -> None:
    source = TraceFs()
    if not source.probe().usable:
        pytest.skip("the tracer cannot be used here: see the first test of this file")
    source.open()
    during = len(ours(os.getpid()))
    source.close()
    assert (during, ours(os.getpid())) == (1, [])


def test_what_a_killed_one_has_left_is_removed_by_the_next() -> None:
    if not TraceFs().probe().usable:
        pytest.skip("the tracer cannot be used here: see the first test of this file")
    with subprocess.Popen([sys.executable, "-c", OPEN], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"open\n"
        running.kill()
    left = ours(running.pid)
    tracefs_instance.remove_left()
    assert (len(left), ours(running.pid)) == (1, [])


def test_what_others_trace_is_left_alone() -> None:
    if not TraceFs().probe().usable:
        pytest.skip("the tracer cannot be used here: see the first test of this file")
    before = (INSTANCES.parent / "set_event").read_text()
    source = TraceFs()
    source.open()
    during = (INSTANCES.parent / "set_event").read_text()
    source.close()
    assert during == before


def test_an_ordinary_user_is_told_who_may(second: account.Account) -> None:
    place = account.a_home(second)
    done = account.run_as(second, [second.python, "-c", PROBE], place.environ, cwd=second.checkout)
    assert done.stdout == "False only root may trace start it as root\n"


def test_in_a_process_namespace_it_says_that_it_would_name_wrong_processes() -> None:
    argv = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", PROBE]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=30, check=False, cwd=account.ROOT
    )
    assert done.stdout.startswith("False process ids of a container")
