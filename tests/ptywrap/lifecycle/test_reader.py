"""The reader child on a socket of ours: what it writes for what it is sent."""

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptywrap.lifecycle import connector_socket, reader, reader_process, records
from ptywrap.lifecycle.records import Record

assert sys.platform == "linux"

pytestmark = pytest.mark.linux


class Reading(NamedTuple):
    """A reader, and the sockets that stand for the kernel."""

    execs: socket.socket
    lives: socket.socket
    process: reader_process.ReaderProcess

    def takes(self, wanted: int) -> list[Record]:
        """What is settled, in order, waiting for so many."""
        found: list[Record] = []
        until = 0
        for _ in range(500):
            found += self.process.take()[0]
            until = max([until, *(record.at for record in found if record.kind == records.UNTIL)])
            ready, _ = records.settle(found, until)
            ready = [record for record in ready if record.kind != records.UNTIL]
            if len(ready) >= wanted:
                break
            time.sleep(0.01)
        return ready


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Yield a reader on one end of a datagram pair."""
    execs, near_execs = a_pair()
    lives, near_lives = a_pair()
    os.set_blocking(near_lives.fileno(), False)
    process = reader_process.ReaderProcess(near_execs.fileno(), near_lives.fileno(), resync=False)
    yield Reading(execs, lives, process)
    process.stop()
    for each in (execs, near_execs, lives, near_lives):
        each.close()


def a_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends; the second waits as long for a message as the connector's socket."""
    far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 12_000))
    return far, near


def a_message(what: int, *data: int, at: int | None = None) -> bytes:
    """A whole message of the connector."""
    head = struct.pack("=IHHII", 76, 3, 0, 0, 0) + struct.pack("=IIIIHH", 1, 1, 7, 0, 40, 0)
    moment = time.monotonic_ns() if at is None else at
    event = struct.pack("=IIQ", what, 1, moment) + struct.pack("=6I", *data, *[0] * (6 - len(data)))
    return head + event


def a_sleeper(*words: str) -> subprocess.Popen[bytes]:
    """A process that runs what its arguments say, and waits."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1)", *words], stdin=-1
    )


def test_an_exec_gets_the_arguments_exe_and_cwd_of_its_process(reading: Reading) -> None:
    with a_sleeper("one", "two words") as child:
        time.sleep(0.1)
        reading.execs.send(a_message(records.EXEC, child.pid, child.pid))
        event, place = reading.takes(2)
        assert child.stdin is not None
        child.stdin.close()
    assert (event.kind, event.pid, place.kind, place.at) == (
        records.EXEC,
        child.pid,
        records.PLACE,
        event.at,
    )
    assert (event.extra or b"").endswith(b"\0one\0two words\0")
    assert (place.extra or b"").split(b"\0")[1] == os.getcwdb()


def test_an_exec_of_a_process_that_is_gone_has_no_arguments(reading: Reading) -> None:
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    reading.execs.send(a_message(records.EXEC, child.pid, child.pid))
    (event,) = reading.takes(1)
    assert (event.kind, event.extra) == (records.EXEC, None)


def test_arguments_read_after_the_next_exec_are_taken_back(reading: Reading) -> None:
    with a_sleeper() as child:
        time.sleep(0.1)
        before = time.monotonic_ns() - 3_000_000
        for late in (0, 1000):
            message = a_message(records.EXEC, child.pid, child.pid, at=before + late)
            reading.execs.send(message)
        events = [record for record in reading.takes(3) if record.kind == records.EXEC]
        assert child.stdin is not None
        child.stdin.close()
    assert [event.extra is None for event in events] == [True, False]


def test_arguments_read_after_the_pid_was_used_again_are_taken_back(reading: Reading) -> None:
    with a_sleeper() as child:
        time.sleep(0.1)
        before = time.monotonic_ns() - 1_000_000
        reading.execs.send(a_message(records.EXEC, child.pid, child.pid, at=before))
        fork = a_message(records.FORK, 1, 1, child.pid, child.pid, at=before + 500)
        reading.lives.send(fork)
        event = reading.takes(2)[0]
        assert child.stdin is not None
        child.stdin.close()
    assert (event.kind, event.extra) == (records.EXEC, None)


def test_forks_and_exits_keep_their_order(reading: Reading) -> None:
    for pid in range(1000, 1200):
        reading.lives.send(a_message(records.FORK, 1, 1, pid, pid))
        reading.lives.send(a_message(records.EXIT, pid, pid, 256))
    told = [(record.kind, record.pid) for record in reading.takes(400)]
    kinds = (records.FORK, records.EXIT)
    assert told == [(kind, pid) for pid in range(1000, 1200) for kind in kinds]


def test_a_reader_is_small_and_has_a_limit(reading: Reading) -> None:
    reading.lives.send(a_message(records.FORK, 1, 1, 2, 2))
    reading.takes(1)
    with open(f"/proc/{reading.process.pid}/limits", encoding="ascii") as file:
        limits = file.read()
    with open(f"/proc/{reading.process.pid}/smaps_rollup", encoding="ascii") as file:
        kibibytes = {line.split()[0]: int(line.split()[1]) for line in file if "kB" in line}
    assert f"{64 << 20}" in limits.partition("Max address space")[2].splitlines()[0]
    assert kibibytes["Private_Dirty:"] < 5000


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.binary(min_size=1, max_size=300))
def test_no_message_ends_the_reader(reading: Reading, message: bytes) -> None:
    reading.execs.send(message)
    reading.lives.send(a_message(records.FORK, 1, 1, 4242, 4242))
    assert reading.takes(1)[-1].pid == 4242


def test_each_exec_is_hinted_at_by_a_pipe_of_its_own() -> None:
    execs, near_execs = a_pair()
    lives, near_lives = a_pair()
    os.set_blocking(near_lives.fileno(), False)
    hints, writing = os.pipe()
    os.set_blocking(writing, False)
    process = reader_process.ReaderProcess(
        near_execs.fileno(), near_lives.fileno(), writing, resync=False
    )
    os.close(writing)
    for _ in range(2):
        execs.send(a_message(records.EXEC, os.getpid(), os.getpid()))
    first, second = (struct.unpack("=Q", os.read(hints, 8))[0] for _ in range(2))
    process.stop()
    for each in (execs, near_execs, lives, near_lives):
        each.close()
    os.close(hints)
    assert (first & 0xFFFFFFFF, first) == (os.getpid(), second)


def test_the_filter_asks_for_leaders_alone() -> None:
    assert len(connector_socket.filter_program()) == 12 * 8


@pytest.mark.parametrize(
    "name",
    [
        *("EVENT", "ARGV", "PLACE", "BACK", "UNTIL", "OVERRUN", "EMPTY", "SETTLED"),
        *("HAS_ARGV", "ARGV_CUT", "HAS_PLACE"),
    ],
)
def test_both_ends_of_the_pipe_mean_the_same(name: str) -> None:
    assert getattr(reader, name) == getattr(records, name)


def test_no_kind_of_the_readers_is_an_event_of_the_kernels() -> None:
    kinds = [records.EVENT, records.ARGV, records.PLACE, records.OVERRUN, records.EMPTY]
    assert {records.FORK, records.EXEC, records.EXIT}.isdisjoint(kinds)
