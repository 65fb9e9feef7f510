"""Whatever the network does, what was packed arrives once, in the bytes that were packed."""

import time
from pathlib import Path

import pytest

from ptywrap.ship import state
from ptywrap.ship.courier import Deadlines
from ptywrap.ship.voyage import Done, Pace
from tests import build, faults, shipping
from tests.shipping import Machine

# What a network, a proxy or a service may do to one attempt; the data is kept, and arrives later.
BAD = [
    *("hang", "loris", "flood", "reset", "half", "lost", "portal", "redirect"),
    *("500", "502", "503", "408", "425", "429", "429 1", "404", "511 html"),
    *("400 html", "401 html", "403 html", "422 html"),
]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with three facts in a sealed segment."""
    made = Machine(tmp_path)
    made.seal(*shipping.losses(3))
    return made


def test_what_is_sealed_arrives(machine: Machine) -> None:
    with faults.service() as it:
        done = machine.voyage(it.url).run()

    assert done == Done(batches=1, facts=3)
    assert shipping.since(shipping.stored(it)) == [0, 1, 2]
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 3, "dropped": 0}


def test_a_batch_says_who_it_is_and_when_it_was_sent(machine: Machine) -> None:
    with faults.service() as it:
        machine.voyage(it.url).run()

    headers = it.batches()[0].headers
    sent_at = int(headers.pop("x-ptywrap-sent-at"))
    assert abs(sent_at - time.time_ns()) < 60_000_000_000
    assert {name: headers[name] for name in ("authorization", "content-type")} == {
        "authorization": "Bearer token-of-a-device",
        "content-type": "application/msgpack",
    }
    assert headers["content-encoding"] == "zstd"
    assert headers["idempotency-key"] == next(iter(it.stored))


@pytest.mark.parametrize("mood", BAD)
def test_a_bad_answer_keeps_the_data_and_a_retry_has_the_same_bytes(
    machine: Machine, mood: str
) -> None:
    with faults.service() as it:
        it.moods.append(mood)
        done = machine.voyage(it.url).run()

    bodies = [request.body for request in it.batches()]
    assert (done.facts, len(bodies), len({*bodies})) == (3, 2, 1)
    assert shipping.since(shipping.stored(it)) == [0, 1, 2]
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 3, "dropped": 0}


def test_an_answer_lost_after_storing_stores_nothing_twice(machine: Machine) -> None:
    with faults.service() as it:
        it.moods += ["lost", "lost"]
        machine.voyage(it.url).run()

    assert (len(it.stored), it.repeated, it.differed) == (1, 2, 0)


@pytest.mark.parametrize(
    ("mood", "deadlines", "most_s"),
    [
        ("hang", Deadlines(connect_s=5.0, read_s=0.3, total_s=5.0), 0.7),
        ("loris", Deadlines(connect_s=5.0, read_s=5.0, total_s=0.5), 0.9),
    ],
)
def test_a_silence_and_a_slow_answer_are_cut(
    machine: Machine, mood: str, deadlines: Deadlines, most_s: float
) -> None:
    with faults.service() as it:
        it.moods.append(mood)
        voyage = machine.voyage(it.url, deadlines=deadlines, pace=Pace(patience_s=0.0))
        began = time.monotonic()
        voyage.run()
        spent = time.monotonic() - began

    assert voyage.state.error == "no answer in time"
    assert spent < most_s


def test_a_black_hole_is_given_up_when_the_connection_takes_too_long(machine: Machine) -> None:
    with faults.black_hole() as url:
        deadlines = Deadlines(connect_s=0.3, read_s=5.0, total_s=5.0)
        voyage = machine.voyage(url, deadlines=deadlines, pace=Pace(patience_s=0.0))
        began = time.monotonic()
        voyage.run()
        spent = time.monotonic() - began

    assert voyage.state.error == "no connection in time"
    assert spent < 0.8
    assert shipping.counted(machine)["waiting"] == 3


def test_a_name_that_nobody_knows_keeps_the_data(machine: Machine) -> None:
    voyage = machine.voyage("https://nobody.invalid", pace=Pace(patience_s=0.0))
    voyage.run()

    assert voyage.state.error in {"its name is not known here", "no connection in time"}
    assert shipping.counted(machine)["waiting"] == 3


def test_a_refused_connection_keeps_the_data(machine: Machine) -> None:
    with faults.service() as gone:
        url = gone.url
    voyage = machine.voyage(url, pace=Pace(patience_s=0.0))
    voyage.run()

    assert voyage.state.error == "no connection: Connection refused"
    assert shipping.counted(machine)["waiting"] == 3


def test_a_redirect_is_not_followed(machine: Machine) -> None:
    with faults.service() as it:
        it.moods.append("redirect")
        machine.voyage(it.url).run()

    assert it.paths() == ["POST /v1/batches", "POST /v1/batches"]


@pytest.mark.parametrize("mood", ["400", "422"])
def test_what_is_wrong_is_set_aside_told_and_counted(machine: Machine, mood: str) -> None:
    with faults.service() as it:
        it.moods.append(mood)
        voyage = machine.voyage(it.url)
        done = voyage.run()

    assert (done.rejected, done.batches) == (1, 0)
    assert [path.name[-9:] for path in (machine.device / "rejected").iterdir()] == [".n3.batch"]
    assert voyage.state.rejected == f"{mood}: not now"
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 0, "dropped": 3}


@pytest.mark.parametrize("mood", ["401", "403"])
def test_a_stranger_stops_at_once_and_keeps_the_data(machine: Machine, mood: str) -> None:
    with faults.service() as it:
        it.moods.append(mood)
        voyage = machine.voyage(it.url)
        voyage.run()
        again = machine.voyage(it.url)
        again.run()

    assert len(it.batches()) == 1
    assert (voyage.state.error, voyage.state.stopped) == (f"{mood}: not now", True)
    assert shipping.counted(machine)["waiting"] == 3


def test_a_user_who_asks_is_tried_again_though_it_stopped(machine: Machine) -> None:
    with faults.service() as it:
        it.moods.append("401")
        machine.voyage(it.url).run()
        done = machine.voyage(it.url).run(asked=True)

    assert done.facts == 3


def test_what_is_too_large_arrives_in_halves(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    stem = machine.seal(*(build.a_loss(since=n, missed=n**9 % 1_000_003) for n in range(64)))
    with faults.service() as it:
        it.limit_bytes = 370
        machine.voyage(it.url).run()

    names = [name.replace(f"-{build.DEVICE}", "") for name in it.stored]
    assert names == [f"{stem}.0.0", f"{stem}.0.1", f"{stem}.1.0", f"{stem}.1.1"]
    assert shipping.since(shipping.stored(it)) == list(range(64))
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 64, "dropped": 0}


def test_one_fact_that_is_too_large_is_set_aside(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(build.a_loss())
    with faults.service() as it:
        it.limit_bytes = 10
        done = machine.voyage(it.url).run()

    assert done.rejected == 1


def test_a_wait_the_service_asks_for_is_kept_by_the_next_shipper_too(machine: Machine) -> None:
    with faults.service() as it:
        it.moods.append("503 90")
        machine.voyage(it.url, pace=Pace(patience_s=0.0)).run()
        asked = machine.voyage(it.url).run(asked=True)
        found = state.read(machine.device / "outbox")

    assert (len(it.batches()), asked.facts, found.asked) == (1, 0, True)
    assert 80 < found.wait_s() <= 90


def test_a_user_is_told_after_each_batch(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for number in range(3):
        machine.header = build.a_segment(boot_id=str(number))
        machine.seal(*shipping.losses(1, number))
    told: list[tuple[int, int]] = []
    with faults.service() as it:
        machine.voyage(it.url, tell=lambda sent, wait: told.append((sent, wait))).run()

    assert told == [(1, 2), (2, 1), (3, 0)]


def test_catching_up_takes_its_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for boot in ("one", "two", "three"):
        machine.header = build.a_segment(boot_id=boot)
        machine.seal(*shipping.losses(1))
    with faults.service() as it:
        began = time.monotonic()
        machine.voyage(it.url, pace=Pace(between_s=0.2, patience_s=20.0)).run()
        spent = time.monotonic() - began

    assert len(it.stored) == 3
    assert 0.4 <= spent < 1.2
