"""Rows 4 to 8 of the correctness table: what happens when someone kills something."""

import os
import platform
import signal
import termios
import time

import pytest

from tests.e2e.places import (
    SHELLS,
    Place,
    Roles,
    alive,
    children,
    read_proc,
    roles,
    shell_pid,
    status_fields,
)
from tests.e2e.terminal import LAUNCHER, PROMPT, best_s, exit_code, wait_for

pytestmark = pytest.mark.linux
ENDINGS = [signal.SIGTERM, signal.SIGHUP]


def rest(place: Place) -> list[int]:
    """Return what still runs here and is neither observer nor store."""
    services = place.services()
    return [pid for pid in place.processes() if pid not in services and alive(pid)]


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_signal_to_the_launcher_ends_the_session_by_it(
    place: Place, shell: str, number: signal.Signals
) -> None:
    window = place.shell(shell)
    shell_pid(window, shell)
    assert window.raw()
    os.kill(window.pid, number)
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (-number, window.at_first)
    assert wait_for(lambda: not rest(place), 3), rest(place)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_to_the_whole_group_ends_the_session_by_it(
    place: Place, number: signal.Signals
) -> None:
    window = place.shell()
    roles(window)
    os.killpg(window.pid, number)
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (-number, window.at_first)
    assert wait_for(lambda: not rest(place), 3), rest(place)


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("who", ["keeper", "pump"])
def test_a_signal_to_one_of_ours_ends_the_session_by_it(
    place: Place, who: str, number: signal.Signals
) -> None:
    window = place.shell()
    os.kill(getattr(roles(window), who), number)
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (-number, window.at_first)
    assert wait_for(lambda: not rest(place), 3), rest(place)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_ends_a_run_by_it(place: Place, number: signal.Signals) -> None:
    window = place.command("sh", "-c", "echo r''eady; read -r _line")
    window.until(rb"ready")
    os.kill(window.pid, number)
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (-number, window.at_first)
    assert wait_for(lambda: not rest(place), 3), rest(place)


def _kill_at_once(session: Roles) -> None:
    """Kill all but the guardian, none of whom may see another one's end."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (session.keeper, session.pump, session.launcher):
            os.kill(pid, number)


@pytest.mark.parametrize("group", [False, True])
def test_the_guardian_restores_the_terminal_when_all_else_is_killed(
    place: Place, group: bool
) -> None:
    def restored_s() -> float:
        window = place.shell()
        session = roles(window)
        assert window.raw()
        killed_at = time.monotonic()
        if group:
            os.killpg(window.pid, signal.SIGKILL)
        else:
            _kill_at_once(session)
        assert wait_for(lambda: window.attributes() == window.at_first, 5)
        took_s = time.monotonic() - killed_at
        assert exit_code(window.finish()) == -signal.SIGKILL
        assert wait_for(lambda: not rest(place), 3), rest(place)
        return took_s

    assert best_s(restored_s, 0.3) <= 0.3


def test_the_guardian_leaves_a_terminal_alone_that_someone_else_has_set(place: Place) -> None:
    window = place.shell()
    session = roles(window)
    os.kill(session.guardian, signal.SIGSTOP)
    _kill_at_once(session)
    other = window.attributes()
    assert isinstance(other[3], int)
    other[3] ^= termios.ECHO
    termios.tcsetattr(window.slave, termios.TCSANOW, other)
    os.kill(session.guardian, signal.SIGCONT)
    assert wait_for(lambda: not alive(session.guardian), 5)
    assert window.attributes() == other


@pytest.mark.parametrize("who", ["pump", "guardian", "keeper"])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_outlives_any_one_of_ours(place: Place, shell: str, who: str) -> None:
    window = place.shell(shell)
    window.ask("set kept val''ue" if shell == "fish" else "kept=val''ue", PROMPT)
    session = roles(window, shell)
    os.kill(getattr(session, who), signal.SIGKILL)
    assert gone(getattr(session, who))
    window.ask('echo "[$kept]"', rb"\[value\]")
    assert shell_pid(window, shell) == session.shell
    window.line("exit 37")
    status = exit_code(window.finish())
    if (status, who) == (255, "keeper") and kernel() < (6, 15):
        pytest.skip("this kernel keeps no exit status for a pidfd: PIDFD_GET_INFO came with 6.15")
    assert (status, window.attributes()) == (37, window.at_first)


def test_the_shell_outlives_thirty_pumps(place: Place) -> None:
    window = place.shell()
    session = roles(window)
    seen = set()
    for number in range(30):
        pump = roles(window).pump
        seen.add(pump)
        if number % 2:
            window.ask("seq 1 20000", rb"\b900\r\n")
        os.kill(pump, signal.SIGKILL)
        assert gone(pump)
        window.ask(f"echo he''re{number}", rb"here%d\s" % number)
    assert (len(seen), shell_pid(window)) == (30, session.shell)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


def gone(pid: int) -> bool:
    """Tell whether a process is dead in time: a busy machine takes its time to carry a kill out."""
    return wait_for(lambda: not alive(pid))


def kernel() -> tuple[int, int]:
    """Return the kernel's version."""
    major, minor = platform.release().split(".")[:2]
    return int(major), int(minor)


