"""What goes with a voyage: erasures, tokens, proxies, restraint, and weeks without a network."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from ptywrap import wire
from ptywrap.quota import Limits
from ptywrap.ship import erasure, state
from ptywrap.ship.voyage import Pace
from tests import build, faults, shipping
from tests.shipping import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with three facts in a sealed segment."""
    made = Machine(tmp_path)
    made.seal(*shipping.losses(3))
    return made


def test_what_is_held_is_not_sent(machine: Machine) -> None:
    with faults.service() as it:
        voyage = machine.voyage(it.url, held=lambda: "paused")
        voyage.run()

    assert (it.requests, voyage.state.held) == ([], "paused")
    assert shipping.counted(machine)["waiting"] == 3


def test_a_token_of_thirty_days_is_replaced_before_anything_is_sent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with faults.service() as it:
        it.enrolling = {"token": "a-newer-token"}
        enrolled = shipping.an_enrolment(it.url, rotated_at=1)
        machine.voyage(it.url, enrolled=enrolled).run()

    told = [(request.path, request.headers["authorization"]) for request in it.requests]
    assert told == [
        ("/v1/rotate", "Bearer token-of-a-device"),
        ("/v1/batches", "Bearer a-newer-token"),
    ]


def test_an_erasure_is_asked_for_until_the_answer_is_yes(machine: Machine) -> None:
    outbox = machine.pack()
    erasure.ask(erasure.begin(outbox.folder, erasure.Erasure(since=1)))
    with faults.service() as it:
        it.moods += ["500", "reset"]
        machine.voyage(it.url).run()

    assert it.paths() == ["DELETE /v1/me?since=1"] * 3 + ["POST /v1/batches"]
    assert erasure.asked(outbox.folder) == []
    assert shipping.since(shipping.stored(it)) == [0]


def test_nothing_is_sent_while_something_is_being_forgotten(machine: Machine) -> None:
    box = machine.outbox()
    erasure.begin(box.folder, erasure.Erasure())
    with faults.service() as it:
        voyage = machine.voyage(it.url)
        voyage.run()

    assert (it.requests, voyage.state.held) == ([], "something is being forgotten")
    assert machine.outbox().waiting() == []


def test_an_erasure_that_is_refused_for_good_is_told_and_stops_nothing(machine: Machine) -> None:
    outbox = machine.pack()
    erasure.ask(erasure.begin(outbox.folder, erasure.Erasure(since=1)))
    with faults.service() as it:
        it.moods.append("400")
        voyage = machine.voyage(it.url)
        done = voyage.run()

    assert (done.facts, voyage.state.rejected) == (1, "erasure: 400: not now")
    assert erasure.asked(outbox.folder) == []


def test_patience_is_for_waiting_not_for_work(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for boot in ("one", "two", "three"):
        machine.header = build.a_segment(boot_id=boot)
        machine.seal(*shipping.losses(1))
    with faults.service() as it:
        it.moods += ["keep", "keep", "500"]
        pace = Pace(between_s=0.2, patience_s=0.3, stretch=0.1)
        done = machine.voyage(it.url, pace=pace).run()

    assert done.batches == 3


def test_why_nothing_was_tried_is_forgotten_by_the_next_voyage(machine: Machine) -> None:
    with faults.service() as it:
        machine.voyage(it.url, held=lambda: "paused").run()
        machine.voyage(it.url).run()
        voyage = machine.voyage(it.url)
        voyage.run()

    assert state.read(machine.device / "outbox").held is None


def test_repositories_are_erased_by_their_ids(machine: Machine) -> None:
    outbox = machine.pack()
    erasure.ask(erasure.begin(outbox.folder, erasure.Erasure(since=9, repos=["aa", "bb"])))
    with faults.service() as it:
        machine.voyage(it.url).run()

    assert it.paths()[:2] == [
        "DELETE /v1/me?since=9&repo=aa",
        "DELETE /v1/me?since=9&repo=bb",
    ]


def test_a_proxy_of_the_settings_is_used(machine: Machine) -> None:
    with faults.service() as it, faults.proxy() as proxy:
        done = machine.voyage(it.url, proxy=proxy.url).run()

    assert (done.facts, proxy.asked) == (3, [f"POST {it.url}/v1/batches"])


def test_a_proxy_of_the_environment_is_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.service() as it, faults.proxy() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        done = machine.voyage(it.url).run()

    assert (done.facts, proxy.asked) == (3, [])


def test_a_week_offline_arrives_whole_and_in_few_batches(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with faults.service() as gone:
        url = gone.url
    for night in range(20):
        machine.seal(*shipping.losses(5, night * 5))
        machine.voyage(url, pace=Pace(patience_s=0.0)).run(asked=True)
    with faults.service() as it:
        machine.voyage(it.url).run(asked=True)

    assert shipping.since(shipping.stored(it)) == list(range(100))
    assert len(it.stored) <= 3


def test_commits_never_leave(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(wire.Commit(session=build.SESSION, commit="c0ffee"))
    with faults.service() as it:
        machine.voyage(it.url).run()

    assert it.requests == []


@pytest.mark.root
@pytest.mark.linux
@pytest.mark.skipif(os.getuid() != 0, reason="mounts a tmpfs: run as root")
def test_on_a_full_disk_what_was_packed_is_sent_and_what_was_not_is_counted(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", tmp_path], check=True)
    try:
        machine = Machine(tmp_path)
        machine.seal(*shipping.losses(50))
        box = machine.pack()
        machine.header = build.a_segment(boot_id="another")
        machine.seal(*shipping.losses(50, 50))
        _fill(tmp_path / "ballast")
        with faults.service() as it:
            machine.voyage(it.url, limits=Limits(keep_free_bytes=0)).run()
            sent = shipping.since(shipping.stored(it))
            counts = shipping.counted(machine)
            (tmp_path / "ballast").unlink()
            for _ in range(2):
                machine.voyage(it.url, limits=Limits(keep_free_bytes=0)).run(asked=True)
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert box.device == build.DEVICE
    assert (sent, counts) == (list(range(50)), {"waiting": 0, "delivered": 50, "dropped": 50})
    told = [fact for fact in shipping.stored(it) if isinstance(fact, wire.Loss)][50:]
    assert sorted((loss.sensor, loss.missed) for loss in told) == [
        ("outbox (quota)", 50),
        ("spool (quota)", 100),
    ]


def _fill(file: Path) -> None:
    """Take every byte of a disk."""
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(bytes(4096)):
            pass
