"""The shipper as a process: one at a time, killed anywhere, switched off by anything."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ptywrap import segments, wire
from tests import build, faults, shipping
from tests import home as homes
from tests.home import Home
from tests.shipping import Machine

LOG = "state_home/ptywrap/shipper.log"
ROOT = Path(__file__).parents[3]
FAST = ("--between", "0", "--patience", "10", "--stretch", "0.02", "--total", "2")
# A kill -9 of oneself in the place of a system call: here nothing after it happens.
KILLED_AT = """
import os, sys
from ptywrap.ship import __main__ as shipper
at = int(sys.argv.pop(1))
real, calls = os.{call}, 0
def {call}(*words, **named):
    global calls
    calls += 1
    if calls == at:
        os.kill(os.getpid(), 9)
    return real(*words, **named)
os.{call} = {call}
sys.exit(shipper.main())
"""


@pytest.fixture
def machine(home: Home) -> Machine:
    """Give the machine of a home, with three facts of two boots each in its spool."""
    made = shipping.machine_of(home)
    for number in range(2):
        made.header = build.a_segment(boot_id=_boot(number))
        made.seal(*shipping.losses(3, 3 * number))
    return made


@pytest.fixture
def it(home: Home) -> Iterator[faults.Service]:
    """Run a service that the home's machine has joined."""
    with faults.service() as made:
        enrolled = shipping.an_enrolment(made.url)
        file = Path(home.environ["XDG_STATE_HOME"], "ptywrap", "enrolment.json")
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_bytes(msgspec.json.encode(enrolled))
        yield made


def _boot(number: int) -> str:
    return f"b0070000-0000-4000-8000-{number:012d}"


def _start(home: Home, *more: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, *(more or ("-m", "ptywrap.ship")), *FAST]
    return subprocess.Popen(argv, cwd=ROOT, env=home.environ)


def _ship(home: Home, *more: str) -> int:
    return _start(home, *more).wait(30)


def test_what_is_in_the_spool_arrives(home: Home, machine: Machine, it: faults.Service) -> None:
    assert _ship(home) == 0

    assert shipping.since(shipping.stored(it)) == list(range(6))
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 6, "dropped": 0}


@pytest.mark.parametrize(("call", "step"), [("rename", 1), ("fsync", 3)])
def test_killed_at_any_step_nothing_is_lost_and_nothing_stored_twice(
    home: Home, machine: Machine, it: faults.Service, call: str, step: int
) -> None:
    killed = 0
    for at in range(1, 60, step):
        code = _ship(home, "-c", KILLED_AT.format(call=call), str(at))
        killed += code == -signal.SIGKILL
        if code == 0:
            break
        machine.header = build.a_segment(boot_id=_boot(at))
        machine.seal(*shipping.losses(1, 5 + killed))

    assert killed >= 3
    assert _ship(home) == 0
    assert it.differed == 0
    assert shipping.since(shipping.stored(it)) == list(range(5 + killed + 1))
    assert shipping.counted(machine)["waiting"] == 0


def test_killed_between_answer_and_move_the_same_bytes_are_sent_again(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    pids: list[int] = []
    it.on_batch = lambda: os.kill(pids.pop(), signal.SIGKILL) if pids else None
    shipper = _start(home)
    pids.append(shipper.pid)
    assert shipper.wait(30) == -signal.SIGKILL

    assert _ship(home) == 0
    assert (it.repeated, it.differed, len(it.stored)) == (1, 0, 2)
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 6, "dropped": 0}


def test_of_two_at_once_one_leaves(home: Home, machine: Machine, it: faults.Service) -> None:
    it.moods.append("hang")
    first = _start(home)
    deadline = time.monotonic() + 10
    while not it.requests and time.monotonic() < deadline:
        time.sleep(0.01)

    assert _ship(home) == 0
    assert len(it.requests) == 1
    assert first.wait(30) == 0
    assert shipping.counted(machine)["waiting"] == 0


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("state_home/ptywrap/paused", ""),
        ("config_home/ptywrap/config.toml", "enabled = false\n"),
        ("config_home/ptywrap/config.toml", "this is no TOML"),
    ],
)
def test_what_forbids_it_keeps_everything_here(
    home: Home, machine: Machine, it: faults.Service, place: str, text: str
) -> None:
    file = home.folder / place
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(text)

    assert _ship(home) == 0
    assert it.requests == []
    assert shipping.counted(machine)["waiting"] == 6


