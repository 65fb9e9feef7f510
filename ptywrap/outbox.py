"""The outbox of one machine: bodies packed once, sent as they are until the destination has them.

Below the device's folder: `outbox/` what waits, `sent/` what went in the last seven days (what
`ptywrap sent` prints), `rejected/` what the destination will never take. A body is
`SEGMENT[.PART…].nFACTS.batch`, the whole batch compressed; its id is the name with the device's.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ptywrap import clock, deliveries, kept, paths, wire

SENT_BYTES = 16 << 20
REJECTED_BYTES = 4 << 20
_RESERVE_BYTES = 16 << 10
_SENT_NS = 7 * 86_400 * 1_000_000_000


class Body(NamedTuple):
    """A packed batch on disk: its file, its name there, how many facts are in it."""

    path: Path
    name: str
    facts: int


class Made(NamedTuple):
    """A body that was made and is not yet kept."""

    name: str
    data: bytes
    facts: int
    stems: tuple[str, ...]


class Outbox:
    """What waits for one tenant. Only the holder of `shipper.lock` may change it."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self.device = folder.name
        self.folder = folder / "outbox"
        self.sent_folder = folder / "sent"
        self.rejected_folder = folder / "rejected"
        for place in (self.folder, self.sent_folder, self.rejected_folder):
            if not paths.private(place):
                raise PermissionError(f"{place} is not ours alone")
        self._reserve = self.folder / "reserve"
        self.deliveries = deliveries.Deliveries(self.folder)
        if self.deliveries.tenant != tenant:
            self.deliveries.undo_waiting()
            self.deliveries.begin(tenant)
        self._settle()
        self._keep_room()

    def batch_id(self, name: str) -> str:
        """Return the id that a body's batch has: here, in the body and remotely."""
        stem, dot, part = name.partition(".")
        return wire.batch_id(stem, self.device) + dot + part

    def waiting(self) -> list[Body]:
        """Return the bodies that wait, oldest first."""
        return bodies(self.folder)

    def free(self, stem: str) -> str:
        """Return a name for a body of a segment that no other bytes ever had."""
        name, part = stem, 0
        while name in self.deliveries.entries:
            name, part = f"{stem}.{part}", part + 1
        return name

    def keep(
        self, made: Sequence[Made], over: Sequence[str] = (), events: Sequence[str] = ()
    ) -> None:
        """Keep bodies, on stable storage, in place of waiting ones that go by this."""
        for one in made:
            self._write(one)
        packed = [f"packed {one.name} {one.facts} {','.join(one.stems) or '-'}" for one in made]
        self.note(*packed, *events, *(f"withdrawn {name}" for name in over))
        for body in self.waiting() if over else ():
            if body.name in over:
                body.path.unlink(missing_ok=True)

    def shrink(self, body: Body, made: Made) -> None:
        """Put fewer facts in place of a body that was never tried: its name stays."""
        self._write(made)
        self.note(f"changed {body.name} {made.facts}")
        body.path.unlink(missing_ok=True)

    def tried(self, body: Body) -> None:
        """Remember, before it is sent, that a body may have arrived."""
        if not self.deliveries.entries[body.name].tried:
            self.note(f"tried {body.name}")

    def sent(self, body: Body, refused: int) -> None:
        """Move a body to what was sent; the destination refused so many of its rows.

        After a power cut the move may be undone: then the list still says that it was sent.
        """
        with contextlib.suppress(FileNotFoundError):
            body.path.rename(self.sent_folder / body.path.name)
            os.utime(self.sent_folder / body.path.name)
        self.note(f"sent {body.name} {refused}")

    def rejected(self, body: Body) -> None:
        """Set a body aside that the destination will never take."""
        with contextlib.suppress(FileNotFoundError):
            body.path.rename(self.rejected_folder / body.path.name)
            kept.sync(self.rejected_folder)
        self.note(f"dropped {body.name} rejected")

    def note(self, *events: str) -> None:
        """Write to the list; on a full disk in the blocks that were kept for that."""
        try:
            self.deliveries.add(*events)
        except OSError:
            self._reserve.unlink(missing_ok=True)
            self.deliveries.add(*events)

    def trim(self, there: Sequence[str]) -> None:
        """Keep to the bounds of what is only kept to be looked at; `there` are living segments."""
        _trim(self.sent_folder, SENT_BYTES, _SENT_NS)
        _trim(self.rejected_folder, REJECTED_BYTES, None)
        self.deliveries.clear(frozenset(there))

    def _keep_room(self) -> None:
        """Keep blocks for the list: what arrived must be noted on a full disk too.

        They count as ours, so not where a hundredth of the disk is not ten times as much.
        """
        with contextlib.suppress(OSError):
            disk = os.statvfs(self.folder)
            if (
                disk.f_bavail * disk.f_frsize >= _RESERVE_BYTES * 1000
                and not self._reserve.exists()
            ):
                kept.write(self._reserve, bytes(_RESERVE_BYTES))

    def _write(self, made: Made) -> None:
        kept.write(self._place(made), made.data)

    def _place(self, made: Made) -> Path:
        return self.folder / f"{made.name}.n{made.facts}.batch"

    def _settle(self) -> None:
        """Make files and list say the same again after a crash between the two."""
        for path in self.folder.glob("*.new"):
            path.unlink(missing_ok=True)
        entries = self.deliveries.entries
        there = set()
        for body in self.waiting():
            entry = entries.get(body.name)
            if entry is None or (entry.state, entry.facts) != (deliveries.WAITING, body.facts):
                body.path.unlink(missing_ok=True)
            else:
                there.add(body.name)
        gone = {name for name, entry in entries.items() if entry.state == deliveries.WAITING}
        places = ((self.sent_folder, "sent {} 0"), (self.rejected_folder, "dropped {} rejected"))
        for folder, event in places:
            for body in bodies(folder):
                if body.name in gone - there:
                    self.note(event.format(body.name))
                    there.add(body.name)
        for name in gone - there:
            self.note(f"dropped {name} missing")


def bodies(folder: Path) -> list[Body]:
    """Return the bodies in a folder, oldest first."""
    return sorted(_bodies(folder), key=lambda body: _order(body.name))


def _bodies(folder: Path) -> Iterator[Body]:
    for path in folder.glob("*.batch"):
        name, mark, facts = path.stem.rpartition(".n")
        if mark and facts.isdecimal():
            yield Body(path, name, int(facts))


def _order(name: str) -> tuple[str, tuple[int, ...]]:
    stem, *parts = name.split(".")
    return stem, tuple(int(part) for part in parts if part.isdecimal())


def _trim(folder: Path, most_bytes: int, most_age_ns: int | None) -> None:
    """Remove the oldest of a folder over its bounds."""
    found = []
    for body in bodies(folder):
        with contextlib.suppress(OSError):
            found.append((body.path, body.path.stat()))
    over = sum(status.st_size for _, status in found) - most_bytes
    now = clock.wall_ns()
    for path, status in found:
        if over > 0 or (most_age_ns is not None and now - status.st_mtime_ns > most_age_ns):
            path.unlink(missing_ok=True)
            over -= status.st_size
