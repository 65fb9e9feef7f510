"""Who holds a socket is found by looks at real processes."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from netsniff.sources import looks, search
from netsniff.sources.holders import EXACT, LIKELY, Hold, Stray
from tests import account

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

OPENS = """
import socket, sys
input()
kept = [socket.socket(*kind) for kind in ((1, 1), (2, 2), (2, 1))]
print(kept[-1].fileno(), flush=True)
input()
"""


@pytest.fixture(autouse=True)
def proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of looks.py are relative to /proc."""
    monkeypatch.chdir("/proc")


class Found(NamedTuple):
    """A search, and whom it told of."""

    search: search.Search
    told: list[tuple[Stray, Hold]]


def a_search(owner: int | None = None) -> Found:
    told: list[tuple[Stray, Hold]] = []
    return Found(search.Search(owner, lambda stray, hold: told.append((stray, hold))), told)


@contextlib.contextmanager
def a_child(code: str = OPENS, *, keep: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A process that goes on each time it is given a line, and has said so."""
    argv = [sys.executable, "-I", "-S", "-c", code]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, pass_fds=keep, text=True, bufsize=1, **pipes) as child:
        until = time.monotonic() + 5
        while "python" not in os.readlink(f"/proc/{child.pid}/exe") and time.monotonic() < until:
            time.sleep(0.001)
        yield child
        child.kill()


def opened(child: subprocess.Popen[str]) -> int:
    """Let it open its sockets; return the inode of the one of TCP."""
    assert child.stdin
    assert child.stdout
    child.stdin.write("\n")
    return looks.socket_at(child.pid, int(child.stdout.readline()))


def test_a_newborn_is_seen_with_its_first_tcp_socket_and_has_it_by_itself() -> None:
    found = a_search()
    with a_child() as child:
        now_ns = time.monotonic_ns()
        found.search.born(child.pid, 1, now_ns)
        inode = opened(child)
        found.search.look(now_ns + 24_000_000)
        holders = found.search.holders
        assert list(holders.waiting) == [inode]
        hold = holders.waiting[inode]
        born = looks.birth(child.pid)
        assert born is not None
        assert (hold.pid, hold.ticks, hold.confidence) == (child.pid, born[1], EXACT)


def test_the_next_of_its_program_is_looked_at_where_and_when_the_first_had_its_socket() -> None:
    found = a_search()
    with a_child() as child:
        found.search.born(child.pid, 1, 0)
        opened(child)
        found.search.look(24_000_000)
    with a_child() as child:
        found.search.born(child.pid, 1, 0)
        assert found.search.next_ns() == 16_000_000
        inode = opened(child)
        found.search.look(16_000_000)
        assert inode in found.search.holders.waiting


@pytest.mark.parametrize(("ago_ms", "confidence"), [(0, EXACT), (10_000, LIKELY)])
def test_who_was_there_before_the_socket_has_opened_it(ago_ms: int, confidence: int) -> None:
    """One that is younger may have got it from a parent that has closed it."""
    found = a_search()
    with a_child() as child:
        time.sleep(0.04)
        found.search.holders.complete_ns = time.monotonic_ns() - ago_ms * 1_000_000
        inode = opened(child)
        found.search.arrived(child.pid)
        found.search.holders.shown(inode, 5, b"m", 0)
        found.search.seek(0)
        (told,) = found.told
        assert (told[0].cookie, told[1].pid, told[1].confidence) == (5, child.pid, confidence)


def test_who_was_looked_at_before_it_had_the_socket_has_opened_it() -> None:
    found = a_search()
    with a_child() as child:
        found.search.arrived(child.pid)
        inode = opened(child)
        found.search.holders.shown(inode, 5, b"m", 0)
        found.search.seek(0)
        assert [(hold.pid, hold.confidence) for _, hold in found.told] == [(child.pid, EXACT)]


def test_what_was_known_of_an_earlier_process_of_that_number_proves_nothing() -> None:
    found = a_search()
    with a_child() as child:
        found.search.born(child.pid, 1, 1)
        inode = opened(child)
        found.search.look(24_000_000)
        assert found.search.holders.waiting[inode].confidence == LIKELY


def test_one_that_nobody_of_interest_holds_is_looked_for_everywhere_the_second_time() -> None:
    found = a_search()
    with socket.socket() as own:
        inode = looks.socket_at(os.getpid(), own.fileno())
        found.search.holders.shown(inode, 5, b"m", 0)
        found.search.seek(0)
        first = len(found.told)
        found.search.seek(20_000_000)
    assert (first, [hold.pid for _, hold in found.told]) == (0, [os.getpid()])


def test_all_processes_are_not_looked_at_all_the_time() -> None:
    found = a_search()
    for inode, at_ns in ((1, 0), (2, 1)):
        found.search.holders.shown(inode, 5, b"m", at_ns)
    found.search.seek(0)
    found.search.seek(20_000_000)
    with socket.socket() as own:
        inode = looks.socket_at(os.getpid(), own.fileno())
        found.search.holders.shown(inode, 5, b"m", 0)
        told = []
        for at_ns in (1, 20_000_002, 60_000_000_000):
            found.search.seek(at_ns)
            told.append(len(found.told))
    assert told == [0, 0, 1]


def test_one_that_was_inherited_belongs_to_the_first_of_its_line_and_is_not_certain() -> None:
    found = a_search()
    with socket.socket() as own, a_child("input()", keep=(own.fileno(),)) as child:
        inode = looks.socket_at(os.getpid(), own.fileno())
        found.search.arrived(child.pid)
        found.search.holders.shown(inode, 5, b"m", 0)
        found.search.seek(0)
    assert [(hold.pid, hold.confidence) for _, hold in found.told] == [(os.getpid(), LIKELY)]


HANDED = """
import array, os, socket
here, there = socket.socketpair()
input()
pid = os.fork()
if not pid:
    one = socket.socket()
    rights = array.array("i", [one.fileno()])
    there.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    os._exit(0)
_, handed, _, _ = here.recvmsg(1, 64)
os.waitpid(pid, 0)
print(array.array("i", handed[0][2])[0], flush=True)
input()
"""


def test_one_that_may_have_come_from_a_child_is_not_certain() -> None:
    found = a_search()
    with a_child(HANDED) as child:
        assert found.search.born(child.pid, 1, time.monotonic_ns())
        inode = opened(child)
        found.search.holders.shown(inode, 7, b"", time.monotonic_ns())
        found.search.seek(time.monotonic_ns())
        assert [(hold.pid, hold.confidence) for _, hold in found.told] == [(child.pid, LIKELY)]


def test_one_that_is_not_there_is_told_of_nobody() -> None:
    found = a_search()
    with a_child("input()") as child:
        found.search.born(child.pid, 1, 0)
        found.search.holders.shown(1, 5, b"m", 0)
        found.search.seek(0)
        found.search.seek(20_000_000)
    assert (found.told, found.search.holders.sought(20_000_001)) == ([], set())


def test_a_process_that_is_gone_is_looked_at_no_more() -> None:
    found = a_search()
    with a_child("input()") as child:
        found.search.born(child.pid, 1, 0)
    found.search.look(1_600_000)
    assert found.search.next_ns() is None
    assert not found.search.arrived(child.pid)


def test_another_users_process_is_of_no_interest() -> None:
    second = account.ordinary()
    with subprocess.Popen(["sleep", "60"], user=second.uid) as child:
        of_ours = a_search(os.geteuid()).search.arrived(child.pid)
        of_theirs = a_search(second.uid).search.arrived(child.pid)
        child.kill()
    assert (of_ours, of_theirs) == (False, True)


def test_a_thread_is_no_process() -> None:
    """It has a number like one, and a folder in /proc with the same descriptors."""
    over = threading.Event()
    one = threading.Thread(target=over.wait)
    one.start()
    told = [a_search().search.arrived(pid) for pid in (one.native_id or 0, os.getpid())]
    over.set()
    one.join()
    assert told == [False, True]


def test_only_tcp_sockets_are_told_from_their_descriptor() -> None:
    kinds = [(socket.AF_INET, 1), (socket.AF_INET6, 1), (socket.AF_INET, 2), (socket.AF_UNIX, 1)]
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.socket(*kind)) for kind in kinds]
        told = [looks.is_tcp(os.getpid(), each.fileno()) for each in made]
    assert told == [True, True, False, False]
    assert not looks.is_tcp(os.getpid(), 9999)


def test_a_process_with_brackets_in_its_name_is_read_all_the_same() -> None:
    named = "open('/proc/self/comm', 'w').write('a) R 1 (b'); print(0, flush=True); input()"
    with a_child(named) as child:
        assert child.stdout
        child.stdout.readline()
        born = looks.birth(child.pid)
    assert born is not None
    assert (born[0], born[2]) == (os.getpid(), b"a) R 1 (b")


def test_when_a_process_began_is_known_to_two_hundredths() -> None:
    before_ns = time.monotonic_ns()
    with a_child("input()") as child:
        after_ns = time.monotonic_ns()
        born = looks.birth(child.pid)
        assert born is not None
        earliest_ns, latest_ns = looks.began(born[1])
    assert (earliest_ns < after_ns, latest_ns > before_ns) == (True, True)
    assert latest_ns - earliest_ns == 20_000_000
