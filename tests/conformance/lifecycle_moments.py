"""Checks of lifecycle backends on statuses, arguments and processes of a moment, by promise."""

import os
from pathlib import Path

import pytest

from ptywrap.lifecycle.base import Backend, Exit, Fork, Promise
from tests.conformance import watching

MOMENT = 0.35


def every_exit_status_is_right(backend: Backend) -> None:
    """Codes, small and large."""
    story = watching.watch(
        backend,
        f"""
pids = []
for code in (0, 1, 3, 77, 127, 255):
    if not (pid := os.fork()): time.sleep({MOMENT}); os._exit(code)
    pids.append(pid)
for pid in pids: say("ended", pid, os.waitpid(pid, 0)[1])
""",
    )
    assert _told(story) == _true(story) != {}


def every_signal_is_right_with_its_core_flag(backend: Backend) -> None:
    """Signals that kill, with and without a core."""
    story = watching.watch(
        backend,
        f"""
import resource, tempfile
pids = []
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for number, core in ((15, 0), (9, 0), (11, 0), (6, -1), (2, 0), (1, 0)):
        if not (pid := os.fork()):
            resource.setrlimit(resource.RLIMIT_CORE, (core, core))
            if number != 9: signal.signal(number, signal.SIG_DFL)
            time.sleep({MOMENT}); os.kill(os.getpid(), number); time.sleep(9)
        pids.append(pid)
    for pid in pids: say("ended", pid, os.waitpid(pid, 0)[1])
""",
    )
    assert _told(story) == _true(story) != {}


def an_orphans_status_is_right(backend: Backend) -> None:
    """Nobody of ours reaps it."""
    story = watching.watch(
        backend,
        f"""
if not (pid := os.fork()):
    if not os.fork(): say("orphan", os.getpid()); time.sleep({2 * MOMENT}); os._exit(42)
    time.sleep({MOMENT}); os._exit(0)
os.waitpid(pid, 0); time.sleep({2 * MOMENT})
""",
    )
    (orphan,) = story.pids("orphan")
    assert [e.status for e in story.exits(orphan)] == [42 << 8]


def who_is_not_reaped_has_ended_all_the_same(backend: Backend) -> None:
    """The end is told while the process is a zombie."""
    child = watching.start(
        f"pid = os.fork()\nif not pid: time.sleep({MOMENT}); os._exit(9)\n"
        "say('zombie', pid); time.sleep(30)"
    )
    try:
        watch = watching.Watch(backend)
        watch.follow(child.pid)
        watching.go(child)
        zombie = watching.number(child)
        watch.until(lambda: any(isinstance(e, Exit) for e in watch.events))
        told = [(e.pid, e.status) for e in watch.events if isinstance(e, Exit)]
        assert (told, Path(f"/proc/{zombie}").exists()) == ([(zombie, 9 << 8)], True)
    finally:
        watching.end(child)
        backend.close()


def a_leader_that_goes_first_does_not_end_its_process(backend: Backend) -> None:
    """The status is that of the whole, and the end comes when the last thread goes."""
    story = watching.watch(
        backend,
        f"""
if not (pid := os.fork()):
    import ctypes
    threading.Thread(target=lambda: (time.sleep({2 * MOMENT}), os._exit(5))).start()
    time.sleep({MOMENT}); ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
os.waitpid(pid, 0); say("ended", pid, 5 << 8, time.monotonic_ns())
""",
    )
    ((pid, status, at),) = story.values("ended")
    (told,) = story.exits(int(pid))
    assert (told.status, abs(told.at - int(at)) < 200_000_000) == (int(status), True)


def two_hundred_children_of_one_moment_are_told_each(backend: Backend) -> None:
    """None is missing, none is made up, every status is right."""
    story = watching.watch(
        backend,
        """
for number in range(200):
    if not (pid := os.fork()): os._exit(number % 7)
    say("ended", pid, os.waitpid(pid, 0)[1])
""",
    )
    assert (len(story.forks()), _told(story)) == (200, _true(story))


def a_daemon_that_forks_twice_stays_below_the_root(backend: Backend) -> None:
    """Its parents are gone at once."""
    story = watching.watch(
        backend,
        """
if not (pid := os.fork()):
    os.setsid()
    if not os.fork():
        say("daemon", os.getpid()); os.execv("/bin/sh", ["sh", "-c", "sleep 0.2; exit 6"])
    os._exit(0)
os.waitpid(pid, 0)
""",
    )
    (daemon,) = story.pids("daemon")
    lines = {fork.pid: fork.ppid for fork in story.forks()}
    assert lines[lines[daemon]] == story.root
    assert [e.status for e in story.exits(daemon)] == [6 << 8]


def vfork_and_exec_are_a_birth_and_a_program(backend: Backend) -> None:
    """posix_spawn shares memory until the exec."""
    story = watching.watch(
        backend,
        """
for word in ("one", "two", "three"):
    pid = os.posix_spawn("/bin/true", ["true", word], {}); os.waitpid(pid, 0)
    say("spawned", pid)
""",
    )
    assert [fork.pid for fork in story.forks()] == story.pids("spawned")
    assert [len(story.execs(pid)) for pid in story.pids("spawned")] == [1, 1, 1]