@pytest.mark.parametrize(("spared", "sent"), [("true", 0), ("false", 6)])
def test_a_metered_link_is_spared_unless_the_settings_say_otherwise(
    home: Home, machine: Machine, it: faults.Service, spared: str, sent: int
) -> None:
    program = home.folder / "busctl"
    program.write_text("#!/bin/sh\necho u 1\n")
    program.chmod(0o755)
    home.environ["PATH"] = f"{home.folder}:{home.environ['PATH']}"
    home.environ["PTYWRAP_SHIP_SPARINGLY"] = spared

    assert _ship(home) == 0
    assert len(shipping.stored(it)) == sent
    assert shipping.counted(machine)["waiting"] == 6 - sent


@pytest.mark.parametrize("switch", ["PTYWRAP_DISABLE", "DO_NOT_TRACK"])
def test_an_off_switch_keeps_everything_here(
    home: Home, machine: Machine, it: faults.Service, switch: str
) -> None:
    home.environ[switch] = "1"

    assert _ship(home) == 0
    assert it.requests == []
    assert shipping.counted(machine)["waiting"] == 6


def test_the_observer_starts_one_that_does_its_work_and_leaves(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    start = "from ptywrap.observe import nudge; nudge.start_shipper_gently()"
    subprocess.run([sys.executable, "-c", start], cwd=ROOT, env=home.environ, check=True)

    assert homes.leaks(home, 30.0) == []
    assert shipping.since(shipping.stored(it)) == list(range(6))
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 6, "dropped": 0}


def test_who_has_joined_nothing_ships_nothing(home: Home, machine: Machine) -> None:
    assert _ship(home) == 0
    assert not (machine.device / "outbox").exists()


def test_nothing_of_a_line_a_path_or_a_name_leaves(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    canary = "canary-of-ada"
    machine.seal(
        build.a_command(line=f"make {canary}", cwd=f"/home/{canary}", repo=f"example.org/{canary}"),
        build.a_process(name=canary, exe=f"/opt/{canary}", argv=[canary], cwd=f"/{canary}"),
        build.a_flow(remote_host=f"{canary}.example.org"),
        build.a_session(user=canary, terminal=f"/dev/{canary}"),
    )

    assert _ship(home) == 0
    assert all(canary not in repr(fact) for fact in shipping.stored(it))
    assert len(shipping.stored(it)) == 10


def test_a_line_that_has_come_to_be_ignored_leaves_the_outbox_before_it_is_sent(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    machine.seal(build.a_command(line="make secret-thing"), build.a_process(), build.a_host())
    it.moods += ["503 1", "503 3000"]
    assert _ship(home) == 0
    waited = shipping.counted(machine)["waiting"]
    file = home.folder / "config_home" / "ptywrap" / "config.toml"
    file.parent.mkdir(mode=0o700)
    file.write_text('ignore = ["secret"]\n')
    (machine.device / "outbox" / "state.json").unlink()

    assert _ship(home) == 0
    kinds = {type(fact) for fact in shipping.stored(it)}
    assert (waited, kinds) == (9, {wire.Loss, wire.Host})
    assert it.differed == 0


def test_an_outbox_that_is_a_link_is_told_and_not_followed(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    (machine.device / "outbox").symlink_to(home.folder)

    assert _ship(home) == 1
    assert it.requests == []
    assert "nothing can be shipped: UserError" in (home.folder / LOG).read_text()


def test_what_was_dropped_is_told_as_a_loss(
    home: Home, machine: Machine, it: faults.Service
) -> None:
    it.moods.append("400")

    assert _ship(home) == 0
    assert _ship(home) == 0
    told = [
        (fact.sensor, fact.missed)
        for fact in segments.recent(machine.spool)
        if isinstance(fact, wire.Loss) and fact.sensor.startswith("outbox")
    ]
    assert told == [("outbox (rejected)", 3)]
