"""Ended processes wait for their command in memory-backed storage, over an observer's death."""

import os
import resource
import signal
import tracemalloc
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.account import Entry
from ptywrap.observe.held import Held


def an_entry(pid: int, row: bytes = b"row", **changes: int) -> Entry:
    """Return an ended process of shell 100."""
    values = {
        "shell": 100,
        "pid": pid,
        "ppid": 100,
        "start_ticks": 7,
        "parent_ticks": 3,
        "top_ns": pid,
        "born_ns": pid,
        "ended_ns": pid + 5,
    }
    return Entry(**(values | changes), cpu_ns=None, whole=False, loose=True, row=row)


def test_what_is_taken_goes_and_the_rest_stays(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in range(1, 6):
        held.add(an_entry(pid))
    held.flush()
    taken = held.take(lambda entry: entry.pid % 2 == 0)
    held.commit()
    assert [entry.pid for entry in taken] == [2, 4]
    assert [entry.pid for entry in held.take(lambda _: True)] == [1, 3, 5]


def test_what_was_not_committed_is_there_for_the_next_observer(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    held.add(an_entry(1))
    held.flush()
    held.take(lambda _: True)
    assert [entry.pid for entry in Held(tmp_path / "held").take(lambda _: True)] == [1]


def test_what_was_committed_is_not(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in (1, 2):
        held.add(an_entry(pid))
    held.flush()
    held.take(lambda entry: entry.pid == 1)
    held.commit()
    assert [entry.pid for entry in Held(tmp_path / "held").take(lambda _: True)] == [2]


def test_a_row_that_lies_in_the_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in (1, 2):
        held.add(an_entry(pid, b"row %d" % pid))
    taken = held.take(lambda _: True)
    assert [(entry.row, held.row(entry)) for entry in taken] == [(b"", b"row 1"), (b"", b"row 2")]


def test_a_torn_end_loses_only_the_last_one(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in (1, 2):
        held.add(an_entry(pid))
    held.flush()
    os.truncate(tmp_path / "held", (tmp_path / "held").stat().st_size - 2)
    assert [entry.pid for entry in Held(tmp_path / "held").take(lambda _: True)] == [1]


def test_without_a_place_in_memory_nothing_reaches_a_file() -> None:
    held = Held(None)
    held.add(an_entry(1))
    held.flush()
    assert [entry.pid for entry in held.take(lambda _: True)] == [1]


def test_what_does_not_fit_into_the_file_is_held_in_memory(tmp_path: Path) -> None:
    """A limit on the size of files is a full disk that a test can make."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    held = Held(tmp_path / "held")
    held.add(an_entry(1, b"row 1"))
    held.flush()
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "held").stat().st_size + 9, before[1]))
    try:
        held.add(an_entry(2, b"row 2"))
        held.flush()
        held.add(an_entry(3, b"row 3"))
        taken = held.take(lambda _: True)
        rows = [held.row(entry) for entry in taken]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
    assert rows == [b"row 1", b"row 2", b"row 3"]


def test_tens_of_thousands_are_held_and_taken_in_little_memory(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in range(20_000):
        held.add(an_entry(pid, bytes(200)))
    held.flush()
    tracemalloc.start()
    try:
        taken = held.take(lambda _: True)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(taken), peak_bytes < 4 << 20) == (20_000, True)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for pid in (1, 2):
        held.add(an_entry(pid))
    held.flush()
    held.take(lambda entry: entry.pid == 1)
    held.commit()
    assert oct((tmp_path / "held").stat().st_mode & 0o777) == "0o600"


def test_over_it_leaves_nothing(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    held.add(an_entry(1))
    held.close(remove=True)
    assert list(tmp_path.iterdir()) == []


entries = st.builds(
    lambda pid, row, cpu: an_entry(pid, row)._replace(cpu_ns=cpu),
    st.integers(1, 1 << 22),
    st.binary(max_size=300),
    st.none() | st.integers(0, 1 << 50),
)


@given(st.lists(entries, max_size=20))
def test_what_is_held_comes_back_as_it_was(told: list[Entry]) -> None:
    held = Held(None)
    for entry in told:
        held.add(entry)
    taken = held.take(lambda _: True)
    assert [entry._replace(at=0, size=0) for entry in taken] == told
    assert [held.row(entry) for entry in taken] == [entry.row for entry in told]
