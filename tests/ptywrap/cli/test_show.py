"""`show` lists the dearest flows, each with who had it."""

from ptywrap import wire
from ptywrap.cli import show
from tests import build


def by(*facts: wire.Fact) -> list[str]:
    """Return the last column of the flows of a command."""
    command = build.a_command()
    record = wire.run_record([command, *facts], (command.session, command.id))
    assert record is not None
    return [str(row[-1]) for row in show._flows(record)]


def test_a_flow_has_its_program_and_pid() -> None:
    assert by(build.a_process(pid=4242, name="curl"), build.a_flow(pid=4242)) == ["curl 4242"]


def test_doubt_about_its_process_is_said() -> None:
    likely = build.a_flow(pid=4242, pid_confidence="likely")
    assert by(build.a_process(pid=4242, name="curl"), likely) == ["curl 4242 (likely)"]


def test_one_whose_process_has_no_name_has_a_pid() -> None:
    assert by(build.a_flow(pid=7)) == ["? 7"]


def test_one_of_nobody_says_nothing() -> None:
    assert by(build.a_flow(pid=None, pid_confidence="none")) == [""]
