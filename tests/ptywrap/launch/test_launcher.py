"""The launcher on its own: what it becomes, whom it asks, and what it passes on."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.copies import a_copy
from tests.e2e.places import Place, alive
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, exit_code
from tests.ptywrap.launch.launches import configured, said

pytestmark = pytest.mark.linux


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


OFF: list[dict[str, str]] = [
    {"PTYWRAP_DISABLE": "1"},
    {"DO_NOT_TRACK": "1"},
    {"PTYWRAP_ENABLED": "false"},
]


@pytest.mark.parametrize("switch", OFF, ids=lambda switch: next(iter(switch)))
def test_a_switch_turns_a_run_into_the_command_itself(place: Place, switch: dict[str, str]) -> None:
    assert said(place, "--", "sh", "-c", "echo $PPID", **switch) == (0, f"{os.getpid()}\n")


def test_the_setting_turns_a_run_into_the_command_itself(place: Place) -> None:
    configured(place, "enabled = false\n")
    assert said(place, "--", "sh", "-c", "echo $PPID") == (0, f"{os.getpid()}\n")


def test_a_run_that_is_not_switched_off_has_us_above_it(place: Place) -> None:
    status, parent = said(place, "--", "sh", "-c", "echo $PPID")
    assert (status, parent != f"{os.getpid()}\n") == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ["lgo"],
        ["--bogus"],
        ["--json"],
        ["--json", "x"],
        ["--quiet"],
        ["--"],
        ["--json", "x", "y"],
        ["--quiet", "log", "-n", "1"],
        ["--json", "x", "status"],
        ["--json=x", "log"],
        ["--json", "--", "true"],
        ["--json", "", "--", "true"],
        ["--json=", "--", "true"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(place: Place, words: list[str]) -> None:
    assert said(place, *words)[0] == 2


def test_a_link_to_us_works_as_well(place: Place) -> None:
    first, second = place.work / "first", place.work / "second"
    first.symlink_to(LAUNCHER[0])
    second.symlink_to("first")
    done = subprocess.run(
        [second, "--", "sh", "-c", "exit 9"], env=place.environment(), check=False
    )
    assert done.returncode == 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("group", [False, True], ids=["launcher", "group"])
def test_a_command_gets_a_signal_once(place: Place, number: signal.Signals, group: bool) -> None:
    # What it gets within half a second after the first, it says, and leaves with 3.
    script = (
        "import signal, time\n"
        "got = []\n"
        f"signal.signal({int(number)}, lambda number, frame: got.append(number))\n"
        "print('ready', flush=True)\n"
        "while not got:\n    time.sleep(0.01)\n"
        "until = time.monotonic() + 0.5\n"
        "while time.monotonic() < until:\n    time.sleep(0.01)\n"
        "print(len(got), flush=True)\n"
        "raise SystemExit(3)\n"
    )
    running = subprocess.Popen(
        [*LAUNCHER, "--quiet", "--", sys.executable, "-I", "-c", script],
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with running:
        assert running.stdout is not None
        running.stdout.readline()
        os.killpg(running.pid, number) if group else running.send_signal(number)
        answer = running.stdout.read()
    assert (running.returncode, answer) == (3, b"1\n")


def test_a_command_has_the_environment_we_were_given(place: Place) -> None:
    # dash drops the first, sets the second; Python under the C locale sets LC_CTYPE.
    given = place.environment(LANG="C", ODD="a=b\nc") | {"BASH_FUNC_f%%": "() {  echo f\n}"}
    given.pop("PWD", None)
    show = "import os; print(sorted(os.environb.items()))"
    argv = [sys.executable, "-I", "-S", "-X", "utf8=0", "-E", "-c", show]
    bare = subprocess.run(argv, env=given, stdout=subprocess.PIPE, check=True)
    ours = subprocess.run(
        [*LAUNCHER, "--quiet", "--", *argv],
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert ours.stdout == bare.stdout


def test_a_run_in_the_background_leaves_the_terminal_to_the_job_in_front(place: Place) -> None:
    outer = an_outer_shell(place)
    outer.ask(f"{' '.join(LAUNCHER)} --quiet -- sh -c 'echo st''arted; sleep 9' &", rb"started\s")
    outer.ask("stty -a; echo mo''des", rb" icanon [\s\S]*modes\s")


def test_a_shell_in_the_background_stops_until_it_is_in_front(place: Place) -> None:
    outer = an_outer_shell(place)
    outer.ask(f"{' '.join(LAUNCHER)} & sleep 0.5; jobs", rb"Stopped")
    outer.ask("fg", PROMPT)
    outer.line("exit 37")
    outer.ask("echo status=$?=", rb"status=37=")
    outer.line("exit 0")
    assert exit_code(outer.finish()) == 0


def an_outer_shell(place: Place) -> Terminal:
    """Open a window with an interactive bash that is not ours."""
    outer = place.open(["bash", "--norc", "-i"], place.environment(PS1="outer> "))
    outer.until(rb"outer> ")
    return outer


def test_control_z_stops_a_command_and_fg_continues_it(place: Place) -> None:
    # The outer shell sees a stopped job and a cooked terminal, as if we were not there.
    outer = an_outer_shell(place)
    script = 'echo st""arted; read -r line; echo got=$line='
    outer.ask(f"{' '.join(LAUNCHER)} --quiet -- sh -c '{script}'", rb"started\s")
    outer.send(b"\x1a")
    outer.until(rb"Stopped[\s\S]*outer> ")
    outer.ask("stty -a; echo mo''des", rb" icanon [\s\S]*modes\s")
    outer.ask("fg", rb"fg\s[\s\S]*\n")
    outer.ask("hello", rb"got=hello=")
    outer.until(rb"outer> ")
    outer.line("exit 0")
    assert exit_code(outer.finish()) == 0


def test_what_a_command_leaves_in_the_background_is_not_hung_up(place: Place) -> None:
    script = "sleep 600 & echo pi''d=$!="
    window = place.command("sh", "-c", script)
    pid = int(window.until(rb"pid=(\d+)=").rpartition(b"pid=")[2][:-1])
    assert exit_code(window.finish()) == 0
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_command_leads_a_group_of_its_own_in_front(place: Place) -> None:
    # pgrp and tpgid, fields 5 and 8 of proc_pid_stat(5), are its pid; the session is not.
    window = place.command(
        "sh", "-c", "read -r p _ _ _ g s _ t _ </proc/$$/stat; echo $p,$g,$t,$s="
    )
    answer = window.until(rb"(\d+),\d+,\d+,\d+=").rpartition(b"\n")[2][:-1]
    pid, group, front, session = answer.split(b",")
    assert (group, front, session != pid) == (pid, pid, True)


def test_a_shell_without_its_hooks_reads_its_own_files(place: Place) -> None:
    # A half-removed package must not take the user's rc file away.
    copy = a_copy(place)
    shutil.rmtree(copy.root / "ptywrap/shell")
    window = copy.open(place)
    window.until(PROMPT)
    window.line("exit 37")
    assert exit_code(window.finish()) == 37


BREAKABLE = sorted(
    path.stem
    for path in Path(LAUNCHER[0]).parent.glob("*.py")
    if path.stem not in ("__init__", "wrapper")
)


@pytest.mark.parametrize("text", ["def (\n", ""], ids=["broken", "empty"])
@pytest.mark.parametrize("module", BREAKABLE)
def test_a_command_runs_when_any_module_is_broken(place: Place, module: str, text: str) -> None:
    copy = a_copy(place)
    copy.module(f"launch.{module}").write_text(text)
    argv = [str(copy.launcher), "--quiet", "--", "sh", "-c", "echo ru''ns; exit 9"]
    environ = place.environment(PTYWRAP_VENV=str(copy.environment))
    piped = subprocess.run(
        argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    window = place.open(argv, environ)
    assert (piped.returncode, piped.stdout, piped.stderr) == (9, b"runs\n", b"")
    assert (exit_code(window.finish()), bytes(window.output)) == (9, b"runs\r\n")