def a_thread_that_calls_exec_does_not_end_its_process(backend: Backend) -> None:
    """The kernel ends the leader and gives its pid to the thread."""
    story = watching.watch(
        backend,
        """
if not (pid := os.fork()):
    run = lambda: os.execv("/bin/sh", ["sh", "-c", "exit 8"])
    threading.Thread(target=run).start(); time.sleep(9)
os.waitpid(pid, 0); say("ended", pid)
""",
    )
    (pid,) = story.pids("ended")
    told = [type(e).__name__ for e in story.of(pid) if type(e).__name__ != "Usage"]
    assert (told, [e.status for e in story.exits(pid)]) == (["Fork", "Exec", "Exit"], [8 << 8])


def who_was_born_before_it_was_followed_is_remembered(backend: Backend) -> None:
    """A backend at work knows the last births, the dead among them."""
    other = watching.start("time.sleep(9)")
    child = watching.start(
        "pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'exit 4'], {})\n"
        "os.waitpid(pid, 0); say('gone', pid); time.sleep(9)"
    )
    try:
        watch = watching.Watch(backend)
        watch.follow(other.pid)
        watching.go(child)
        gone = watching.number(child)
        watch.quiet(0.1)
        watch.follow(child.pid)
        watch.until(lambda: any(isinstance(e, Exit) for e in watch.events))
        told = [(e.pid, e.status) for e in watch.events if isinstance(e, Exit)]
        forks = [e.pid for e in watch.events if isinstance(e, Fork)]
        assert (told, forks) == ([(gone, 4 << 8)], [other.pid, child.pid, gone])
    finally:
        watching.end(child)
        watching.end(other)
        backend.close()


def a_pid_that_is_used_again_is_another_process(backend: Backend) -> None:
    """Both have their own identity and status; the kernel is told which pid to give next."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        pytest.skip("pids cannot be chosen: run the tests as root, with CONFIG_CHECKPOINT_RESTORE")
    story = watching.watch(
        backend,
        """
def child(code):
    if not (pid := os.fork()): time.sleep(0.05); os._exit(code)
    return pid
first = child(1); os.waitpid(first, 0)
for _ in range(200):
    with open("/proc/sys/kernel/ns_last_pid", "w") as file: file.write(str(first - 1))
    if (second := child(2)) == first: break
    os.waitpid(second, 0)
os.waitpid(second, 0); say("twice", first, second)
""",
    )
    ((first, second),) = story.values("twice")
    assert first == second
    told = [(e.status, e.start_ticks) for e in story.exits(int(first))]
    births = [e.start_ticks for e in story.forks(int(first))]
    assert (len(set(births)), [ticks for _, ticks in told]) == (2, births)
    assert [status for status, _ in told] == [1 << 8, 2 << 8]


def every_program_of_a_chain_has_its_own_arguments(backend: Backend) -> None:
    """Never those of the next; what is not known is None."""
    chain = ["sh", "-c", 'exec sh -c "exec env A=1 sh -c \\"exec sleep 0.2\\" deep" deeper']
    story = watching.watch(
        backend, f"pid = os.posix_spawn('/bin/sh', {chain!r}, {{}}); os.wait(); say('chain', pid)"
    )
    (pid,) = story.pids("chain")
    inner = 'exec env A=1 sh -c "exec sleep 0.2" deep'
    true = (
        tuple(chain),
        ("sh", "-c", inner, "deeper"),
        ("env", "A=1", "sh", "-c", "exec sleep 0.2", "deep"),
        ("sh", "-c", "exec sleep 0.2", "deep"),
        ("sleep", "0.2"),
    )
    told = [run.argv for run in story.execs(pid)]
    wrong = [argv for argv, right in zip(told, true, strict=True) if argv not in {right, None}]
    assert (wrong, told[-1]) == ([], true[-1])


def _told(story: watching.Story) -> dict[int, int | None]:
    return {e.pid: e.status for e in story.exits()}


def _true(story: watching.Story) -> dict[int, int]:
    return {int(pid): int(status) for pid, status in story.values("ended")}


CHECKS = {
    Promise.EXIT_STATUS: (
        every_exit_status_is_right,
        every_signal_is_right_with_its_core_flag,
        an_orphans_status_is_right,
        who_is_not_reaped_has_ended_all_the_same,
        a_leader_that_goes_first_does_not_end_its_process,
    ),
    Promise.SHORT_LIVED: (
        two_hundred_children_of_one_moment_are_told_each,
        a_daemon_that_forks_twice_stays_below_the_root,
        vfork_and_exec_are_a_birth_and_a_program,
        a_thread_that_calls_exec_does_not_end_its_process,
        who_was_born_before_it_was_followed_is_remembered,
        a_pid_that_is_used_again_is_another_process,
    ),
    Promise.ARGV: (every_program_of_a_chain_has_its_own_arguments,),
}
