"""A line and an argv of a MiB that are not UTF-8: cut and marked, and the rest of them stored."""

import pytest

from ptywrap import wire
from tests.e2e.observing import Observing
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER

# Linux takes 128 KiB in one argument (execve(2), MAX_ARG_STRLEN), and 2 MiB in all.
LONG = [f"word-{number}-" + "\udcff\udc80x" * 33_000 for number in range(11)]


@pytest.mark.linux
@pytest.mark.slow
def test_a_mebibyte_of_arguments_is_cut_and_marked(observing: Observing, place: Place) -> None:
    argv = ["/bin/sh", "-c", "/bin/true; exit 7", *LONG]
    assert sum(map(len, LONG)) > 1 << 20
    place.open([*LAUNCHER, "--quiet", "--", *argv]).finish()
    (command,) = observing.until(observing.commands)
    assert (command.exit_status, command.line_cut) == (7, True)
    assert len((command.line or "").encode()) <= wire.TEXT_LIMIT
    observing.until(lambda: [one for one in observing.processes(command) if one.argv_cut])
    told = {one.name: one for one in observing.processes(command)}
    shell = told["sh"]
    assert (shell.argv or [])[:3] == ["/bin/sh", "-c", "/bin/true; exit 7"]
    assert sum(len(word.encode()) + 1 for word in shell.argv or []) <= wire.TEXT_LIMIT
    assert told["true"].exit_status == 0


@pytest.mark.linux
@pytest.mark.slow
def test_what_is_not_utf_8_is_written_in_digits(observing: Observing, place: Place) -> None:
    place.open([*LAUNCHER, "--quiet", "--", "/bin/echo", "caf\udce9"]).finish()
    (command,) = observing.until(observing.commands)
    assert command.line == "/bin/echo 'caf\\xe9'"
