"""Files and list of the outbox agree, whenever the shipper was killed between the two."""

import os
import time
from pathlib import Path

import pytest

from ptywrap import outbox
from ptywrap.deliveries import Counts
from ptywrap.outbox import Body, Made, Outbox
from tests import build, shipping
from tests.shipping import Machine

S1, S2 = "000000000001-aaaaaaaaaaaa", "000000000002-bbbbbbbbbbbb"


def _outbox(folder: Path) -> Outbox:
    return Outbox(folder / build.DEVICE, shipping.TENANT)


def _kept(folder: Path, *names: str) -> list[Body]:
    """Keep bodies of three facts each."""
    box = _outbox(folder)
    for name in names:
        box.keep([Made(name, b"body of " + name.encode(), 3, (name,))])
    return box.waiting()


def test_an_id_is_the_name_with_the_devices(tmp_path: Path) -> None:
    box = _outbox(tmp_path)

    assert [box.batch_id(name) for name in (S1, f"{S1}.0.1")] == [
        f"{S1}-{build.DEVICE}",
        f"{S1}-{build.DEVICE}.0.1",
    ]


def test_halves_stand_in_their_order(tmp_path: Path) -> None:
    names = [S1, f"{S1}.0", f"{S1}.2", f"{S1}.10", S2]
    assert [body.name for body in _kept(tmp_path, *reversed(names))] == names


def test_a_body_the_list_does_not_know_is_packed_again(tmp_path: Path) -> None:
    (body,) = _kept(tmp_path, S1)
    (body.path.parent / "packed").write_text(f"for {shipping.TENANT}\n")

    assert _outbox(tmp_path).waiting() == []


def test_killed_between_the_move_and_its_line_it_was_sent(tmp_path: Path) -> None:
    (body,) = _kept(tmp_path, S1)
    body.path.rename(tmp_path / build.DEVICE / "sent" / body.path.name)

    assert _outbox(tmp_path).deliveries.counts() == Counts(3, 0, 3, {}, 0)


def test_killed_between_the_move_and_its_line_it_was_rejected(tmp_path: Path) -> None:
    (body,) = _kept(tmp_path, S1)
    body.path.rename(tmp_path / build.DEVICE / "rejected" / body.path.name)

    assert _outbox(tmp_path).deliveries.counts() == Counts(3, 0, 0, {"rejected": 3}, 0)


def test_what_somebody_removed_is_counted(tmp_path: Path) -> None:
    (body,) = _kept(tmp_path, S1)
    body.path.unlink()

    assert _outbox(tmp_path).deliveries.counts() == Counts(3, 0, 0, {"missing": 3}, 0)


def test_killed_before_the_joined_ones_went_they_go_now(tmp_path: Path) -> None:
    _kept(tmp_path, S1)
    box = _outbox(tmp_path)
    old = box.waiting()[0].path.read_bytes()
    box.keep([Made(S2, b"both", 6, (S1, S2))], over=[S1])
    (box.folder / f"{S1}.n3.batch").write_bytes(old)

    assert [body.name for body in _outbox(tmp_path).waiting()] == [S2]
    assert _outbox(tmp_path).deliveries.counts() == Counts(6, 6, 0, {}, 0)


def test_a_name_that_ever_had_bytes_is_not_given_to_others(tmp_path: Path) -> None:
    box = _outbox(tmp_path)
    assert box.free(S1) == S1
    _kept(tmp_path, S1, f"{S1}.0")

    assert _outbox(tmp_path).free(S1) == f"{S1}.1"


def test_another_tenants_bodies_go(tmp_path: Path) -> None:
    _kept(tmp_path, S1)

    assert Outbox(tmp_path / build.DEVICE, "another").waiting() == []


def test_back_with_a_tenant_what_waited_is_packed_again_under_another_name(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(3))
    (before,) = machine.pack().waiting()
    machine.outbox("another")

    (after,) = machine.pack().waiting()

    assert (after.name, after.facts) == (f"{before.name}.0", 3)
    assert machine.outbox().deliveries.counts() == Counts(3, 3, 0, {}, 0)


def test_a_body_that_was_evicted_while_it_was_sent_is_delivered_all_the_same(
    tmp_path: Path,
) -> None:
    (body,) = _kept(tmp_path, S1)
    box = _outbox(tmp_path)
    body.path.unlink()
    box.deliveries.add(f"dropped {S1} quota")

    box.sent(body, 0)

    assert box.deliveries.counts() == Counts(3, 0, 3, {}, 0)


def test_what_was_sent_is_kept_for_seven_days(tmp_path: Path) -> None:
    first, second = _kept(tmp_path, S1, S2)
    box = _outbox(tmp_path)
    box.sent(first, 0)
    box.sent(second, 0)
    old = time.time() - 7 * 86_400 - 60
    os.utime(box.sent_folder / first.path.name, (old, old))

    box.trim([])

    assert [body.name for body in outbox.bodies(box.sent_folder)] == [S2]


def test_what_was_rejected_is_kept_within_four_megabytes(tmp_path: Path) -> None:
    box = _outbox(tmp_path)
    for number in range(6):
        name = f"{number:012d}-aaaaaaaaaaaa"
        box.keep([Made(name, bytes(1 << 20), 3, (name,))])
    for body in box.waiting():
        box.rejected(body)

    box.trim([])

    names = [body.name[:12] for body in outbox.bodies(box.rejected_folder)]
    assert names == [f"{number:012d}" for number in (2, 3, 4, 5)]
    assert box.deliveries.counts().dropped == {"rejected": 18}


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    (body,) = _kept(tmp_path, S1)

    modes = [path.stat().st_mode & 0o777 for path in (body.path, body.path.parent)]
    assert modes == [0o600, 0o700]


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    machine.device.mkdir(parents=True, exist_ok=True)
    (machine.device / "outbox").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PermissionError):
        machine.outbox()
