"""`ptywrap log` typed at the prompt has the command that ended just before it, always."""

import json
import shlex
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.observing import Observing, typed
from tests.e2e.places import SHELLS, Place
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal

pytestmark = pytest.mark.linux

ROUNDS = 12


def _answer(place: Place, window: Terminal, *arguments: str) -> Any:
    """Type one of our verbs at the prompt and return what it printed as JSON."""
    told = place.work / "told.json"
    verb = shlex.join([*LAUNCHER, *arguments])
    typed(window, f"{verb} >{told}")
    return json.loads(told.read_text(encoding="utf-8"))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_before_is_in_the_log(observing: Observing, shell: str) -> None:
    window = observing.shell(shell)
    seen = []
    for number in range(ROUNDS):
        typed(window, f"/bin/true {number}")
        rows = _answer(observing.place, window, "log", "-n", "5", "--json")
        seen += [row["line"] for row in rows if row["line"] == f"/bin/true {number}"]
    assert seen == [f"/bin/true {number}" for number in range(ROUNDS)]


def test_last_is_the_command_before_and_not_the_verb_itself(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sh -c 'exit 7'")
    _answer(observing.place, window, "log", "--json")
    record = _answer(observing.place, window, "show", "last", "--json")
    command = record["command"]
    assert (command["line"], command["exit_status"], len(record["processes"])) == (
        "sh -c 'exit 7'",
        7,
        1,
    )


def test_two_terminals_that_ask_at_once_are_both_answered(observing: Observing) -> None:
    windows = [observing.shell(), observing.shell()]
    typed(windows[0], "/bin/true first")
    verb = shlex.join([*LAUNCHER, "log", "--json"])
    files = [observing.place.work / f"told-{number}.json" for number in (0, 1)]
    for window, file in zip(windows, files, strict=True):
        window.line(f"{verb} >{file}")
    for window in windows:
        window.until(PROMPT)
    answers = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    assert ["/bin/true first" in [row["line"] for row in rows] for rows in answers] == [True, True]


def test_a_terminal_with_another_runtime_folder_reaches_the_same_store(place: Place) -> None:
    other = place.folder("other")
    for folder in (place.run, other):
        ran = subprocess.run(
            [sys.executable, "-I", "-m", "ptywrap", "log", "--json"],
            env=place.environment(XDG_RUNTIME_DIR=str(folder)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]\n", "")
