"""The failure matrix, observer: whatever happens to it, shell and output do not notice."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptywrap import marks
from tests.e2e.copies import a_copy, observed, use
from tests.e2e.places import Place, alive, read_proc, removed, roles, shell_pid, status_fields
from tests.e2e.terminal import LAUNCHER, PROMPT, Start, exit_code, wait_for

pytestmark = pytest.mark.linux
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")
LINES = 230_000
MEBIBYTE = 1024 * 1024


def observers(place: Place) -> list[int]:
    """Return the observers that run here, not their readers."""
    found = [pid for pid in place.services() if b"ptywrap.observe" in read_proc(pid, "cmdline")]
    return [pid for pid in found if int(status_fields(pid)[1] or 0) not in found and alive(pid)]


def the_observer(place: Place) -> int:
    """Return the one observer here once it is there."""
    assert wait_for(lambda: len(observers(place)) == 1), observers(place)
    (pid,) = observers(place)
    return pid


@pytest.mark.parametrize(
    "text", ["raise SystemExit(1)\n", "def (\n", "import absent\n", "import os\nos.abort()\n", None]
)
def test_an_observer_that_ends_at_once_is_not_noticed(place: Place, text: str | None) -> None:
    copy = a_copy(place)
    if text is None:
        copy.module("observe.__main__").unlink()
    else:
        copy.module("observe.__main__").write_text(text)
    window = copy.open(place)
    window.until(PROMPT)
    assert observed(window)
    for _number in range(5):
        window.ask("echo st''ill", rb"still\s")
    use(window)


def test_a_killed_observer_is_not_noticed_and_comes_back(place: Place) -> None:
    window = place.shell()
    window.ask("echo he''re", rb"here\s")
    first = the_observer(place)
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: not alive(first))
    window.ask("echo he''re", rb"here\s")
    assert wait_for(lambda: len(observers(place)) == 1, 5), "no observer after the next command"
    use(window)


def digest_of(count: int) -> str:
    """Return the hash of `seq 1 count` as a terminal shows it."""
    return hashlib.sha256(
        b"".join(b"%d\r\n" % number for number in range(1, count + 1))
    ).hexdigest()


def test_a_stopped_observer_blocks_nothing(place: Place) -> None:
    window = place.shell()
    window.ask("echo he''re", rb"here\s")
    observer = the_observer(place)
    os.kill(observer, signal.SIGSTOP)
    window.ask(f"clear=; echo be''gin; seq 1 {LINES}; echo e''nd", rb"begin\r\n")
    shown = window.until(rb"end\r\n")[: -len(b"end\r\n")]
    assert hashlib.sha256(shown).hexdigest() == digest_of(LINES)
    assert status_fields(observer)[0] == "T"
    use(window)
    os.kill(observer, signal.SIGCONT)
    assert lost(place) == 0


def lost(place: Place) -> int:
    """Return how many records the pumps of this place could not write."""
    count = 0
    for path in (place.run / "ptywrap").glob("*.pty"):
        records, _used = marks.pump_records(path.read_bytes())
        count += sum(record.number for record in records if isinstance(record, marks.Lost))
    return count


def test_an_observer_gives_way_first_when_memory_runs_out(place: Place) -> None:
    window = place.shell()
    window.ask("echo he''re", rb"here\s")
    observer = the_observer(place)
    assert wait_for(lambda: read_proc(observer, "oom_score_adj").strip() == b"1000", 5)
    ours = {pid: read_proc(pid, "oom_score_adj").strip() for pid in roles(window)}
    assert set(ours.values()) == {read_proc(os.getpid(), "oom_score_adj").strip()}


@pytest.fixture
def small_memory(place: Place) -> Iterator[Path]:
    """Yield a memory group of 150 MiB; skip where none can be made."""
    if not (MEMORY_GROUPS / "memory.limit_in_bytes").exists():
        pytest.skip("no memory controller of cgroup v1 is mounted at /sys/fs/cgroup/memory")
    group = MEMORY_GROUPS / place.root.name
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no memory group can be made ({error}): run the tests as root")
    (group / "memory.limit_in_bytes").write_text(str(150 * MEBIBYTE))
    yield group
    assert wait_for(lambda: removed(group)), (group / "tasks").read_text()


@pytest.mark.root
def test_the_shell_lives_through_every_lack_of_memory(place: Place, small_memory: Path) -> None:
    def enter() -> None:
        (small_memory / "tasks").write_text(str(os.getpid()))

    hog = "exec python3 -c 'b = bytearray(400 << 20)'"
    window = place.open(LAUNCHER, start=Start(before=enter))
    window.until(PROMPT)
    pid = shell_pid(window)
    observer = the_observer(place)
    for _number in range(10):
        window.ask(f"sh -c \"{hog}\"; echo di''ed=$?=", rb"died=137=")
        assert shell_pid(window) == pid
    # The hog was the larger by far, and still the observer went first.
    assert not alive(observer)
    use(window)


def test_a_run_is_not_held_by_an_observer_that_does_not_answer(place: Place) -> None:
    window = place.shell()
    window.ask("echo he''re", rb"here\s")
    os.kill(the_observer(place), signal.SIGSTOP)
    run = place.command("sh", "-c", "echo ru''ns; exit 9")
    run.until(rb"runs", 5)
    assert exit_code(run.finish(5)) == 9
