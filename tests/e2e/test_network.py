"""Flows of commands, end to end, compared with what the server counted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptywrap import wire
from tests import account
from tests import home as homes
from tests.e2e.observing import Observing, typed
from tests.e2e.places import Place
from tests.e2e.serving import CLIENT, Count, Load, Serving, client
from tests.e2e.terminal import LAUNCHER, PROMPT

pytestmark = pytest.mark.linux

MANY = 300
TOO_MANY = 700


def record(place: Place, *argv: str, **changes: str | None) -> dict[str, Any]:
    """Run a command, and return its record."""
    subprocess.run(
        [*LAUNCHER, "--quiet", "--json", "run.json", "--", *argv],
        check=True,
        cwd=place.work,
        env=place.environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    told: dict[str, Any] = json.loads((place.work / "run.json").read_text())
    return told


def moved(flows: list[dict[str, Any]]) -> list[Count]:
    """Return what flows moved."""
    return [Count(one["received_bytes"], one["sent_bytes"]) for one in flows]


def to(port: int, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the flows of a record to a port."""
    return [flow for flow in told["flows"] if flow["remote_port"] == port]


def flows(observing: Observing, port: int) -> list[wire.Flow]:
    """Return the flows to a port that some process had, each as told last."""
    told = {
        (fact.id, fact.command): fact
        for fact in observing.facts()
        if isinstance(fact, wire.Flow) and fact.remote_port == port and fact.pid is not None
    }
    return list(told.values())


def test_a_cold_run_has_its_connection_with_every_byte(place: Place) -> None:
    with Serving(delay_s=0.1) as server:
        told = record(place, *client(sys.executable, "127.0.0.1", server.port, Load(100_000)))
        (flow,) = to(server.port, told)
        counted = server.counts()
    assert (moved([flow]), flow["pid_confidence"]) == (counted, "exact")
    assert flow["pid"] == told["processes"][0]["pid"]


def test_a_flow_has_its_moments_in_order_and_lies_in_its_command(place: Place) -> None:
    with Serving(delay_s=0.1) as server:
        told = record(place, *client(sys.executable, "127.0.0.1", server.port, Load(100_000)))
        (flow,) = to(server.port, told)
    started = told["command"]["started_at"]
    ended = started + told["command"]["wall_ns"]
    moments = [flow["opened_at"], flow["first_byte_at"], flow["closed_at"]]
    # The kernel tells the moment of the last bytes in milliseconds.
    assert moments == sorted(moments)
    assert started <= moments[0] <= moments[2] <= ended + 20_000_000


def test_connections_within_the_machine_are_told_and_not_counted(place: Place) -> None:
    with Serving(delay_s=0.1) as server:
        told = record(place, *client(sys.executable, "127.0.0.1", server.port, Load(100_000)))
    command = told["command"]
    assert [flow["loopback"] for flow in to(server.port, told)] == [True]
    assert (command["received_bytes"], command["sent_bytes"], command["connections"]) == (0, 0, 0)


def test_a_command_without_connections_has_none_and_does_not_wait(place: Place) -> None:
    record(place, "true")
    told = record(place, "sleep", "0.2")
    command = told["command"]
    assert (told["flows"], command["connections"], command["received_bytes"]) == ([], 0, 0)


