"""`-- CMD` under observation: nothing of its beginning is missed, its costs are the kernel's."""

import os
import signal
import subprocess
from collections.abc import Sequence

import pytest

from ptywrap import wire
from tests.e2e.observing import Observing, Shown, shown, typed
from tests.e2e.places import SHELLS, Place
from tests.e2e.terminal import LAUNCHER, ROOT

pytestmark = pytest.mark.linux


def run(place: Place, *argv: str, options: Sequence[str] = ("--quiet",)) -> int:
    """Run a command under the launcher without a terminal; return its exit status."""
    done = subprocess.run(
        [*LAUNCHER, *options, "--", *argv],
        check=False,
        cwd=ROOT,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return done.returncode


def only(observing: Observing) -> wire.Command:
    """Return the one command there is."""
    (command,) = observing.until(observing.commands)
    return command


def test_a_run_is_told_with_every_process_and_exactly(observing: Observing) -> None:
    assert run(observing.place, "sh", "-c", "sleep 0.05; (exit 3); exit 4") == 4
    command = only(observing)
    assert (command.line, command.exit_status, command.actor) == (
        "sh -c 'sleep 0.05; (exit 3); exit 4'",
        4,
        "script",
    )
    assert shown(observing.processes(command)) == [
        Shown("sh", 4, None),
        Shown("sleep", 0, None),
        Shown("sh", 3, None),
    ]
    assert (command.completeness, observing.losses()) == ("exact", [])


def test_a_cold_run_misses_nothing_of_its_beginning(place: Place) -> None:
    observing = Observing(place)
    assert run(place, "sh", "-c", "sleep 0.05; exit 4") == 4
    command = only(observing)
    told = [one for one in observing.losses() if one.sensor != "observer"]
    # On a machine that takes more than 300 ms to start an observer the command does not wait.
    names = [one.name for one in shown(observing.processes(command))]
    assert names == ["sh", "sleep"] or [one.sensor for one in told] == ["lifecycle"]


def test_its_costs_are_those_the_kernel_told_its_parent(observing: Observing) -> None:
    burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
    before = os.times()
    assert run(observing.place, "sh", "-c", burn) == 0
    after = os.times()
    command = only(observing)
    truth_ns = int(
        (after.children_user + after.children_system) * 1e9
        - (before.children_user + before.children_system) * 1e9
    )
    spent_ns = (command.cpu_user_ns or 0) + (command.cpu_sys_ns or 0)
    # What remains is the launcher itself.
    assert 0 < spent_ns <= truth_ns
    assert command.peak_rss_bytes is not None
    assert spent_ns % 1000 == 0


def test_a_run_lasts_from_exec_to_exit(observing: Observing) -> None:
    run(observing.place, "sleep", "0.2")
    command = only(observing)
    (process,) = observing.processes(command)
    assert command.wall_ns is not None
    assert 200_000_000 <= command.wall_ns <= (process.wall_ns or 0) + 20_000_000


def test_death_by_a_signal_is_told(observing: Observing) -> None:
    run(observing.place, "sh", "-c", "kill -TERM $$")
    command = only(observing)
    assert (command.exit_status, command.signal) == (None, signal.SIGTERM)


def test_a_command_that_is_not_there_has_no_words(observing: Observing) -> None:
    assert run(observing.place, "no-such-program-here") == 127
    command = only(observing)
    assert (command.exit_status, command.line) == (127, None)
    assert b"no-such-program-here" not in observing.bytes_spooled()


def test_the_observer_says_under_what_a_run_was_told(observing: Observing) -> None:
    run(observing.place, "/bin/true")
    command = only(observing)
    session = command.session.hex()
    answer = observing.ask("run", session=session)
    assert (answer["session"], answer["command"]) == (session, command.id)


def test_while_paused_a_run_is_told_to_be_recorded_nowhere_for_that(observing: Observing) -> None:
    observing.ask("pause")
    done = subprocess.run(
        [*LAUNCHER, "--quiet", "--json", "record.json", "--", "/bin/true"],
        check=False,
        cwd=observing.place.work,
        env=observing.place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert (done.returncode, b"paused" in done.stderr) == (0, True)
    assert b"ptywrap resume" in done.stderr


def test_a_build_machine_is_told_from_a_script(observing: Observing) -> None:
    environ = observing.place.environment(CI="true")
    subprocess.run(
        [*LAUNCHER, "--quiet", "--", "/bin/true"],
        check=True,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert only(observing).actor == "ci"


def test_an_agent_is_told_by_its_name(observing: Observing) -> None:
    agent = observing.place.home / "claude"
    agent.write_text(f"#!/bin/sh\n{LAUNCHER[0]} --quiet -- /bin/true </dev/null\nexit 0\n")
    agent.chmod(0o700)
    subprocess.run([agent], check=True, env=observing.place.environment(), capture_output=True)
    assert only(observing).actor == "agent"


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_run_in_a_session_and_its_line_are_one_command(observing: Observing, shell: str) -> None:
    window = observing.shell(shell)
    line = f"{LAUNCHER[0]} --quiet -- sh -c 'sleep 0.3; exit 4'"
    typed(window, line)
    command = observing.ran(line, Shown("sh", 4, None), Shown("sleep", 0, None))
    assert [one.line for one in observing.commands()] == [line]
    assert (command.template, command.exit_status, command.actor) == ("bash -c", 4, "human")
    assert command.cpu_user_ns is not None
    assert (command.wall_ns or 0) < 1_000_000_000


@pytest.mark.parametrize("shell", SHELLS)
def test_a_run_of_a_moment_in_a_session_is_one_command(observing: Observing, shell: str) -> None:
    window = observing.shell(shell)
    lines = [f"{LAUNCHER[0]} --quiet -- /bin/true {number}" for number in range(10)]
    # fish still makes folders of its own when its first prompt is there.
    typed(window, "sleep 0.1", *lines, "/bin/true")
    observing.command("/bin/true")
    told = sorted(observing.commands(), key=lambda one: one.started_at or 0)
    counted = [(one.line, one.process_count) for one in told[1:]]
    expected = [(line, 1) for line in [*lines, "/bin/true"]]
    if counted != expected:
        # A known shortfall, told and not hidden: events of a run of a millisecond come after its
        # line has been told, and fish dates its marks by file times. Nothing may be counted twice.
        assert sum(number or 0 for _, number in counted) <= len(expected)
        pytest.xfail("a run of a millisecond is not always counted to its own line")


def test_of_two_runs_in_a_line_each_has_its_own_processes(observing: Observing) -> None:
    window = observing.shell("zsh")
    start = f"{LAUNCHER[0]} --quiet --"
    typed(window, f"{start} sleep 0.2; {start} sleep 0.1")
    observing.command(f"{start} sleep 0.2; {start} sleep 0.1")
    told = sorted(observing.commands(), key=lambda one: one.started_at or 0)
    argvs = [[one.argv for one in observing.processes(command)] for command in told]
    assert argvs == [[["sleep", "0.2"]], [["sleep", "0.1"]]]


def test_a_run_below_a_script_is_a_command_of_its_own(observing: Observing) -> None:
    window = observing.shell("zsh")
    script = observing.place.home / "script"
    script.write_text(f"#!/bin/sh\n{LAUNCHER[0]} --quiet -- sleep 0.1 </dev/null\nsleep 0.2\n")
    script.chmod(0o700)
    typed(window, str(script))
    outer = observing.command(str(script))
    inner = observing.command("sleep 0.1")
    assert outer.session != inner.session
    assert [one.argv for one in observing.processes(inner)] == [["sleep", "0.1"]]
    assert ["sleep", "0.2"] in [one.argv for one in observing.processes(outer)]


def test_a_command_is_called_as_the_settings_say(place: Place) -> None:
    folder = place.config / "ptywrap"
    folder.mkdir()
    (folder / "config.toml").write_text('[templates]\n"sleep 0" = "a nap"\n')
    observing = Observing(place)
    observing.start()
    assert run(place, "sleep", "0") == 0
    assert only(observing).template == "a nap"
    observing.close()
