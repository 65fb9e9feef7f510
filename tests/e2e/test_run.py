"""`ptywrap -- CMD`: the record, the summary, and no file touched but the one that was named."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests import account
from tests import home as homes
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER, PRODUCT, Start

pytestmark = pytest.mark.skipif(
    [str(PRODUCT)] != LAUNCHER, reason="about the product alone: unset PTYWRAP_TEST_LAUNCHER"
)

WORK = "for n in 1 2 3; do /bin/true; done; /bin/false; sh -c 'kill -9 $$'; exit 7"


def _run(place: Place, *words: str, **changes: str | None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*LAUNCHER, *words],
        env=place.environment(**changes),
        cwd=place.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def _record(place: Place, *command: str) -> dict[str, Any]:
    _run(place, "--json", "run.json", "--", *command)
    record: dict[str, Any] = json.loads((place.work / "run.json").read_text())
    return record


def _endings(record: dict[str, Any]) -> list[tuple[str, int | None, int | None]]:
    return sorted(
        (one["name"], one["exit_status"], one["signal"])
        for one in record["processes"]
        if one["name"] not in {"bash"}
    )


def test_a_cold_run_misses_no_process_and_tells_how_each_ended(place: Place) -> None:
    record = _record(place, "bash", "-c", WORK)

    assert [one[1:] for one in _endings(record) if one[0] == "true"] == [(0, None)] * 3
    assert [one[1:] for one in _endings(record) if one[0] == "false"] == [(1, None)]
    assert [one[1] for one in _endings(record) if one[2] == 9] == [None]
    assert record["command"]["process_count"] == 6


def test_the_record_says_what_ran_and_how_it_ended(place: Place) -> None:
    command = _record(place, "bash", "-c", WORK)["command"]

    assert (command["exit_status"], command["signal"]) == (7, None)
    assert command["cwd"] == str(place.work)
    assert command["shape"] == "bash -c …"
    assert command["completeness"] == "exact"


def test_the_parts_add_up_to_the_wall_time_exactly(place: Place) -> None:
    record = _record(place, "bash", "-c", WORK)

    wall = record["command"]["wall_ns"] - record["command"]["suspended_ns"]
    assert sum(ns for ns in record["split"].values() if ns is not None) == wall
    assert sum(record["other_reasons"].values()) == record["split"]["other_ns"]


def test_the_cpu_of_a_run_is_that_of_wait4(place: Place) -> None:
    burn = "import os,time; e=time.process_time()+.3\nwhile time.process_time()<e: pass\n"
    record = _record(place, "python3", "-I", "-S", "-c", burn)

    used = record["command"]["cpu_user_ns"] + record["command"]["cpu_sys_ns"]
    assert 300_000_000 <= used < 400_000_000


def test_a_record_replaces_the_file_and_leaves_nothing_beside_it(place: Place) -> None:
    (place.work / "run.json").write_text("old")

    _record(place, "true")

    assert os.listdir(place.work) == ["run.json"]


def test_a_record_that_cannot_be_written_is_told_and_changes_no_status(place: Place) -> None:
    ran = _run(place, "--json", "/nowhere/run.json", "--", "sh", "-c", "exit 5")

    assert ran.returncode == 5
    assert ran.stderr == (
        b"ptywrap: cannot write /nowhere/run.json: No such file or directory\n  name another file\n"
    )


def test_without_a_terminal_nothing_is_added_to_either_stream(place: Place) -> None:
    ran = _run(place, "--", "sh", "-c", "echo out; echo err >&2; exit 3")

    assert (ran.returncode, ran.stdout, ran.stderr) == (3, b"out\n", b"err\n")


def test_in_a_terminal_a_summary_of_at_most_eight_lines_follows(place: Place) -> None:
    window = place.open([*LAUNCHER, "--", "sh", "-c", "echo work; exit 3"])

    window.until(rb"work\r\n")
    shown = window.until(rb"more +ptywrap show [0-9a-f]+\r\n").decode()

    assert shown.startswith("ptywrap: sh -c 'echo work; exit 3': ")
    assert ", exit 3\r\n" in shown
    assert len(shown.splitlines()) <= 8


def test_quiet_keeps_the_summary_away(place: Place) -> None:
    window = place.command("sh", "-c", "echo work")

    assert b"".join(window.stream()) == b"work\r\n"


def test_a_run_in_a_session_and_its_line_are_one_command(place: Place) -> None:
    window = place.shell()
    window.ask(f"{PRODUCT} --quiet --json run.json -- sh -c 'echo in''side'", rb"inside\r\n")
    window.until(rb"ready> ")
    record = json.loads((place.work / "run.json").read_text())
    window.line("exit")
    window.until(rb"exit\r\n")

    listed = json.loads(_run(place, "log", "--json", "--since", "all").stdout)

    # bash tells of a line when it is over, and `exit` never is.
    assert [one["id"] for one in listed] == [record["command"]["id"]]
    assert "--json run.json" in listed[0]["line"]


@pytest.mark.linux
def test_an_ordinary_account_gets_the_same_record(
    second: account.Account, second_home: homes.Home
) -> None:
    launcher = second.checkout / "ptywrap" / "launch" / "ptywrap.sh"

    ran = account.run_as(
        second,
        [launcher, "--json", "run.json", "--", "bash", "-c", WORK],
        second_home.environ,
        stdin=subprocess.DEVNULL,
    )

    record = json.loads((second_home.folder / "run.json").read_text())
    assert ran.returncode == 7
    assert record["command"]["process_count"] == 6
    assert record["command"]["completeness"] == "exact"


def test_a_window_size_reaches_the_run(place: Place) -> None:
    window = place.command("stty", "size", start=Start(rows=31, columns=97))

    assert b"".join(window.stream()) == b"31 97\r\n"
