"""A real shell under observation: every command once, with its processes and how they ended."""

import os
import shutil
import signal

import pytest

from tests.e2e.observing import Observing, Shown, typed
from tests.e2e.places import SHELLS, shell_pid
from tests.e2e.terminal import PROMPT

pytestmark = pytest.mark.linux


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_is_told_with_its_processes(observing: Observing, shell: str) -> None:
    window = observing.shell(shell)
    # fish still makes folders of its own when its first prompt is there.
    typed(window, "sleep 0.1", "sh -c 'sleep 0.1; sleep 0.05; exit 3'")
    tree = [Shown("sh", 3, None), Shown("sleep", 0, None), Shown("sleep", 0, None)]
    command = observing.ran("sh -c 'sleep 0.1; sleep 0.05; exit 3'", *tree)
    assert (command.exit_status, command.signal, command.actor) == (3, None, "human")
    assert (command.process_count, command.completeness) == (3, "exact")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_lasts_from_mark_to_mark_and_its_parts_sum_to_that(
    observing: Observing, shell: str
) -> None:
    window = observing.shell(shell)
    typed(window, "sleep 0.3")
    command = observing.command("sleep 0.3")
    split = command.split
    assert split is not None
    assert command.wall_ns is not None
    # fish counts whole milliseconds and leaves the rest to the time of its file.
    assert 290_000_000 <= command.wall_ns < 2_000_000_000
    assert (split.cpu_ns or 0) + (split.other_ns or 0) == command.wall_ns - (
        command.suspended_ns or 0
    )
    assert command.other_reasons == {"unknown": split.other_ns}


@pytest.mark.parametrize("shell", SHELLS)
def test_lines_come_in_order_and_each_once(observing: Observing, shell: str) -> None:
    window = observing.shell(shell)
    lines = ["cd /tmp", "/bin/true", "/bin/true; /bin/false", "cd /", "/bin/true 2"]
    typed(window, *lines)
    observing.command(lines[-1])
    told = sorted(observing.commands(), key=lambda one: one.started_at or 0)
    assert [(one.line, one.exit_status) for one in told] == [
        ("cd /tmp", 0),
        ("/bin/true", 0),
        ("/bin/true; /bin/false", 1),
        ("cd /", 0),
        ("/bin/true 2", 0),
    ]
    assert [one.cwd for one in told[1:]] == ["/tmp", "/tmp", "/tmp", "/"]


def test_death_by_a_signal_is_told_as_such(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sh -c 'kill -SEGV $$'")
    command = observing.ran("sh -c 'kill -SEGV $$'", Shown("sh", None, signal.SIGSEGV))
    assert (command.exit_status, command.signal) == (None, signal.SIGSEGV)


def test_a_status_above_128_that_no_signal_made_stays_one(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sh -c 'exit 139'")
    command = observing.ran("sh -c 'exit 139'", Shown("sh", 139, None))
    assert (command.exit_status, command.signal) == (139, None)


def test_a_job_in_the_background_stays_with_its_command(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sh -c 'sleep 0.8; exit 7' &", "/bin/true")
    tree = [Shown("sh", 7, None), Shown("sleep", 0, None)]
    command = observing.ran("sh -c 'sleep 0.8; exit 7' &", *tree)
    assert (command.exit_status, (command.wall_ns or 0) < 800_000_000) == (0, True)


def test_a_pipeline_is_one_command_with_all_its_processes(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sleep 0.1 | sort | wc -l")
    tree = [Shown("sleep", 0, None), Shown("sort", 0, None), Shown("wc", 0, None)]
    command = observing.ran("sleep 0.1 | sort | wc -l", *tree)
    assert (command.template, command.process_count) == ("sleep", 3)


def test_the_work_of_children_is_the_work_of_the_command(observing: Observing) -> None:
    window = observing.shell()
    line = "sh -c 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done'"
    window.line(f"time {line}")
    window.until(PROMPT)
    command = observing.command(f"time {line}")
    spent = (command.cpu_user_ns or 0) + (command.cpu_sys_ns or 0)
    split = command.split
    assert split is not None
    assert 0 < spent <= (command.wall_ns or 0) + 20_000_000
    assert abs((split.cpu_ns or 0) - spent) <= 50_000_000


def test_exec_in_the_shell_ends_with_the_shell(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "/bin/true")
    # A shell younger than two seconds may still become itself.
    typed(window, "sleep 2")
    window.line("exec sh -c 'exit 5'")
    window.finish()
    told = observing.until(lambda: [one for one in observing.commands() if one.exit_status == 5])
    assert [one.line for one in told] == [None]


def test_a_killed_shell_closes_what_it_ran(observing: Observing) -> None:
    window = observing.shell("zsh")
    pid = shell_pid(window, "zsh")
    window.line("sleep 60")
    observing.until(lambda: observing.ask("status")["running"])
    os.kill(pid, signal.SIGKILL)
    window.finish()
    told = observing.until(lambda: [c for c in observing.commands() if c.signal == signal.SIGKILL])
    assert [(one.line, one.exit_status) for one in told] == [(None, None)]


def test_a_session_that_is_over_leaves_no_file(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "/bin/true")
    window.line("exit")
    window.finish()
    observing.until(lambda: [1] * (observing.ask("status")["sessions"] == []))
    assert sorted(path.name for path in observing.marks.iterdir()) == [
        "observer.lock",
        "observer.sock",
    ]


def test_what_runs_is_said_at_any_time(observing: Observing) -> None:
    window = observing.shell("zsh")
    typed(window, "/bin/true")
    window.line("sleep 30")
    (running,) = observing.until(
        lambda: [one for one in observing.ask("status")["running"] if one["template"]]
    )
    assert (running["template"], running["cwd"]) == ("sleep", str(observing.place.work))


def test_the_checkout_of_a_command_is_read_without_git(observing: Observing) -> None:
    git = observing.place.work / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/topic\n")
    (git / "refs/heads/topic").write_text("c0ffee00" * 5 + "\n")
    secret = "s3" + "cret"
    (git / "config").write_text(
        f'[remote "origin"]\n\turl = https://me:{secret}@Example.org/a/b.git\n'
    )
    typed(observing.shell(), "/bin/true")
    command = observing.command("/bin/true")
    assert (command.repo, command.branch, command.commit) == (
        "example.org/a/b",
        "topic",
        "c0ffee00" * 5,
    )
    assert secret.encode() not in observing.bytes_spooled()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make: apt-get install make")
def test_a_target_that_the_makefile_declares_is_shown_and_no_other(observing: Observing) -> None:
    (observing.place.work / "Makefile").write_text("deploy-blue:\n\t@true\n")
    lines = ["make deploy-blue", "make -n deploy-green"]
    typed(observing.shell(), *lines)
    shown = [observing.command(line).template for line in lines]
    assert shown == ["make deploy-blue", "make <target>"]
