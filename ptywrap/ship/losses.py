"""What had to be dropped on its way to a service, told as Loss facts like everything not seen."""

from pathlib import Path

from ptywrap import clock, quota, wire
from ptywrap.outbox import Outbox
from ptywrap.quota import Limits
from ptywrap.spool import Spool


def own_up(outbox: Outbox, folder: Path, limits: Limits) -> None:
    """Make room, then tell in the spool `folder` what was dropped since. Raises OSError."""
    evicted = quota.evict(folder, limits)
    outbox.deliveries.read()
    dropped = outbox.deliveries.counts().dropped
    told = outbox.deliveries.told
    missed = {reason: number - told.get(reason, 0) for reason, number in dropped.items()}
    found = [_loss("outbox", reason, number, outbox.device) for reason, number in missed.items()]
    found += [_loss("spool", reason, n, outbox.device) for reason, n in evicted.lost.items()]
    kept = [loss for loss in found if loss.missed]
    if kept and _tell(kept, outbox.device, folder, limits):
        totals = [f"told {reason.replace(' ', '_')} {dropped[reason]}" for reason in missed]
        outbox.deliveries.add(*totals)


def _tell(found: list[wire.Loss], device: str, folder: Path, limits: Limits) -> bool:
    spool = Spool(folder, lambda: _header(device), clock.monotonic_ns, limits)
    told = all([spool.append(loss) for loss in found])
    return spool.seal() is not None and told


def _loss(place: str, reason: str, missed: int, device: str) -> wire.Loss:
    now = clock.wall_ns()
    return wire.Loss(
        session=wire.host_session(device, clock.boot_id()),
        sensor=f"{place} ({reason})",
        since=now,
        until=now,
        missed=missed,
        reason=f"facts were dropped: {reason}",
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
