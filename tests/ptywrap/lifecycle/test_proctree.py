"""Reading /proc: right on real processes, and silent on anything that is no stat file."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import clock
from ptywrap.lifecycle import proctree
from ptywrap.lifecycle.base import ARGV_BYTES

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

FIELDS = "S 1 2 3 4 5 64 7 8 9 10 11 12 13 14 15 16 1 18 19" + " 0" * 30


def test_a_name_may_hold_anything() -> None:
    seen = proctree.parse(f"42 (a) b (c\n) {FIELDS}".encode())
    assert seen is not None
    assert (seen.pid, seen.name, seen.ppid, seen.start_ticks) == (42, "a) b (c\n", 1, 19)


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    proctree.parse(data)


@given(st.text(alphabet="0123456789 ()SZR-+", max_size=400))
def test_nothing_like_a_stat_file_raises(text: str) -> None:
    proctree.parse(text.encode())


def test_a_living_process_is_as_psutil_says() -> None:
    seen = proctree.stat(os.getpid())
    assert seen is not None
    me = psutil.Process()
    assert (seen.ppid, seen.name, seen.threads) == (me.ppid(), me.name(), me.num_threads())
    assert not seen.ended


def test_start_ticks_and_monotonic_time_turn_into_each_other() -> None:
    ticks = proctree.ticks_at(clock.monotonic_ns())
    assert abs(proctree.ticks_at(proctree.started_at(ticks)) - ticks) <= 1


def test_a_process_born_now_starts_at_the_tick_of_now() -> None:
    before = proctree.ticks_at(clock.monotonic_ns())
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        seen = proctree.stat(child.pid)
    assert seen is not None
    assert before <= seen.start_ticks <= proctree.ticks_at(clock.monotonic_ns())


def test_a_zombie_has_ended_with_its_status() -> None:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 7"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = proctree.stat(pid)
    os.waitpid(pid, 0)
    assert seen is not None
    assert (seen.ended, seen.status) == (True, 7 << 8)


def test_who_is_gone_is_none() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    found = (proctree.stat(pid), proctree.children(pid), proctree.link(pid, "exe"))
    assert (found, proctree.argv(pid)) == ((None, None, None), (None, False))


def test_descendants_come_parents_first() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "sh -c 'cat; :'; :"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        for _ in range(200):
            found = proctree.descendants(child.pid)
            if [seen.name for seen in found] == ["sh", "sh", "cat"]:
                break
            time.sleep(0.01)
    assert [seen.ppid for seen in found] == [os.getpid(), found[0].pid, found[1].pid]


def test_a_walk_meets_us_and_our_parent() -> None:
    assert {os.getpid(), os.getppid()} <= proctree.walk().keys()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ls\0-l\0", ("ls", "-l")),
        (b"ls\0\0", ("ls", "")),
        (b"nginx: worker", ("nginx: worker",)),
        (b"a\xff\0", ("a\\xff",)),
        (b"\0", ("",)),
    ],
)
def test_arguments_are_taken_apart(data: bytes, words: tuple[str, ...]) -> None:
    assert proctree.split(data) == words


def test_a_cut_inside_a_letter_leaves_no_half_of_it() -> None:
    data = b"x" * (ARGV_BYTES - 1) + "ü".encode()
    assert proctree.split(data) == ("x" * (ARGV_BYTES - 1),)


@given(st.binary(max_size=ARGV_BYTES + 1))
def test_arguments_are_always_text_that_can_be_written(data: bytes) -> None:
    text = "\0".join(proctree.split(data))
    assert text.encode("utf-8").decode("utf-8") == text


def test_the_arguments_of_a_child_are_its_own() -> None:
    words = [sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1)", "a b", ""]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as child:
        for _ in range(100):
            argv = proctree.argv(child.pid)
            if argv[0]:
                break
            time.sleep(0.01)
    assert argv == (tuple(words), False)