def test_every_one_of_many_connections_is_a_flow(observing: Observing) -> None:
    with Serving() as server:
        argv = client(sys.executable, "127.0.0.1", server.port, Load(1000, MANY // 30, 0.03, 30))
        told = record(observing.place, *argv)
        assert sorted(moved(to(server.port, told))) == sorted(server.counts())


def test_more_than_some_hundred_are_summed_up(observing: Observing) -> None:
    with Serving() as server:
        argv = client(
            sys.executable, "127.0.0.1", server.port, Load(1000, TOO_MANY // 50, 0.03, 50)
        )
        told = record(observing.place, *argv)
        counted = server.counts()
    listed, others = to(server.port, told), [one for one in told["flows"] if one["pid"] is None]
    assert (len(listed), len(others)) == (512, 1)
    received = sum(one["received_bytes"] for one in [*listed, *others])
    assert (received, others[0]["remote_address"]) == (sum(one[0] for one in counted), None)


def test_a_typed_command_has_its_connection(observing: Observing) -> None:
    with Serving(delay_s=0.1) as server:
        (observing.place.work / "fetch.py").write_text(CLIENT)
        line = f"{sys.executable} -I fetch.py 127.0.0.1 {server.port} 5000 1 0.05 1"
        window = observing.shell()
        typed(window, line)
        command = observing.command(line)
        found = observing.until(
            lambda: [one for one in flows(observing, server.port) if one.closed_at]
        )
        counted = server.counts()
    assert [(one.session, one.command) for one in found] == [(command.session, command.id)]
    assert [Count(one.received_bytes or 0, one.sent_bytes or 0) for one in found] == counted


def test_a_flow_that_outlives_its_command_is_told_again_when_it_ends(observing: Observing) -> None:
    with Serving(delay_s=1.5) as server:
        (observing.place.work / "fetch.py").write_text(CLIENT)
        line = f"{sys.executable} -I fetch.py 127.0.0.1 {server.port} 5000 1 0 1 & sleep 0.7"
        window = observing.shell()
        typed(window, line)
        command = observing.command(line)
        first = observing.until(lambda: flows(observing, server.port))
        observing.until(lambda: [one for one in flows(observing, server.port) if one.closed_at])
        (last,) = flows(observing, server.port)
    assert (first[0].id, first[0].closed_at) == (last.id, None)
    assert (last.received_bytes, last.command) == (5000, command.id)


def test_a_restarted_observer_tells_a_flow_once_and_whole(observing: Observing) -> None:
    with Serving(delay_s=2.5) as server:
        (observing.place.work / "fetch.py").write_text(CLIENT)
        line = f"{sys.executable} -I fetch.py 127.0.0.1 {server.port} 5000 1 0.1 1"
        window = observing.shell()
        typed(window, "sleep 0.1")
        observing.command("sleep 0.1")
        window.line(line)
        assert server.met(10)
        observing.kill()
        observing.start()
        window.until(PROMPT)
        command = observing.command(line)
        # On a busy machine its end comes after its command's; then it is told again.
        observing.until(
            lambda: [one for one in flows(observing, server.port) if one.received_bytes]
        )
        found = flows(observing, server.port)
    assert [(one.command, one.received_bytes, one.sent_bytes) for one in found] == [
        (command.id, 5000, 5)
    ]


def test_a_line_that_is_recorded_nowhere_leaves_no_flow(observing: Observing) -> None:
    place = observing.place
    with (place.home / ".bashrc").open("a") as file:
        file.write("HISTCONTROL=ignorespace\n")
    with Serving(delay_s=0.2) as server:
        (place.work / "fetch.py").write_text(CLIENT)
        window = observing.shell()
        typed(window, f" {sys.executable} -I fetch.py 127.0.0.1 {server.port} 5000 1 0.05 1")
        typed(window, "sleep 0.1")
        observing.command("sleep 0.1")
        assert (flows(observing, server.port), len(server.counts())) == ([], 1)


def test_switched_off_nothing_is_told_and_nothing_claimed(place: Place) -> None:
    with Serving(delay_s=0.1) as server:
        argv = client(sys.executable, "127.0.0.1", server.port, Load(100_000))
        told = record(place, *argv, PTYWRAP_NETWORK="false")
    command = told["command"]
    assert (told["flows"], command["connections"], command["received_bytes"]) == ([], None, None)


@pytest.mark.root
def test_an_ordinary_account_has_its_connections(
    second: account.Account, second_home: homes.Home
) -> None:
    launcher = second.checkout / "ptywrap" / "launch" / "ptywrap.sh"
    with Serving(delay_s=0.1) as server:
        argv = client(str(second.python), "127.0.0.1", server.port, Load(100_000, 3))
        words: list[str | Path] = [launcher, "--quiet", "--json", "run.json", "--", *argv]
        done = account.run_as(second, words, second_home.environ, stdin=subprocess.DEVNULL)
        counted = server.counts()
    told = json.loads((second_home.folder / "run.json").read_text())
    listed = to(server.port, told)
    assert (done.returncode, moved(listed)) == (0, counted)
    assert {flow["pid_confidence"] for flow in listed} == {"exact"}
