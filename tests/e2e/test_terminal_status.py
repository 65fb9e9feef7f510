"""Rows 1, 2, 3, 9, 18 and 22 of the correctness table: size, status and end of a session."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.places import PID_OF, SHELLS, Place, alive, shell_pid
from tests.e2e.terminal import (
    LAUNCHER,
    PROMPT,
    Start,
    best_s,
    exit_code,
    wait_for,
)

pytestmark = pytest.mark.linux


@pytest.mark.parametrize("shell", SHELLS)
def test_a_session_starts_with_the_size_of_the_window(place: Place, shell: str) -> None:
    window = place.shell(shell, Start(rows=33, columns=101))
    window.ask("stty size", rb"\b33 101\b")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_job_in_front_hears_of_a_new_size(place: Place, shell: str) -> None:
    window = place.shell(shell)
    tell = place.work / "tell.sh"
    tell.write_text("trap 'stty size; exit' WINCH\necho wait''ing\nwhile :; do sleep 0.05; done\n")
    window.ask("bash ./tell.sh", rb"waiting")
    window.resize(40, 121)
    window.until(rb"\b40 121\b")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_exit_status_of_the_shell_is_ours(place: Place, shell: str) -> None:
    window = place.shell(shell)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_session_dies_by_the_signal_that_killed_its_shell(
    place: Place, shell: str, number: signal.Signals
) -> None:
    window = place.shell(shell)
    window.line(f"kill -{number.name[3:]} {PID_OF[shell]}")
    assert exit_code(window.finish()) == -number


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_run_dies_by_the_signal_that_killed_its_command(
    place: Place, number: signal.Signals
) -> None:
    window = place.command("sh", "-c", f"kill -{number.name[3:]} $$")
    assert exit_code(window.finish()) == -number


def test_the_terminal_is_as_before_after_a_session_that_left_it_odd(place: Place) -> None:
    window = place.shell()
    window.line("stty raw -echo; exit 3")
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (3, window.at_first)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_background_job_that_holds_the_terminal_does_not_delay_the_end(
    place: Place, shell: str
) -> None:
    codes = set()

    def late_s() -> float:
        window = place.shell(shell)
        pid = shell_pid(window, shell)
        window.ask("sh -c 'sleep 600 & echo hel''d'", rb"held\s")
        window.line("exit 5")
        assert wait_for(lambda: not alive(pid))
        dead_at = time.monotonic()
        codes.add(exit_code(window.finish()))
        return time.monotonic() - dead_at

    assert best_s(late_s, 0.1) <= 0.1
    assert codes == {5}


def test_a_background_job_that_holds_the_terminal_cuts_no_output(place: Place) -> None:
    script = "sleep 600 & seq 1 20000; echo END; exit 5"
    window = place.command("sh", "-c", script)
    status = exit_code(window.finish())
    everything = b"".join(b"%d\r\n" % number for number in range(1, 20001)) + b"END\r\n"
    assert (status, bytes(window.output) == everything) == (5, True)


@pytest.mark.parametrize(("name", "code"), [("absent", 127), ("data", 126)])
def test_a_shell_that_cannot_run_gives_the_status_a_shell_would_give(
    place: Place, name: str, code: int
) -> None:
    unusable = place.work / name
    if name == "data":
        unusable.write_text("not a program\n")
    window = place.open(LAUNCHER, place.environment(SHELL=str(unusable)))
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (code, window.at_first)
    assert window.output.count(b"\n") <= 1


@pytest.mark.parametrize(("name", "code"), [("absent", 127), ("data", 126)])
def test_a_command_that_cannot_run_gives_the_status_a_shell_would_give(
    place: Place, name: str, code: int
) -> None:
    unusable = place.work / name
    if name == "data":
        unusable.write_text("not a program\n")
    window = place.command(str(unusable))
    status = exit_code(window.finish())
    assert (status, window.attributes()) == (code, window.at_first)
    assert window.output.count(b"\n") == 1


def test_three_wrappers_nested_by_force_pass_size_and_status(place: Place) -> None:
    window = place.shell()
    terminals = [tty_of(window.ask("echo at=$(tty)=", rb"at=/dev\S+=\s+ready> "))]
    forced = "env -u PTYWRAP_SESSION -u PTYWRAP_TTY -u PTYWRAP_KEEPER -u PTYWRAP_MARKS"
    for _level in range(2):
        window.ask(f"{forced} {' '.join(LAUNCHER)}", PROMPT)
        terminals.append(tty_of(window.ask("echo at=$(tty)=", rb"at=/dev\S+=\s+ready> ")))
    assert len({*terminals, Path(os.ttyname(window.slave))}) == 4
    window.resize(41, 122)
    window.ask(
        "until [ \"$(stty size)\" = '41 122' ]; do :; done; echo gr''own", rb"grown\s+ready> "
    )
    window.ask("exit 21", PROMPT)
    window.ask("exit $?", PROMPT)
    window.line("exit $?")
    assert exit_code(window.finish()) == 21


def tty_of(answer: bytes) -> Path:
    """Return the path in an answer that holds `at=PATH=`."""
    return Path(answer.rpartition(b"at=")[2].partition(b"=")[0].decode())
