"""Checks of lifecycle backends on processes that live for a moment: asked of every backend."""

from ptywrap.lifecycle.base import Backend, Exit, Fork
from tests.conformance import watching

MOMENT = 0.35
"""Longer than three looks of the slowest backend."""


def a_child_that_lives_is_told_with_parent_identity_and_end(backend: Backend) -> None:
    """Parent, root and field 22 are right, and the end has the same identity."""
    story = watching.watch(
        backend,
        f"""
if not (pid := os.fork()):
    stat = open(f"/proc/{{os.getpid()}}/stat").read().rpartition(")")[2].split()
    say("child", os.getpid(), stat[19]); time.sleep({MOMENT}); os._exit(0)
os.waitpid(pid, 0)
""",
    )
    ((pid, ticks),) = story.values("child")
    (fork,) = story.forks(int(pid))
    assert (fork.ppid, fork.start_ticks, fork.root) == (story.root, int(ticks), story.root)
    assert [e.start_ticks for e in story.exits(int(pid))] == [int(ticks)]


def a_program_is_told_with_its_arguments(backend: Backend) -> None:
    """Blanks, empty words, other alphabets and bytes that are no text."""
    words = ["sh", "-c", f"sleep {MOMENT}; :", "a b", "", "ünï", b"\xff"]
    story = watching.watch(backend, f"os.waitpid(os.posix_spawn('/bin/sh', {words!r}, {{}}), 0)")
    told = [run.argv for fork in story.forks() for run in story.execs(fork.pid)]
    assert (*words[:-1], "\\xff") in told


def long_arguments_are_cut_and_marked(backend: Backend) -> None:
    """4096 bytes are kept, separators included."""
    words = ["sh", "-c", f"sleep {MOMENT}; :", "x" * 9000]
    story = watching.watch(backend, f"os.waitpid(os.posix_spawn('/bin/sh', {words!r}, {{}}), 0)")
    cut = [run for fork in story.forks() for run in story.execs(fork.pid) if run.argv_cut]
    assert [len("\0".join(run.argv or ())) for run in cut] == [4096]


def an_orphan_stays_below_the_root(backend: Backend) -> None:
    """It is told once, ends once, though its parent went before it and it left the session."""
    story = watching.watch(
        backend,
        f"""
if not (pid := os.fork()):
    if not os.fork():
        os.setsid(); say("orphan", os.getpid()); time.sleep({2 * MOMENT}); os._exit(0)
    time.sleep({MOMENT}); os._exit(0)
os.waitpid(pid, 0); time.sleep({MOMENT})
""",
    )
    (orphan,) = story.pids("orphan")
    assert [len(story.forks(orphan)), len(story.exits(orphan))] == [1, 1]


def every_process_is_born_once_before_all_else_and_ends_last(backend: Backend) -> None:
    """The order in which observers may rely on what is told of one process."""
    story = watching.watch(
        backend, f"os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'sleep {MOMENT}'], {{}}), 0)"
    )
    orders = {
        (type(told[0]), type(told[-1]), sum(isinstance(e, Fork) for e in told))
        for fork in [*story.forks(), *story.forks(story.root)]
        for told in [story.of(fork.pid)]
    }
    assert orders == {(Fork, Exit, 1)}


def threads_are_no_processes(backend: Backend) -> None:
    """Fifty threads are one birth."""
    story = watching.watch(
        backend,
        f"""
if not (pid := os.fork()):
    for _ in range(50): threading.Thread(target=time.sleep, args=({MOMENT},)).start()
    say("threaded", os.getpid()); time.sleep({2 * MOMENT}); os._exit(0)
os.waitpid(pid, 0)
""",
    )
    (threaded,) = story.pids("threaded")
    assert [e.pid for e in story.forks() + story.exits()] == [threaded, threaded]


def who_is_followed_late_is_told_with_those_below(backend: Backend) -> None:
    """A backend that starts after the process begins with what lives."""
    child = watching.start(
        "pid = os.posix_spawn('/bin/sleep', ['sleep', '2'], {}); say('below', pid)\n"
        "os.waitpid(pid, 0)"
    )
    try:
        watching.go(child)
        below = watching.number(child)
        watch = watching.Watch(backend)
        watch.follow(child.pid)
        watch.quiet(MOMENT)
        assert [e.pid for e in watch.events if isinstance(e, Fork)] == [child.pid, below]
    finally:
        watching.end(child)
        backend.close()


def a_root_inside_a_root_is_told_once_and_goes_back_to_the_outer_one(backend: Backend) -> None:
    """A run inside a session is one more root, and no second birth."""
    code = f"""
if not (pid := os.fork()):
    say("inner", os.getpid()); time.sleep({MOMENT})
    if not os.fork(): time.sleep({MOMENT}); os._exit(0)
    os.wait(); os._exit(0)
os.waitpid(pid, 0)
"""
    child = watching.start(code)
    try:
        watch = watching.Watch(backend)
        watch.follow(child.pid)
        watching.go(child)
        inner = watching.number(child)
        watch.until(lambda: any(getattr(e, "pid", 0) == inner for e in watch.events))
        watch.follow(inner)
        watch.until(lambda: sum(isinstance(e, Fork) for e in watch.events) == 3)
        backend.leave(inner)
        watch.until(watch.all_ended)
        assert [e.root for e in watch.events if isinstance(e, Fork)] == [child.pid] * 2 + [inner]
    finally:
        watching.end(child)
        backend.close()


def who_was_left_is_not_told_any_more(backend: Backend) -> None:
    """Two are followed, one is left: only the other one's end is told."""
    children = [watching.start("pass"), watching.start("pass")]
    try:
        watch = watching.Watch(backend)
        for child in children:
            watch.follow(child.pid)
        backend.leave(children[0].pid)
        for child in children:
            watching.go(child)
            child.wait()
        watch.quiet(MOMENT)
        assert [e.pid for e in watch.events if isinstance(e, Exit)] == [children[1].pid]
    finally:
        for child in children:
            watching.end(child)
        backend.close()


def strangers_and_the_dead_are_no_error_and_not_told(backend: Backend) -> None:
    """Beside one that is followed, neither a sibling nor a pid that is gone is told."""
    gone = watching.start("pass")
    watching.end(gone)
    children = [watching.start("pass"), watching.start(f"time.sleep({MOMENT})")]
    try:
        watch = watching.Watch(backend)
        watch.follow(gone.pid)
        watch.follow(children[1].pid)
        for child in children:
            watching.go(child)
            child.wait()
        watch.quiet(MOMENT)
        assert {e.pid for e in watch.events if isinstance(e, Fork | Exit)} == {children[1].pid}
    finally:
        for child in children:
            watching.end(child)
        backend.close()


CHECKS = (
    a_child_that_lives_is_told_with_parent_identity_and_end,
    a_program_is_told_with_its_arguments,
    long_arguments_are_cut_and_marked,
    an_orphan_stays_below_the_root,
    every_process_is_born_once_before_all_else_and_ends_last,
    threads_are_no_processes,
    who_is_followed_late_is_told_with_those_below,
    a_root_inside_a_root_is_told_once_and_goes_back_to_the_outer_one,
    who_was_left_is_not_told_any_more,
    strangers_and_the_dead_are_no_error_and_not_told,
)
