"""The observer killed at any moment: no command is lost, none is told under two ids."""

import random

import pytest

from ptywrap import wire
from tests.e2e.observing import Observing, Shown, shown, typed
from tests.e2e.places import SHELLS
from tests.e2e.terminal import PROMPT

pytestmark = pytest.mark.linux


def keys(observing: Observing) -> dict[str, set[int]]:
    """Return under which ids each line was told as ended."""
    found: dict[str, set[int]] = {}
    for fact in observing.facts():
        if isinstance(fact, wire.Command) and fact.wall_ns is not None:
            found.setdefault(fact.line or "", set()).add(fact.id)
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_what_was_typed_while_nobody_looked_is_told_by_the_next(
    observing: Observing, shell: str
) -> None:
    window = observing.shell(shell)
    typed(window, "/bin/true 1")
    observing.command("/bin/true 1")
    observing.kill()
    typed(window, "/bin/true 2", "cd /tmp", "/bin/false 3")
    observing.start()
    observing.command("/bin/false 3")
    told = sorted(observing.commands(), key=lambda one: one.started_at or 0)
    assert [(one.line, one.exit_status) for one in told] == [
        ("/bin/true 1", 0),
        ("/bin/true 2", 0),
        ("cd /tmp", 0),
        ("/bin/false 3", 1),
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_that_goes_on_while_it_dies_keeps_its_id(
    observing: Observing, shell: str
) -> None:
    window = observing.shell(shell)
    typed(window, "sleep 0.1")
    observing.command("sleep 0.1")
    window.line("sh -c 'sleep 1.5; sleep 0.05; exit 4'")
    (running,) = observing.until(lambda: observing.ask("status")["running"])
    observing.kill()
    observing.start()
    (again,) = observing.until(lambda: observing.ask("status")["running"])
    window.until(PROMPT)
    command = observing.command("sh -c 'sleep 1.5; sleep 0.05; exit 4'")
    assert (again["command"], command.id) == (running["command"], running["command"])
    assert (command.exit_status, command.completeness) == (4, "sampled")
    wanted = {Shown("sleep", 0, None), Shown("sh", 4, None)}
    observing.until(lambda: [1] * (wanted <= set(shown(observing.processes(command)))))


def test_processes_that_had_ended_before_it_died_are_not_lost(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "sleep 0.1")
    observing.command("sleep 0.1")
    window.line("sh -c 'sleep 0.05; sleep 0.06; sleep 1.5'")
    held = observing.marks.glob
    observing.until(lambda: [one for one in held("*.held") if b"0.06" in one.read_bytes()])
    observing.kill()
    observing.start()
    window.until(PROMPT)
    command = observing.command("sh -c 'sleep 0.05; sleep 0.06; sleep 1.5'")
    names = ["sh", "sleep", "sleep", "sleep"]
    observing.until(
        lambda: [1] * (sorted(one.name or "" for one in observing.processes(command)) == names)
    )


def test_the_hole_is_told_as_a_loss(observing: Observing) -> None:
    window = observing.shell()
    typed(window, "/bin/true 1")
    observing.command("/bin/true 1")
    observing.kill()
    typed(window, "/bin/true 2")
    observing.start()
    command = observing.command("/bin/true 2")
    (hole,) = [one for one in observing.losses() if one.sensor == "observer"]
    started_at = command.started_at or 0
    assert hole.until is not None
    assert (hole.since < started_at < hole.until, hole.missed) == (True, None)
    assert command.completeness == "sampled"


def test_one_that_takes_its_leave_leaves_no_hole(observing: Observing) -> None:
    started = observing.stop()
    assert (started, observing.lock.read_text()) == (0, "")
    observing.start()
    assert [one for one in observing.losses() if one.sensor == "observer"] == []


def test_a_run_outlives_its_observer(observing: Observing) -> None:
    window = observing.place.command("sh", "-c", "sleep 1; exit 3")
    observing.until(lambda: observing.ask("status")["running"])
    observing.kill()
    observing.start()
    window.finish()
    (command,) = observing.until(observing.commands)
    assert (command.line, command.exit_status) == ("sh -c 'sleep 1; exit 3'", 3)
    assert command.cpu_user_ns is not None


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_no_command(observing: Observing) -> None:
    dice = random.Random(7)  # noqa: S311 - it picks moments, not secrets
    window = observing.shell()
    lines = [f"/bin/true {number}" for number in range(60)]
    for number, line in enumerate(lines):
        window.line(line)
        if number % 6 == 3:
            # The moment is what is tested, so it is not waited for.
            window.read_once(dice.randrange(30))
            observing.kill()
            observing.start()
        window.until(PROMPT)
    observing.command(lines[-1])
    told = keys(observing)
    assert sorted(told) == sorted(lines)
    assert {line: len(ids) for line, ids in told.items()} == dict.fromkeys(lines, 1)
