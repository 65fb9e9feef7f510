"""What had to be dropped on its way to a service, told as Loss facts like everything not seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ptywrap import clock, quota, wire
from ptywrap.outbox import Outbox
from ptywrap.quota import Limits
from ptywrap.spool import Spool


class _Drop(NamedTuple):
    """Facts dropped for one reason: who tells, how many in all, and how many are not told yet."""

    sensor: str
    reason: str
    total: int
    untold: int


def own_up(outbox: Outbox, folder: Path, limits: Limits) -> None:
    """Make room, then tell in the spool `folder` what was dropped since. Raises OSError.

    What could not be told stands in the list, and is told by the next one.
    """
    lost = quota.evict(folder, limits).lost
    outbox.deliveries.read()
    before = outbox.deliveries.evicted
    sums = {reason: before.get(reason, 0) + number for reason, number in lost.items()}
    if sums:
        outbox.note(*(f"evicted {_word(reason)} {number}" for reason, number in sums.items()))
    drops = [drop for drop in _drops(outbox) if drop.untold > 0]
    if drops and _tell(drops, outbox.device, folder, limits):
        outbox.note(*(f"told {_word(drop.sensor)} {drop.total}" for drop in drops))


def _drops(outbox: Outbox) -> Iterator[_Drop]:
    """Yield what was dropped on the way to the service, and by the shipper from the spool."""
    deliveries = outbox.deliveries
    for place, totals in (
        ("outbox", deliveries.counts().dropped),
        ("spool", deliveries.evicted),
    ):
        for reason, total in totals.items():
            sensor = f"{place} ({reason})"
            yield _Drop(sensor, reason, total, total - deliveries.told.get(sensor, 0))


def _word(text: str) -> str:
    return text.replace(" ", "_")


def _tell(drops: list[_Drop], device: str, folder: Path, limits: Limits) -> bool:
    spool = Spool(folder, lambda: _header(device), clock.monotonic_ns, limits)
    told = all([spool.append(_loss(drop, device)) for drop in drops])
    return spool.seal() is not None and told


def _loss(drop: _Drop, device: str) -> wire.Loss:
    now = clock.wall_ns()
    return wire.Loss(
        session=wire.host_session(device, clock.boot_id()),
        sensor=drop.sensor,
        since=now,
        until=now,
        missed=drop.untold,
        reason=f"facts were dropped: {drop.reason}",
    )


def _header(device: str) -> wire.Segment:
    told = clock.clocks()
    return wire.Segment(
        version=wire.VERSION,
        device=device,
        boot_id=clock.boot_id(),
        wall_ns=told.wall_ns,
        monotonic_ns=told.monotonic_ns,
        boottime_ns=told.boottime_ns,
        utc_offset_ns=told.utc_offset_ns,
    )
