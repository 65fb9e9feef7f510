"""Rows 14 to 17 and 20 of the correctness table: interrupts, job control, suspending."""

import os
import signal
import subprocess
import time

import pytest

from tests.e2e.places import SHELLS, Place, children, needs, roles, shell_pid, status_fields
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, best_s, exit_code, wait_for

pytestmark = pytest.mark.linux
OUTER = rb"outer> "
STATUS_OF = {"bash": "$?", "zsh": "$?", "fish": "$status"}


def test_an_interrupt_goes_in_while_nobody_reads_what_comes_out(place: Place) -> None:
    window = place.shell()
    pid = shell_pid(window)
    window.ask("yes", rb"y\r\ny")
    (yes,) = children(pid)
    assert wait_for(lambda: stuck(yes)), "yes never had to wait for its reader"
    os.write(window.master, b"\x03")
    assert wait_for(lambda: not children(pid), 5), "the interrupt never arrived"
    window.ask("echo ba''ck", rb"back\s")


def stuck(pid: int) -> bool:
    """Tell whether a process used no processor for a tenth of a second."""
    before = status_fields(pid)[11:13]
    return not wait_for(lambda: status_fields(pid)[11:13] != before, 0.1)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_job_stops_with_control_z_and_goes_on_with_fg(place: Place, shell: str) -> None:
    window = place.shell(shell)
    pid = shell_pid(window, shell)
    window.ask("sh -c 'echo rea\"\"dy; exec cat'", rb"ready\s")
    (job,) = children(pid)
    window.line("one")
    window.until(rb"one\s+one\s")
    window.send(b"\x1a")
    window.until(PROMPT)
    window.ask("echo sto''pped", rb"stopped\s")
    assert status_fields(job)[0] == "T"
    window.line("fg")
    assert wait_for(lambda: in_front(job))
    window.line("two")
    window.until(rb"two\s+two\s")
    window.send(b"\x04")
    window.ask("echo ov''er", rb"over\s")


def in_front(pid: int) -> bool:
    """Tell whether a process goes on and its group has the terminal."""
    state, _ppid, group, _session, _tty, foreground = status_fields(pid)[:6]
    return state != "T" and group == foreground


# fish's fg says 0 whatever the job said, bare as well.
AFTER_FG = {"bash": 37, "zsh": 37, "fish": 0}
OUTER_SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-C", "function fish_prompt; echo -n 'outer> '; end"],
}


def under_a_shell(place: Place, shell: str = "bash") -> Terminal:
    """Return a window with a session started from an outer shell with job control."""
    needs(shell)
    outer = place.open(OUTER_SHELLS[shell], place.environment(PS1="outer> "))
    outer.until(OUTER)
    outer.ask(" ".join(LAUNCHER), PROMPT)
    return outer


def after_fg(outer: Terminal, status: str = "$?") -> int:
    """Bring the session back, use it, leave it with 37; return what the outer shell saw."""
    outer.line("fg")
    assert wait_for(outer.raw), "not in raw mode after fg"
    outer.ask("echo he''re", rb"here\s")
    outer.ask("exit 37", OUTER)
    return int(outer.ask(f"echo le''ft:{status}:", rb"left:\d+:").rpartition(b"left:")[2][:-1])


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_suspends_itself_suspends_the_session(place: Place, shell: str) -> None:
    outer = under_a_shell(place, shell)
    outer.ask("suspend -f", OUTER)
    assert not outer.raw()
    outer.ask("echo out''side", rb"outside\s")
    assert after_fg(outer, STATUS_OF[shell]) == AFTER_FG[shell]


def test_a_session_can_suspend_itself_twice(place: Place) -> None:
    outer = under_a_shell(place)
    outer.ask("suspend -f", OUTER)
    outer.line("fg")
    outer.ask("echo he''re", rb"here\s")
    outer.ask("suspend -f", OUTER)
    assert after_fg(outer) == 37


def test_the_size_is_right_after_a_change_during_the_suspension(place: Place) -> None:
    outer = under_a_shell(place)
    outer.ask("suspend -f", OUTER)
    outer.resize(44, 131)
    outer.line("fg")
    outer.ask("until [ \"$(stty size)\" = '44 131' ]; do :; done; echo gr''own", rb"grown\s")


def test_a_shell_that_suspends_itself_goes_on_at_once_where_nobody_controls_jobs(
    place: Place,
) -> None:
    window = place.shell()
    window.line("suspend -f")
    window.ask("echo he''re", rb"here\s")
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


@pytest.mark.parametrize("who", ["group", "pump", "keeper", "launcher"])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_stop_signal_to_us_suspends_the_session(place: Place, shell: str, who: str) -> None:
    outer = under_a_shell(place, shell)
    session = roles(outer)
    if who == "group":
        os.killpg(session.launcher, signal.SIGTSTP)
    else:
        os.kill(getattr(session, who), signal.SIGTSTP)
    outer.until(OUTER)
    assert not outer.raw()
    assert after_fg(outer, STATUS_OF[shell]) == AFTER_FG[shell]


def test_an_interrupt_ends_a_run_as_it_ends_the_command(place: Place) -> None:
    codes = set()

    def late_s() -> float:
        window = place.command("bash", "-c", "echo sl''eeps; sleep 9")
        window.until(rb"sleeps\s")
        window.send(b"\x03")
        typed_at = time.monotonic()
        codes.add(exit_code(window.finish()))
        return time.monotonic() - typed_at

    assert best_s(late_s, 0.1) <= 0.1
    assert codes == {-signal.SIGINT}


BROKEN_PIPE = "yes | head -1; echo =${PIPESTATUS[*]}="


def test_a_broken_pipe_kills_quietly_in_a_run(place: Place) -> None:
    window = place.command("bash", "-c", BROKEN_PIPE)
    window.finish()
    assert bytes(window.output) == b"y\r\n=141 0=\r\n"


def test_a_broken_pipe_kills_quietly_in_a_session(place: Place) -> None:
    window = place.shell()
    window.line(BROKEN_PIPE)
    assert b"=141 0=" in window.until(rb"=\d+ \d+=")


def test_a_broken_pipe_kills_quietly_in_a_run_without_a_terminal(place: Place) -> None:
    done = subprocess.run(
        [*LAUNCHER, "--quiet", "--", "bash", "-c", BROKEN_PIPE],
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"y\n=141 0=\n", b"")