@pytest.mark.parametrize("pause", [False, True])
def test_the_relay_goes_on_at_once_when_the_pump_dies_during_output(
    place: Place, pause: bool
) -> None:
    window = place.shell()
    session = roles(window)
    window.ask("yes | head -c 4000000; echo do''ne", rb"y\r\ny")
    if pause:
        assert wait_for(lambda: status_fields(session.pump)[0] == "S")
    os.kill(session.pump, signal.SIGKILL)
    window.until(rb"done\s")
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


def test_a_killed_launcher_leaves_a_usable_terminal_to_the_shell_above_it(place: Place) -> None:
    # dash sets no terminal modes of its own: what is right afterwards is our doing.
    outer = place.open(["dash", "-i"], place.environment(PS1="outer> "))
    outer.until(rb"outer> ")
    outer.ask(" ".join(LAUNCHER), PROMPT)
    (launcher,) = children(outer.pid)
    os.kill(launcher, signal.SIGKILL)
    outer.until(rb"outer> ")
    assert wait_for(lambda: outer.attributes() == outer.at_first, 3)
    assert wait_for(lambda: rest(place) == [outer.pid], 5), rest(place)
    assert b"echo wor''ks" in outer.ask("echo wor''ks", rb"works\s")
    outer.line("exit 37")
    assert exit_code(outer.finish()) == 37


@pytest.mark.parametrize("shell", SHELLS)
def test_a_closed_window_ends_shell_and_foreground_job_but_no_nohup_job(
    place: Place, shell: str
) -> None:
    def gone_s() -> float:
        window = place.shell(shell)
        pid = shell_pid(window, shell)
        window.ask("nohup sleep 602 >/dev/null 2>&1 &", PROMPT)
        window.line("sleep 601")
        assert wait_for(lambda: len(sleepers(place, pid)) == 2)
        front, kept = sleepers(place, pid)
        window.close_window()
        closed_at = time.monotonic()
        assert wait_for(lambda: not alive(pid) and not alive(front), 5), (pid, front)
        took_s = time.monotonic() - closed_at
        assert wait_for(window.ended, 5)
        assert alive(kept)
        os.kill(kept, signal.SIGKILL)
        return took_s

    assert best_s(gone_s, 0.1) <= 0.1
    assert wait_for(lambda: not rest(place), 3), rest(place)


def sleepers(place: Place, shell: int) -> list[int]:
    """Return the shell's two sleeping jobs, the one in front first."""
    lines = {pid: read_proc(pid, "cmdline") for pid in children(shell)}
    return sorted(
        (pid for pid, line in lines.items() if line.startswith(b"sleep\0")), key=lines.__getitem__
    )
