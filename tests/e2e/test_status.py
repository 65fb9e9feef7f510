"""`ptywrap status --json` beside a shell at work: who runs what, who sees it, and what we cost."""

import json
import os
import subprocess
from typing import Any

import pytest

from ptywrap import __version__
from tests.e2e.observing import Observing
from tests.e2e.terminal import PRODUCT

pytestmark = pytest.mark.linux


def status(observing: Observing) -> dict[str, Any]:
    """What the verb prints."""
    ran = subprocess.run(
        [str(PRODUCT), "status", "--json"],
        env=observing.place.environment(),
        cwd=observing.place.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def asleep(observing: Observing, shell: str) -> dict[str, Any]:
    """The status once a shell of the place runs `sleep`."""
    observing.shell(shell).line("sleep 30")
    observing.until(
        lambda: [one for one in observing.ask("status")["running"] if one["template"] == "sleep"]
    )
    return status(observing)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_running_command_is_told_with_its_place_and_its_age(
    observing: Observing, shell: str
) -> None:
    found = asleep(observing, shell)

    (running,) = found["running"]
    (session,) = found["sessions"]
    assert {name: running[name] for name in ("template", "shape", "cwd", "repo")} == {
        "template": "sleep",
        "shape": "sleep …",
        "cwd": str(observing.place.work),
        "repo": None,
    }
    assert running["session"] == session["session"]
    assert (running["usually_ns"], running["left_ns"]) == (None, None)
    assert 0 <= running["elapsed_ns"] < 60_000_000_000


def test_a_session_is_told_with_its_shell_and_terminal(observing: Observing) -> None:
    found = asleep(observing, "bash")

    (session,) = found["sessions"]
    terminal = os.readlink(f"/proc/{session['shell_pid']}/fd/0")
    assert {name: session[name] for name in ("shell", "terminal", "run")} == {
        "shell": "bash",
        "terminal": terminal,
        "run": False,
    }


def test_the_id_of_a_running_command_is_that_of_its_record(observing: Observing) -> None:
    window = observing.shell("bash")
    window.line("sleep 1")
    (running,) = observing.until(lambda: observing.ask("status")["running"])

    ended = observing.command("sleep 1")

    assert (bytes.fromhex(running["session"]), running["command"]) == (ended.session, ended.id)


def test_a_run_is_told_as_one(observing: Observing) -> None:
    observing.place.command("sleep", "30")
    observing.until(lambda: observing.ask("status")["running"])

    found = status(observing)

    assert [one["run"] for one in found["sessions"]] == [True]
    assert [(one["template"], one["shape"]) for one in found["running"]] == [("sleep", "sleep …")]


def test_who_sees_is_named_with_what_the_others_said(observing: Observing) -> None:
    answer = observing.ask("status")

    assert answer["backend"] == answer["sensors"][0]
    assert answer["said"][-1] == [answer["backend"], True, "", ""]


def test_cost_is_told_for_observer_and_reader(observing: Observing) -> None:
    answer = observing.ask("status")
    told = status(observing)["observer"]

    assert (told["pid"], told["version"]) == (observing.pid(), __version__)
    assert 0 < answer["cpu_ns"] < 10_000_000_000
    assert 5 << 20 < answer["rss_bytes"] < 150 << 20
    if answer["backend"] == "proc_connector":
        assert 1 << 20 < answer["reader_rss_bytes"] < 64 << 20
        assert told["rss_bytes"] > answer["rss_bytes"]


def test_a_loss_is_told_with_who_lost_and_why(observing: Observing) -> None:
    observing.kill()
    observing.start()

    (loss,) = status(observing)["losses"]

    assert (loss["sensor"], loss["missed"], loss["reason"]) == (
        "observer",
        None,
        "the observer ended without notice",
    )
    assert 0 < loss["since"] <= loss["until"]
