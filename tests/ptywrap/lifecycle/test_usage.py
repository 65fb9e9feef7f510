"""What processes used: against wait4, and never more than one source for a number."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ptywrap import lifecycle
from ptywrap.lifecycle import pidfds, proctree, usage

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

BURN = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass"
PARENT = f"""
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", {BURN!r}], {{}})
_, status, used = os.wait4(pid, 0)
print(used.ru_utime + used.ru_stime, flush=True)
sys.stdin.read(1)
"""


def test_totals_of_a_shell_are_what_it_reaped() -> None:
    words = [sys.executable, "-I", "-S", "-c", PARENT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        before = lifecycle.totals(child.pid)
        assert child.stdout is not None
        spent_ns = float(child.stdout.readline()) * 1e9
        after = lifecycle.totals(child.pid)
    assert before is not None
    assert after is not None
    told_ns = after.child_user_ns + after.child_sys_ns
    assert before.child_user_ns == 0
    # Two clocks in steps of one tick.
    assert abs(told_ns - spent_ns) <= 2 * proctree.TICK_NS


def test_totals_count_the_bytes_children_wrote(tmp_path: Path) -> None:
    if not _is_on_disk(tmp_path):
        pytest.skip("the temporary folder is in memory: set TMPDIR to one on a disk")
    code = f"head -c 3000000 /dev/zero >{tmp_path}/file; sync {tmp_path}/file; echo; read end"
    with subprocess.Popen(["/bin/sh", "-c", code], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        told = lifecycle.totals(child.pid)
    if told is None or told.write_bytes is None:
        pytest.skip("the kernel keeps no bytes: it needs CONFIG_TASK_IO_ACCOUNTING")
    assert told.write_bytes >= 3_000_000


def _is_on_disk(folder: Path) -> bool:
    done = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, check=True)
    return done.stdout.strip() not in {b"tmpfs", b"ramfs", b"overlayfs"}


def test_a_look_at_a_living_process_is_a_lower_bound() -> None:
    used = lifecycle.look(os.getpid())
    assert used is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert (used.source, used.completeness) == ("look", "sampled")
    assert abs((used.peak_rss_bytes or 0) - peak) < 4 << 20


def test_a_zombie_tells_its_time_but_no_peak() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", BURN], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = proctree.stat(pid)
    assert seen is not None
    used = usage.zombie(seen, childless=True)
    _, _, true = os.wait4(pid, 0)
    assert used is not None
    told_ns = (used.user_ns or 0) + (used.sys_ns or 0)
    assert abs(told_ns - (true.ru_utime + true.ru_stime) * 1e9) <= 2 * proctree.TICK_NS
    assert (used.peak_rss_bytes, used.source, used.completeness) == (None, "zombie", "raced")


def test_bytes_of_a_zombie_that_had_children_are_not_taken() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = proctree.stat(pid)
    assert seen is not None
    used = usage.zombie(seen, childless=False)
    os.waitpid(pid, 0)
    assert used is not None
    assert (used.read_bytes, used.write_bytes) == (None, None)


def test_who_is_gone_used_nothing_that_is_known() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    assert (lifecycle.look(pid), lifecycle.totals(pid)) == (None, None)


def test_a_held_process_tells_its_status_after_it_was_reaped() -> None:
    if not pidfds.tells():
        pytest.skip("the kernel forgets the status of who was reaped: Linux 6.15 or newer keeps it")
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "kill -9 $$"], {})
    held = pidfds.hold(pid)
    assert held is not None
    os.waitpid(pid, 0)
    told = pidfds.status(held)
    os.close(held)
    assert told == 9


def test_an_unreaped_process_tells_its_status_by_its_entry_not_by_the_descriptor() -> None:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], {})
    held = pidfds.hold(pid)
    assert held is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = proctree.stat(pid)
    assert seen is not None
    told = (pidfds.status(held), pidfds.ending(held, pid, seen.start_ticks))
    os.waitpid(pid, 0)
    os.close(held)
    assert told == (None, 5 << 8)


def test_a_look_at_one_thread_tells_more_than_ticks() -> None:
    used = lifecycle.look(os.getpid())
    assert used is not None
    before = time.process_time_ns()
    told_ns = (used.user_ns or 0) + (used.sys_ns or 0)
    assert 0 < told_ns <= before
    assert before - told_ns < 50_000_000


def test_what_schedstat_adds_is_less_than_two_ticks_and_goes_to_both_kinds() -> None:
    tick = proctree.TICK_NS
    told = [
        usage.precise(0, 0, 5_000_000),
        usage.precise(3, 1, 4 * tick + 8_000),
        usage.precise(3, 1, 4 * tick - 1),
        usage.precise(3, 1, 9 * tick),
        usage.precise(3, 1, None),
    ]
    whole = (3 * tick, tick)
    assert told == [(2_500_000, 2_500_000), (whole[0] + 5_600, whole[1] + 2_400), *[whole] * 3]


def test_bytes_of_a_living_process_are_not_its_childrens(tmp_path: Path) -> None:
    if not _is_on_disk(tmp_path):
        pytest.skip("the temporary folder is in memory: set TMPDIR to one on a disk")
    code = f"head -c 3000000 /dev/zero >{tmp_path}/file; sync {tmp_path}/file; echo; read end"
    with subprocess.Popen(["/bin/sh", "-c", code], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        own, children = lifecycle.look(child.pid), lifecycle.reaped(child.pid)
    if own is None or children is None or children.write_bytes is None:
        pytest.skip("the kernel keeps no bytes: it needs CONFIG_TASK_IO_ACCOUNTING")
    # The shell itself made the file: a page or two of the folder's may be its own.
    assert own.write_bytes is not None
    assert own.write_bytes < 100_000
    assert children.write_bytes >= 3_000_000


def test_what_was_reaped_is_told_with_who_was_not() -> None:
    code = "import os, sys, time\npid = os.fork() or sys.stdin.read(1) and os._exit(0)\n"
    code += "print(pid, flush=True)\ntime.sleep(60)"
    words = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        told = lifecycle.reaped(child.pid)
        child.stdin.write(b"x")
        child.stdin.flush()
        child.kill()
    assert told is not None
    assert (told.unreaped, told.user_ns) == (frozenset({grandchild}), 0)


def test_who_was_reaped_is_not_buried_any_more() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    seen = proctree.stat(pid)
    assert seen is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    unreaped = lifecycle.buried(pid, seen.start_ticks)
    another = lifecycle.buried(pid, seen.start_ticks + 1)
    os.waitpid(pid, 0)
    assert unreaped is not None
    assert (another, lifecycle.buried(pid, seen.start_ticks)) == (None, None)
