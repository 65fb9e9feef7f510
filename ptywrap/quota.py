"""How much room one machine's folder takes, and what goes first where that is too much.

First what every destination has: the local store has what lies in `archive/`, the service what its
list says was packed; what was sent or rejected is only kept to be looked at. Then the oldest, and
each destination that had not got it counts it as dropped.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ptywrap import clock, outbox, segments
from ptywrap.deliveries import Deliveries

KEEP_FREE_BYTES = 500 << 20
MOST_AGE_NS = 30 * 86_400 * 1_000_000_000


class Limits(NamedTuple):
    """How much room the device's folder may take, and how much disk must stay free, bytes.

    Never more than 1 % of what is free, and nothing for more than 30 days.
    """

    most_bytes: int = 64 << 20
    keep_free_bytes: int = KEEP_FREE_BYTES


class Evicted(NamedTuple):
    """How many files went, and how many facts that the local store had not got, by reason."""

    files: int
    lost: dict[str, int]


def evict(spool: Path, limits: Limits, *, at_least_one: bool = False) -> Evicted:
    """Remove files beside and in a spool until they fit and none of them is too old."""
    folder = spool.parent
    fitting = fits(folder, limits)
    if fitting and not at_least_one and not _any_old(spool):
        return Evicted(0, {})
    deliveries = _deliveries(folder)
    gone, lost, events = 0, dict[str, int](), list[str]()
    for group in _groups(spool, deliveries):
        for path in group:
            old = fitting and _is_old(path)
            if fitting and not old and not (at_least_one and gone == 0):
                break
            with contextlib.suppress(OSError):
                path.unlink()
                gone += 1
                reason = "age" if old else "quota"
                if path.parent == spool:
                    lost[reason] = lost.get(reason, 0) + segments.facts_in(path)
                events += _dropped(path, reason, deliveries)
            fitting = fitting or fits(folder, limits)
    if deliveries is not None and events:
        with contextlib.suppress(OSError):
            deliveries.add(*events)
    return Evicted(gone, lost)


def fits(folder: Path, limits: Limits) -> bool:
    """Say whether a device's folder is within its limits."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True
    free = disk.f_bavail * disk.f_frsize
    total = disk.f_blocks * disk.f_frsize
    keep_free = min(limits.keep_free_bytes, total // 10)
    most = min(limits.most_bytes, free // 100)
    return free >= keep_free and _size(folder) <= most


def _groups(spool: Path, deliveries: Deliveries | None) -> Iterator[list[Path]]:
    """Yield what every destination has, then the rest, each oldest first."""
    folder = spool.parent
    archived = segments.sealed(folder / "archive")
    if deliveries is None:
        yield archived
        yield segments.sealed(spool)
        return
    looked_at = [
        body.path for name in ("sent", "rejected") for body in outbox.bodies(folder / name)
    ]
    packed = [path for path in archived if segments.stem(path) in deliveries.segments]
    yield looked_at + packed
    rest = [path for path in archived if segments.stem(path) not in deliveries.segments]
    rest += segments.sealed(spool)
    rest += [body.path for body in outbox.bodies(folder / "outbox")]
    yield sorted(rest, key=lambda path: path.name)


def _dropped(path: Path, reason: str, deliveries: Deliveries | None) -> list[str]:
    """Return what a remote destination's list has to say of a file that went."""
    if deliveries is None or path.parent.name in {"sent", "rejected"}:
        return []
    if path.parent.name == "outbox":
        name = path.stem.rpartition(".n")[0]
        return [f"dropped {name} {reason}"]
    stem = segments.stem(path)
    if stem in deliveries.segments:
        return []
    return [f"lost {stem} {segments.facts_in(path)} {reason}"]


def _deliveries(folder: Path) -> Deliveries | None:
    """Return the list of the remote destination, where there is one."""
    place = folder / "outbox"
    found = Deliveries(place) if (place / "packed").exists() else None
    return found if found is not None and found.tenant is not None else None


def _any_old(spool: Path) -> bool:
    """Say whether the oldest of any folder is too old."""
    folder = spool.parent
    places = ((folder / "archive", ".seg"), (spool, ".seg"), (folder / "outbox", ".batch"))
    return any(_is_old(place / name) for place, end in places if (name := _first(place, end)))


def _first(folder: Path, end: str) -> str:
    """Return the first name in a folder that has an end; they may be tens of thousands."""
    try:
        return min((name for name in os.listdir(folder) if name.endswith(end)), default="")
    except OSError:
        return ""


def _is_old(path: Path) -> bool:
    """Say whether a segment, or a body by its segment, is too old.

    What was written since the machine started is as old as that boot's own clock says: the wall
    clock may have been set 400 days ahead.
    """
    with contextlib.suppress(OSError):
        if clock.wall_ns() - path.stat().st_mtime_ns > MOST_AGE_NS:
            return all(_age_ns(one) > MOST_AGE_NS for one in _segments_of(path))
    return False


def _segments_of(path: Path) -> Iterator[Path]:
    """Yield the segment a file is, or the one a body is named for, where that is still there."""
    if path.suffix == ".seg":
        yield path
    else:
        yield from path.parent.parent.glob(f"*/{segments.stem(path)}.n*.seg")


def _age_ns(segment: Path) -> int:
    """Return how old a segment of this boot is; one of another is as old as it looks: too old."""
    header = segments.header(segment)
    if header is not None and header.boot_id == clock.boot_id():
        return clock.boottime_ns() - header.boottime_ns
    return MOST_AGE_NS + 1


def _size(folder: str | Path) -> int:
    """Return the bytes of everything of one device: spool, archive and what else lies there."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
                if entry.is_dir(follow_symlinks=False):
                    total += _size(entry.path)
    return total
