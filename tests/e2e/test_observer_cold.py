"""A command runs before the observer is whole: nothing of it is lost, however long that takes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.copies import Copy, a_copy
from tests.e2e.places import Place
from tests.e2e.terminal import PROMPT

pytestmark = pytest.mark.linux

WORK = "for n in 1 2 3; do /bin/true; done; /bin/false; sh -c 'kill -9 $$'; exit 7"
# Beside bash and whatever `sh` is here.
NAMES = ["bash", "false", "true", "true", "true"]


def delayed(place: Place, module: str, seconds: float) -> Copy:
    """Return a product that takes some time more to load a module."""
    copy = a_copy(place)
    file = copy.module(module)
    file.write_text(file.read_text() + f"\n\nimport time\n\ntime.sleep({seconds})\n")
    return copy


@pytest.fixture
def slow(place: Place) -> Copy:
    """Return a product whose observer answers as ever, but is not whole for a second."""
    return delayed(place, "observe.assembly", 1.0)


def start(place: Place, copy: Copy, name: str) -> subprocess.Popen[bytes]:
    """Start a run that writes its record."""
    words = ["--json", name, "--", "bash", "-c", WORK]
    return subprocess.Popen(
        [str(copy.launcher), *words],
        env=place.environment(PTYWRAP_VENV=None),
        cwd=place.work,
        stdin=subprocess.DEVNULL,
    )


def record(path: Path) -> dict[str, Any]:
    """Return what a run wrote."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def names(told: dict[str, Any]) -> list[str]:
    """Return the processes of a record by name, but for the one that was killed."""
    return sorted(one["name"] or "?" for one in told["processes"] if one["signal"] is None)


def test_a_run_that_is_over_before_the_observer_is_whole_is_told_whole(
    place: Place, slow: Copy
) -> None:
    ended = start(place, slow, "run.json").wait(30)

    told = record(place.work / "run.json")
    assert (ended, names(told)) == (7, NAMES)
    assert (told["command"]["completeness"], told["losses"]) == ("exact", [])


def test_runs_that_start_an_observer_together_are_both_told_whole(place: Place, slow: Copy) -> None:
    runs = [start(place, slow, name) for name in ("one.json", "two.json")]
    for run in runs:
        run.wait(30)

    told = [record(place.work / name) for name in ("one.json", "two.json")]
    assert [names(each) for each in told] == [NAMES, NAMES]
    assert told[0]["command"]["id"] != told[1]["command"]["id"]


def test_a_run_typed_before_the_observer_is_whole_is_told_whole(place: Place, slow: Copy) -> None:
    window = slow.open(place)
    window.until(PROMPT)
    work = WORK.replace("$", "\\$")
    line = f'{slow.launcher} --quiet --json run.json -- bash -c "{work}"; echo do""ne'
    window.ask(line, rb"done\s", 30)

    told = record(place.work / "run.json")
    assert (names(told), told["command"]["completeness"]) == (NAMES, "exact")


def test_a_run_that_could_not_wait_says_so(place: Place) -> None:
    copy = delayed(place, "observe.readiness", 0.4)

    ended = start(place, copy, "run.json").wait(30)

    told = record(place.work / "run.json")
    assert (ended, told["command"]["completeness"]) == (7, "sampled")
    assert [loss["reason"] for loss in told["losses"]] == [
        "the command did not wait for the observer"
    ]
