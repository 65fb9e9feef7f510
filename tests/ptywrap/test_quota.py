"""Over the quota goes first what every destination has; who had not got it counts it."""

import os
import time
from pathlib import Path

import pytest

from ptywrap import clock, quota
from ptywrap.quota import Limits
from tests import build, shipping
from tests.shipping import Machine


def _sizes(machine: Machine) -> int:
    return sum(path.stat().st_size for path in machine.device.rglob("*"))


def _names(folder: Path) -> list[str]:
    return sorted(path.name[:12] for path in folder.glob("*-*"))


def _archived(machine: Machine, count: int) -> None:
    """Seal so many segments of many facts and archive them, as the local store does."""
    machine.archive.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        machine.seal(*(build.a_process(start_ticks=number * 50 + n) for n in range(50)))
    for path in machine.spool.glob("*.seg"):
        path.rename(machine.archive / path.name)


def test_what_is_archived_and_packed_goes_before_what_waits(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    _archived(machine, 6)
    machine.pack()
    machine.seal(*shipping.losses(50))
    waiting = [body.name for body in machine.outbox().waiting()]

    gone = quota.evict(machine.spool, Limits(most_bytes=_sizes(machine) - 1))

    assert (gone.files, gone.lost) == (1, {})
    assert _names(machine.archive) == [f"{number:012d}" for number in range(2, 7)]
    assert [body.name for body in machine.outbox().waiting()] == waiting
    assert shipping.counted(machine)["dropped"] == 0


def test_what_is_archived_and_not_packed_is_dropped_for_the_service_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.pack()
    _archived(machine, 3)

    gone = quota.evict(machine.spool, Limits(most_bytes=_sizes(machine) - 1))

    assert (gone.files, gone.lost) == (1, {})
    assert shipping.counted(machine) == {"waiting": 0, "delivered": 0, "dropped": 50}


def test_what_waits_in_the_spool_is_dropped_for_both(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.pack()
    machine.seal(*shipping.losses(20))

    gone = quota.evict(machine.spool, Limits(most_bytes=1))

    assert gone.lost == {"quota": 20}
    assert machine.outbox().deliveries.counts().dropped == {"quota": 20}


def test_a_body_that_waits_is_dropped_by_name(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(20))
    machine.pack()

    quota.evict(machine.spool, Limits(most_bytes=1))

    assert machine.outbox().waiting() == []
    assert machine.outbox().deliveries.counts().dropped == {"quota": 20}


def test_without_a_service_nothing_is_counted_for_one(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(20))

    quota.evict(machine.spool, Limits(most_bytes=1))

    assert not (machine.device / "outbox").exists()


def test_a_body_of_thirty_days_goes_and_is_counted(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(20))
    (body,) = machine.pack().waiting()
    for path in machine.spool.glob("*.seg"):
        path.unlink()
    old = time.time() - 31 * 86_400
    os.utime(body.path, (old, old))

    quota.evict(machine.spool, Limits())

    assert machine.outbox().deliveries.counts().dropped == {"age": 20}


@pytest.mark.parametrize("age_s", [0, 31 * 86_400])
def test_a_clock_that_was_set_ahead_makes_nothing_old_that_this_boot_wrote(
    tmp_path: Path, age_s: int
) -> None:
    machine = Machine(tmp_path)
    began_ns = clock.boottime_ns() - age_s * 1_000_000_000
    machine.header = build.a_segment(boot_id=clock.boot_id(), boottime_ns=began_ns)
    machine.seal(*shipping.losses(20))
    machine.pack()
    ahead = time.time() - 400 * 86_400
    for path in machine.device.glob("*/*-*"):
        os.utime(path, (ahead, ahead))

    gone = quota.evict(machine.spool, Limits())

    assert gone.lost == ({"age": 20} if age_s else {})
    assert shipping.counted(machine)["dropped"] == (20 if age_s else 0)


def test_nothing_goes_where_all_fits(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.seal(*shipping.losses(20))
    machine.pack()

    assert quota.evict(machine.spool, Limits()).files == 0
