"""What the process connector does when events were lost: one gap, and members as /proc has them."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ptywrap.lifecycle import connector_socket, proc_connector
from ptywrap.lifecycle.base import Event, Exit, Fork, Gap
from tests.conformance import watching

assert sys.platform == "linux"

pytestmark = pytest.mark.linux

STORM = """
os.setsid()
early = [os.posix_spawn('/bin/sh', ['sh', '-c', 'sleep 2; exit 9'], {}) for _ in range(5)]
stay = [os.posix_spawn('/bin/sleep', ['sleep', '60'], {}) for _ in range(5)]
say('early', *early); say('stay', *stay)
end = time.monotonic() + 3.5; forks = 0
while time.monotonic() < end:
    if not (pid := os.fork()): os._exit(0)
    os.waitpid(pid, 0); forks += 1
    if time.monotonic() > end - 3.5 / 2 and len(stay) == 5:
        stay.append(os.posix_spawn('/bin/sleep', ['sleep', '61'], {})); say('late', stay[-1])
        if not (pid := os.fork()):
            say('orphan', os.posix_spawn('/bin/sleep', ['sleep', '62'], {})); os._exit(0)
        os.waitpid(pid, 0)
say('forks', forks)
for pid in early: os.waitpid(pid, 0)
time.sleep(60)
"""


@contextlib.contextmanager
def tight_watch() -> Iterator[watching.Watch]:
    """Open a connector whose socket holds little, so that any storm overruns it."""
    backend = proc_connector.ProcConnector()
    probe = backend.probe()
    if not probe.usable:
        pytest.skip(f"{probe.reason}: {probe.remedy}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector_socket, "_BUFFER_BYTES", 200_000)
        watch = watching.Watch(backend)
    yield watch
    backend.close()


@pytest.fixture
def watch() -> Iterator[watching.Watch]:
    """Yield a connector that follows nobody yet."""
    with tight_watch() as watch:
        yield watch


def reader_pid(watch: watching.Watch) -> int:
    """The reader child of a watch."""
    assert isinstance(watch.backend, proc_connector.ProcConnector)
    assert watch.backend.reader is not None
    return watch.backend.reader.pid


def members(watch: watching.Watch) -> set[int]:
    """Who the backend thinks is alive."""
    assert isinstance(watch.backend, proc_connector.ProcConnector)
    return set(watch.backend._members.living)


class Storm(NamedTuple):
    """What a watch told whose reader was stopped for three seconds of a storm, and the truth."""

    root: int
    events: list[Event]
    members: set[int]
    truth: dict[str, list[int]]


@pytest.fixture(scope="module")
def storm() -> Iterator[Storm]:
    """Yield one storm, looked at by several tests."""
    child = watching.start(STORM)
    try:
        with tight_watch() as watch:
            watch.follow(child.pid)
            watching.go(child)
            watch.quiet(0.3)
            os.kill(reader_pid(watch), signal.SIGSTOP)
            watch.quiet(3)
            os.kill(reader_pid(watch), signal.SIGCONT)
            watch.until(lambda: any(isinstance(e, Gap) for e in watch.events))
            truth = {}
            while "forks" not in truth:
                assert child.stdout is not None
                word, *numbers = child.stdout.readline().split()
                truth[word.decode()] = [int(number) for number in numbers]
            watch.quiet(0.5)
            yield Storm(child.pid, watch.events, members(watch), truth)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        watching.end(child)


def test_a_stopped_reader_costs_one_gap(storm: Storm) -> None:
    gaps = [e for e in storm.events if isinstance(e, Gap)]
    lost = storm.truth["forks"][0] - sum(isinstance(e, Fork) for e in storm.events)
    assert len(gaps) == 1
    # Each lost process is a fork and an exit at least.
    assert (gaps[0].missed or 0) >= 2 * lost > 0


def test_a_gap_leaves_no_stale_member_and_misses_no_living_one(storm: Storm) -> None:
    living = {storm.root, *storm.truth["stay"], *storm.truth["late"], *storm.truth["orphan"]}
    assert storm.members == living


def test_who_ended_in_a_gap_has_the_status_that_was_held(storm: Storm) -> None:
    early = set(storm.truth["early"])
    ended = {e.pid: e.status for e in storm.events if isinstance(e, Exit) and e.pid in early}
    assert ended == dict.fromkeys(early, 9 << 8)


def test_who_was_born_in_a_gap_is_a_sample_even_as_an_orphan(storm: Storm) -> None:
    late = {*storm.truth["late"], *storm.truth["orphan"]}
    born = {e.pid: e for e in storm.events if isinstance(e, Fork) and e.pid in late}
    told = {pid: (e.completeness, e.root) for pid, e in born.items()}
    assert told == dict.fromkeys(late, ("sampled", storm.root))


PASSED = """
for _ in range(1500):
    if not (pid := os.fork()): os._exit(0)
    os.waitpid(pid, 0)
say('over')
time.sleep(60)
"""


def test_what_was_lost_is_counted_when_its_cpus_are_silent_since(watch: watching.Watch) -> None:
    child = watching.start(PASSED)
    try:
        watch.follow(child.pid)
        watch.quiet(0.1)
        os.kill(reader_pid(watch), signal.SIGSTOP)
        watching.go(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"over\n"
        os.kill(reader_pid(watch), signal.SIGCONT)
        assert watch.until(lambda: any(isinstance(e, Gap) for e in watch.events))
        (gap,) = [e for e in watch.events if isinstance(e, Gap)]
        lost = 1500 - sum(isinstance(e, Fork) and e.pid != child.pid for e in watch.events)
        assert "silent" not in gap.reason
        assert (gap.missed or 0) >= 2 * lost > 0
    finally:
        os.kill(child.pid, signal.SIGKILL)
        watching.end(child)


def test_a_killed_reader_is_started_again_and_costs_one_gap(watch: watching.Watch) -> None:
    child = watching.start(
        "for code in range(60):\n"
        "    if not (pid := os.fork()): os._exit(code)\n"
        "    os.waitpid(pid, 0); say('ended', pid, code << 8); time.sleep(0.02)"
    )
    try:
        watch.follow(child.pid)
        watching.go(child)
        watch.quiet(0.4)
        before = reader_pid(watch)
        os.kill(before, signal.SIGKILL)
        watch.until(lambda: any(isinstance(e, Exit) and e.pid == child.pid for e in watch.events))
        watch.until(lambda: any(isinstance(e, Gap) for e in watch.events))
        gaps = [e for e in watch.events if isinstance(e, Gap)]
        told = {e.pid: e.status for e in watch.events if isinstance(e, Exit)}
        true = {int(pid): int(status) for _, pid, status in watching.said(child)}
        wrong = {pid for pid in told.keys() & true.keys() if told[pid] not in {true[pid], None}}
        assert (reader_pid(watch) != before, wrong, members(watch)) == (True, set(), set())
        # What was on its way through the reader is missing, and counted: a fork and an exit each.
        missed = sum(gap.missed or 0 for gap in gaps)
        assert missed >= 2 * len(true.keys() - told.keys())
    finally:
        watching.end(child)


def test_a_reader_leaves_when_its_observer_is_gone(watch: watching.Watch) -> None:
    assert isinstance(watch.backend, proc_connector.ProcConnector)
    reader = watch.backend.reader
    assert reader is not None
    watch.poller.unregister(watch.descriptor or -1)
    os.close(reader.pipe)
    reaped, status = os.waitpid(reader.pid, 0)
    reader.pipe = os.open("/dev/null", os.O_RDONLY)
    assert (reaped, status) == (reader.pid, 0)
