"""What is forgotten here leaves what waits too, and nothing else does."""

import os
from pathlib import Path

import pytest

from ptywrap import outbox, wire
from ptywrap.ship import erasure, packing, policy
from ptywrap.ship.erasure import Erasure
from tests import build, shipping
from tests.shipping import Machine

S = 1_000_000_000
OLD = build.a_command(id=1, repo="aa", started_at=build.AT)
NEW = build.a_command(id=2, repo="bb", started_at=build.AT + 100 * S)
OF_OLD = build.a_process(command=1, started_at=build.AT + 200 * S)
OF_NEW = build.a_flow(command=2, opened_at=build.AT)
UNTIMED = build.a_flow(command=0, opened_at=None)
MACHINE = build.a_host()
REMOTE = wire.Project(repo="aa", alias="cc")
ALL: list[wire.Fact] = [OLD, NEW, OF_OLD, OF_NEW, UNTIMED, MACHINE, REMOTE]


@pytest.mark.parametrize(
    ("erasure", "left"),
    [
        (Erasure(), []),
        (Erasure(since=build.AT + 50 * S), [OLD, MACHINE, REMOTE]),
        (Erasure(repos=["aa"]), [NEW, OF_NEW, UNTIMED, MACHINE]),
        (Erasure(repos=["cc"]), [OLD, NEW, OF_OLD, OF_NEW, UNTIMED, MACHINE]),
        (
            Erasure(since=build.AT + 50 * S, repos=["aa"]),
            [OLD, NEW, OF_OLD, OF_NEW, UNTIMED, MACHINE],
        ),
        (Erasure(commands=[(build.SESSION, 1)]), [NEW, OF_NEW, UNTIMED, MACHINE, REMOTE]),
    ],
)
def test_an_erasure_takes_what_is_of_its_commands_along(
    erasure: Erasure, left: list[wire.Fact]
) -> None:
    assert _rest(erasure) == left


def _rest(asked: Erasure) -> list[wire.Fact]:
    return erasure.rest(ALL, asked)


def _machine(folder: Path) -> Machine:
    made = Machine(folder)
    made.seal(*shipping.losses(5))
    return made


def _facts(body: outbox.Body) -> list[wire.Fact]:
    return packing.opened(body.path.read_bytes())[1]


def test_a_body_that_was_never_tried_keeps_its_name(tmp_path: Path) -> None:
    box = _machine(tmp_path).pack()
    name = box.waiting()[0].name

    erasure.carry_out(box, Erasure(since=3))

    (body,) = box.waiting()
    assert (body.name, body.facts, shipping.since(_facts(body))) == (name, 3, [0, 1, 2])
    assert box.deliveries.counts().accepted == 3


def test_a_body_that_may_have_arrived_gets_another_name(tmp_path: Path) -> None:
    machine = _machine(tmp_path)
    box = machine.pack()
    (tried,) = box.waiting()
    box.tried(tried)

    erasure.carry_out(box, Erasure(since=3))

    (body,) = box.waiting()
    assert (body.name, shipping.since(_facts(body))) == (f"{tried.name}.0", [0, 1, 2])
    assert [one.name for one in machine.outbox().waiting()] == [body.name]


def test_a_body_that_holds_nothing_of_it_stays_as_it_is(tmp_path: Path) -> None:
    box = _machine(tmp_path).pack()
    before = box.waiting()[0].path.read_bytes()

    erasure.carry_out(box, Erasure(since=99))

    assert box.waiting()[0].path.read_bytes() == before


def test_a_body_of_nothing_else_goes(tmp_path: Path) -> None:
    machine = _machine(tmp_path)
    box = machine.pack()

    erasure.carry_out(box, Erasure())

    assert (box.waiting(), machine.outbox().waiting()) == ([], [])
    assert box.deliveries.counts().accepted == 0


def test_what_was_sent_and_rejected_is_forgotten_too(tmp_path: Path) -> None:
    machine = _machine(tmp_path)
    box = machine.pack()
    box.sent(box.waiting()[0], 0)
    machine.header = build.a_segment(boot_id="another")
    machine.seal(*shipping.losses(5))
    box = machine.pack()
    box.rejected(box.waiting()[0])

    erasure.carry_out(box, Erasure(since=3))

    assert outbox.bodies(box.sent_folder) + outbox.bodies(box.rejected_folder) == []


def test_what_was_forgotten_is_not_packed_again(tmp_path: Path) -> None:
    machine = _machine(tmp_path)
    erasure.carry_out(machine.pack(), Erasure())

    assert machine.pack().waiting() == []


def test_a_request_outlives_who_left_it(tmp_path: Path) -> None:
    folder = _machine(tmp_path).pack().folder
    path = erasure.ask(erasure.begin(folder, Erasure(since=7, repos=["aa"])))

    assert erasure.asked(folder) == [(path, Erasure(since=7, repos=["aa"]))]


def test_a_request_that_cannot_be_read_asks_for_everything(tmp_path: Path) -> None:
    folder = _machine(tmp_path).pack().folder
    path = erasure.ask(erasure.begin(folder, Erasure(since=7)))
    path.write_text("{")

    assert erasure.asked(folder) == [(path, Erasure())]


def test_while_facts_are_being_deleted_a_request_is_not_carried_out(tmp_path: Path) -> None:
    folder = _machine(tmp_path).pack().folder
    begun = erasure.begin(folder, Erasure())

    assert (erasure.under_way(folder), erasure.asked(folder)) == (True, [])
    erasure.ask(begun)
    assert (erasure.under_way(folder), len(erasure.asked(folder))) == (False, 1)


def test_who_began_and_died_is_not_waited_for(tmp_path: Path) -> None:
    folder = _machine(tmp_path).pack().folder
    begun = erasure.begin(folder, Erasure(since=7))
    os.utime(begun, (0, 0))

    assert not erasure.under_way(folder)
    assert [asked for _, asked in erasure.asked(folder)] == [Erasure(since=7)]


def test_a_line_that_has_come_to_be_ignored_takes_its_command_along(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(OLD, NEW, OF_OLD, OF_NEW)
    box = machine.pack()

    asked = policy.stricter(box.folder, machine.places, ["^make test$"])

    assert asked == Erasure(commands=[(build.SESSION, 1), (build.SESSION, 2)])


def test_what_was_ignored_before_is_no_news(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(OLD)
    box = machine.pack()
    policy.keep(box.folder, ["^make", "("])

    assert policy.stricter(box.folder, machine.places, ["^make"]) is None
    assert policy.stricter(box.folder, machine.places, ["["]) is None
