"""What is sealed is packed once: whole, in few batches, the same bytes each time."""

from pathlib import Path

import pytest

from ptywrap import outbox, wire
from ptywrap.ship import packing
from tests import build, shipping
from tests.shipping import Machine


def _facts(body: outbox.Body) -> list[wire.Fact]:
    return packing.opened(body.path.read_bytes())[1]


def test_small_segments_of_one_boot_travel_as_one_named_by_the_newest(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    stems = [machine.seal(*shipping.losses(5, number * 5)) for number in range(4)]

    (body,) = machine.pack().waiting()

    assert (body.name, body.facts) == (stems[-1], 20)
    assert shipping.since(_facts(body)) == list(range(20))


def test_a_batch_is_clocked_by_the_newest_of_its_segments(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(1))
    machine.header = build.a_segment(wall_ns=build.AT + 77)
    machine.seal(*shipping.losses(1, 1))

    (body,) = machine.pack().waiting()

    assert packing.opened(body.path.read_bytes())[0].wall_ns == build.AT + 77


def test_two_boots_never_share_a_batch(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for number, boot in enumerate(("one", "two", "two")):
        machine.header = build.a_segment(boot_id=boot)
        machine.seal(*shipping.losses(2, 2 * number))

    assert [body.facts for body in machine.pack().waiting()] == [2, 4]


def test_a_batch_grows_until_it_is_first_sent(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(2))
    machine.pack()
    machine.seal(*shipping.losses(3, 2))
    (body,) = machine.pack().waiting()
    machine.outbox().tried(body)
    machine.seal(*shipping.losses(4, 5))

    bodies = machine.pack().waiting()

    assert [(shipping.since(_facts(one))) for one in bodies] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


def test_packing_again_packs_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(2))
    machine.pack()
    before = {body.name: body.path.read_bytes() for body in machine.outbox().waiting()}

    assert {body.name: body.path.read_bytes() for body in machine.pack().waiting()} == before


def test_packing_twice_gives_equal_bytes(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(build.a_command(), build.a_process(), build.a_flow(), *shipping.losses(20))
    (first,) = machine.pack().waiting()
    data = first.path.read_bytes()
    first.path.unlink()
    (machine.device / "outbox" / "packed").unlink()

    (second,) = machine.pack().waiting()

    assert (second.name, second.path.read_bytes()) == (first.name, data)


def test_what_is_archived_is_packed_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    stem = machine.seal(*shipping.losses(2))
    machine.archive.mkdir()
    for path in machine.spool.glob("*.seg"):
        path.rename(machine.archive / path.name)

    assert [body.name for body in machine.pack().waiting()] == [stem]


def test_what_moves_to_the_archive_meanwhile_is_packed_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.archive.mkdir(parents=True)
    first, second = (machine.seal(*shipping.losses(2, at)) for at in (0, 2))

    def moving(fact: wire.Fact) -> wire.Fact | None:
        for path in machine.spool.glob(f"{second}*"):
            path.rename(machine.archive / path.name)
        return fact

    bodies = machine.pack(moving).waiting()

    assert shipping.since([fact for body in bodies for fact in _facts(body)]) == [0, 1, 2, 3]
    assert machine.pack().deliveries.segments.keys() == {first, second}


def test_a_segment_of_nothing_that_travels_is_remembered_and_not_sent(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    stem = machine.seal(wire.Commit(session=build.SESSION, commit="c0ffee"))

    packed = machine.pack()

    assert (packed.waiting(), set(packed.deliveries.segments)) == ([], {stem})


def test_what_is_damaged_travels_as_a_loss(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(3))
    (path,) = machine.spool.glob("*.seg")
    path.write_bytes(path.read_bytes()[:-7])

    (body,) = machine.pack().waiting()

    told = [f for f in _facts(body) if isinstance(f, wire.Loss) and f.sensor == "segment"]
    assert (body.facts, [loss.missed for loss in told]) == (3, [1])


def test_a_segment_of_a_newer_version_travels_as_a_loss_of_all_of_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.header = build.a_segment(version=99)
    machine.seal(*shipping.losses(3))

    (body,) = machine.pack().waiting()

    assert [f.missed for f in _facts(body) if isinstance(f, wire.Loss)] == [3]


def test_a_command_told_twice_in_one_batch_travels_as_it_was_told_last(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    begun = build.a_command(wall_ns=None, exit_status=None, split=None, other_reasons=None)
    machine.seal(begun, build.a_process())
    machine.seal(build.a_command())

    (body,) = machine.pack().waiting()

    assert [f for f in _facts(body) if isinstance(f, wire.Command)] == [build.a_command()]
    assert body.facts == 2


def test_what_a_reader_would_refuse_is_halved_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    reasons = {f"reason {number}": number for number in range(30)}
    stem = machine.seal(
        *(build.a_command(id=number + 1, other_reasons=reasons) for number in range(200))
    )

    bodies = machine.pack().waiting()

    assert [body.name for body in bodies] == [f"{stem}.0", f"{stem}.1"]
    assert sum(body.facts for body in bodies) == 200


def test_a_fact_that_fits_in_no_batch_is_counted(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    reasons = {f"reason {number}": number for number in range(wire.ROWS_LIMIT + 1)}
    machine.seal(build.a_command(other_reasons=reasons))

    packed = machine.pack()

    assert (packed.waiting(), packed.deliveries.counts().dropped) == ([], {"too large": 1})
    assert machine.pack().deliveries.counts().accepted == 1


def test_only_what_the_projection_gives_is_in_a_body(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(build.a_command(line="the canary"), build.a_loss())

    (body,) = machine.pack(lambda fact: fact if isinstance(fact, wire.Loss) else None).waiting()

    assert b"canary" not in packing.plain(body.path.read_bytes())
    assert _facts(body) == [build.a_loss()]


@pytest.mark.parametrize("data", [b"", b"no zstd", b"\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00"])
def test_what_is_no_body_is_unreadable(data: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        packing.opened(data)
