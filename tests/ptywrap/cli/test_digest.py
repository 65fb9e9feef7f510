"""The digest says what a person asks after a run, in at most eight lines."""

from typing import Any

from ptywrap import wire
from ptywrap.cli import digest
from tests import build


def _record(*facts: wire.Fact, **changes: Any) -> dict[str, Any]:
    command = build.a_command(**changes)
    record = wire.run_record([command, *facts], (command.session, command.id))
    assert record is not None
    return record


def test_the_digest_of_a_plain_run() -> None:
    record = _record(
        build.a_process(pid=1, name="make", cpu_user_ns=10_000_000, cpu_sys_ns=0),
        build.a_process(pid=2, name="cc1", cpu_user_ns=600_000_000, cpu_sys_ns=100_000_000),
        build.a_process(pid=3, name="cc1", cpu_user_ns=400_000_000, cpu_sys_ns=0),
        process_count=3,
        peak_rss_bytes=212_000_000,
    )

    assert digest.digest(record, "3f2a") == [
        "make test: 2.00 s, exit 2",
        "  where it went  cpu 1.20 s (60 %) · other waiting 800 ms (40 %)",
        "  processes      3 processes",
        "  dearest        cc1 1.10 s CPU in 2 · make 10 ms CPU",
        "  used           CPU 1.20 s · peak memory 212 MB",
        "  more           ptywrap show 3f2a",
    ]


def test_with_everything_to_say_it_stays_within_eight_lines() -> None:
    record = _record(
        build.a_process(), build.a_flow(), build.a_loss(), build.a_loss(since=build.AT + 1)
    )

    lines = digest.digest(record, "3f2a")

    assert len(lines) == 8
    assert lines[-1] == "  more           ptywrap show 3f2a"


def test_what_was_missed_for_one_reason_is_summed_up() -> None:
    losses = [build.a_loss(since=build.AT + number, missed=number) for number in (1, 2, 4)]

    assert "  not seen       proc_connector: overrun (7 missed)" in digest.digest(
        _record(*losses), "3f2a"
    )


def test_doubt_about_the_processes_is_said() -> None:
    lines = digest.digest(_record(completeness="sampled", process_count=7), "3f2a")

    assert "  processes      7 processes (sampled)" in lines


def test_what_is_not_known_is_not_said() -> None:
    record = _record(split=None, process_count=None, cpu_user_ns=None)

    assert digest.digest(record, "3f2a") == [
        "make test: 2.00 s, exit 2",
        "  more           ptywrap show 3f2a",
    ]


def test_hosts_are_named_with_their_bytes_but_loopback_is_not() -> None:
    record = _record(build.a_flow(), build.a_flow(id=2, loopback=True, remote_host="localhost"))

    assert "  network        files.example.org 1.0 MB" in digest.digest(record, "3f2a")


def test_a_host_of_which_no_bytes_are_known_is_named_all_the_same() -> None:
    record = _record(build.a_flow(received_bytes=None, sent_bytes=None))

    assert "  network        files.example.org an unknown number" in digest.digest(record, "3f2a")


def test_flows_that_were_summed_up_are_others_and_few_hosts_are_listed() -> None:
    named = [build.a_flow(id=n, remote_host=f"{n}.example.org") for n in range(2, 6)]
    unknown = {"remote_host": None, "remote_address": None, "protocol": None, "pid": None}
    others = build.a_flow(id=9, received_bytes=9_000_000, **unknown)
    lines = digest.digest(_record(*named, build.a_flow(id=8, received_bytes=9), others), "3f2a")
    network = next(line for line in lines if line.startswith("  network"))

    assert ("others 9.0 MB" in network, network.endswith("· 3 more hosts")) == (True, True)


def test_an_escape_sequence_in_the_line_is_written_out() -> None:
    assert digest.digest(_record(line="echo \x1b[2J"), "3f2a")[0].startswith("echo \\x1b[2J: ")
