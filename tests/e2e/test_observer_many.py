"""One observer a user, however many shells; it keeps nothing of what is over, and leaves."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import account
from tests.e2e.observing import Observing, Shown, shown, typed
from tests.e2e.places import Place
from tests.e2e.terminal import wait_for

pytestmark = pytest.mark.linux
SHELLS = 20


def observers(place: Place) -> list[int]:
    """Return the observers of a place."""
    return [
        pid
        for pid in place.processes()
        if b"ptywrap.observe" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kb(pid: int) -> int:
    """Return the proportional set size of a process (proc_pid_smaps(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def test_twenty_shells_have_one_observer_of_modest_size(place: Place) -> None:
    observing = Observing(place)
    windows = [place.shell("zsh" if number % 2 else "bash") for number in range(SHELLS)]
    for number, window in enumerate(windows):
        typed(window, f"/bin/true {number}")
    for number in range(SHELLS):
        observing.command(f"/bin/true {number}")
    (pid,) = observers(place)
    assert (observing.pid(), len(observing.ask("status")["sessions"])) == (pid, SHELLS)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert sum(resident_kb(each) for each in [pid, *map(int, children)]) < 45 * 1024


def test_sessions_that_are_over_leave_nothing_in_it(observing: Observing) -> None:
    typed(observing.shell(), "/bin/true")
    before = descriptors(observing.pid())
    for turn in range(6):
        if turn == 1:  # By now all that tells of sockets is open.
            before = descriptors(observing.pid())
        windows = [observing.place.shell() for _ in range(4)]
        for window in windows:
            typed(window, "/bin/true")
            window.line("exit")
        for window in windows:
            window.finish()
    assert wait_for(lambda: bool(len(observing.ask("status")["sessions"]) == 1))
    # A segment may have been begun in the meantime; five rounds of a leak would be twenty.
    assert wait_for(lambda: descriptors(observing.pid()) <= before + 1)
    left = sorted(path.suffix for path in observing.marks.iterdir())
    assert [suffix for suffix in left if not suffix[1:].isdigit()] == [
        ".held",
        ".lock",
        ".pty",
        ".sock",
        ".told",
    ]


def test_a_second_start_finds_the_lock_and_leaves(observing: Observing) -> None:
    pid = observing.pid()
    assert observing.finish() == 0
    assert observing.pid() == pid


def test_it_leaves_some_time_after_the_last_session(place: Place) -> None:
    observing = Observing(place)
    started = observing.start("--idle", "1")
    window = observing.shell()
    assert started.poll() is None
    window.line("exit")
    window.finish()
    assert started.wait(20) == 0
    assert list(observing.marks.iterdir()) == [observing.lock]
    observing.close()


def test_it_does_not_leave_while_a_shell_is_open(place: Place) -> None:
    observing = Observing(place)
    started = observing.start("--idle", "1")
    window = observing.shell()
    typed(window, "sleep 2")
    assert started.poll() is None
    observing.close()


def test_it_is_the_first_to_go_when_memory_is_short_and_leaves_no_core(
    observing: Observing,
) -> None:
    pid = observing.pid()
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    core = next(line.split()[4] for line in limits if line.startswith("Max core file size"))
    assert (Path(f"/proc/{pid}/oom_score_adj").read_text().strip(), core) == ("1000", "0")


def test_its_socket_and_files_are_its_owners_alone(observing: Observing) -> None:
    typed(observing.shell(), "sleep 0.1", "/bin/true")
    observing.command("/bin/true")
    modes = {path.suffix: oct(path.stat().st_mode & 0o777) for path in observing.marks.iterdir()}
    assert set(modes.values()) == {"0o600"}
    assert oct(observing.marks.stat().st_mode & 0o777) == "0o700"


@pytest.mark.root
def test_an_ordinary_user_is_observed_as_well(place: Place, second: account.Account) -> None:
    place.give(second.uid, second.gid)
    environ = place.environment(USER=second.name, PTYWRAP_VENV=str(second.environment))
    launcher = second.checkout / "ptywrap/launch/ptywrap.sh"
    done = account.run_as(
        second,
        [launcher, "--quiet", "--", "sh", "-c", "/bin/true; sleep 0.3; exit 4"],
        environ,
        stdin=subprocess.DEVNULL,
        cwd=place.work,
    )
    observing = Observing(place)
    (command,) = observing.until(observing.commands)
    names = {one.name for one in shown(observing.processes(command))}
    assert (done.returncode, command.exit_status) == (4, 4)
    assert {"sh", "sleep"} <= names
    assert Shown("sleep", 0, None) in shown(observing.processes(command))


@pytest.mark.root
def test_another_user_is_not_answered(observing: Observing, second: account.Account) -> None:
    observing.marks.chmod(0o755)
    observing.place.root.chmod(0o755)
    observing.place.run.chmod(0o755)
    observing.socket.chmod(0o666)
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        " s.sendall(bytes([12, 0, 0, 0, 0x81, 0xa3]) + b'ask' + bytes([0xa6]) + b'status');"
        " print(len(s.recv(9)))"
    )
    done = account.run_as(
        second, [second.python, "-I", "-c", code, observing.socket], {"HOME": "/"}, cwd="/"
    )
    assert "Error" in done.stderr or done.stdout == "0\n"
