"""The run record holds what interfaces.md section 2 promises, by name."""

from typing import Any

from ptywrap import wire
from tests import build


def _record(*facts: wire.Fact) -> dict[str, Any]:
    command = build.a_command()
    record = wire.run_record([command, *facts], (command.session, command.id))
    assert record is not None
    return record


def test_a_command_nobody_told_has_no_record() -> None:
    assert wire.run_record([build.a_process()], (build.SESSION, 1)) is None


def test_every_section_is_there_even_when_nothing_is_known() -> None:
    assert list(_record()) == [
        "command",
        "context",
        "split",
        "other_reasons",
        "download",
        "processes",
        "flows",
        "samples",
        "daemons",
        "what_if",
        "tests",
        "line_cut",
        "argv_cut",
        "losses",
        "host",
    ]


def test_the_command_section_has_the_promised_names() -> None:
    promised = (
        "id session line shape template category cwd repo branch commit user host shell actor "
        "started_at wall_ns suspended_ns exit_status signal cpu_user_ns cpu_sys_ns peak_rss_bytes "
        "read_bytes write_bytes received_bytes sent_bytes connections process_count completeness "
        "wait_ns return_delay_ns prompt_ns"
    )

    assert sorted(_record(build.a_session())["command"]) == sorted(promised.split())


def test_a_process_has_the_promised_names() -> None:
    promised = (
        "pid ppid name exe argv cwd started_at wall_ns exit_status signal cpu_user_ns cpu_sys_ns "
        "peak_rss_bytes read_bytes write_bytes source completeness"
    )

    assert list(_record(build.a_process())["processes"][0]) == promised.split()


def test_a_flow_has_the_promised_names() -> None:
    promised = (
        "pid pid_confidence protocol remote_host host_source remote_address remote_port opened_at "
        "connect_ns first_byte_at closed_at received_bytes sent_bytes rtt_ns retransmits loopback"
    )

    assert list(_record(build.a_flow())["flows"][0]) == promised.split()


def test_a_process_told_twice_is_listed_once_as_last_told() -> None:
    alive = build.a_process(exit_status=None)

    assert [one["exit_status"] for one in _record(alive, build.a_process())["processes"]] == [2]


def test_a_process_of_another_command_is_left_out() -> None:
    assert _record(build.a_process(command=1))["processes"] == []


def test_a_loss_counts_only_while_the_command_ran() -> None:
    before = build.a_loss(since=build.AT - 10, until=build.AT - 5)
    during = build.a_loss(since=build.AT - 4, until=build.AT + 1)

    assert [one["since"] for one in _record(before, during)["losses"]] == [build.AT - 4]


def test_what_is_unknown_is_null_and_never_zero() -> None:
    command = build.a_command(split=None)
    record = wire.run_record([command], (command.session, command.id))

    assert record is not None
    assert set(record["split"].values()) == {None}


def test_a_part_of_the_time_that_nothing_measured_is_null() -> None:
    command = build.a_command()
    record = wire.run_record([command], (command.session, command.id))
    assert record is not None
    assert record["split"] == {
        "cpu_ns": 1_200_000_000,
        "runqueue_ns": None,
        "disk_ns": None,
        "network_ns": None,
        "input_ns": None,
        "lock_ns": None,
        "other_ns": 800_000_000,
    }
