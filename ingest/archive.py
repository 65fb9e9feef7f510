"""Segment files on disk: found, taken over from dead writers, archived, rewritten and trimmed."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ingest import clock, segments
from ingest.stable import sync
from ptywrap import wire

ROOM_BYTES = 48 << 20
"""Three quarters of the 64 MiB for spool and archive: the archive never crowds the spool out."""
KEEP_NS = 30 * 86_400_000_000_000
REJECTED = ".rejected"
_QUIET_NS = 200_000_000
_REWRITING = ".rewriting"


class Sealed(NamedTuple):
    """A sealed segment and what its name says."""

    path: Path
    name: segments.Name


def sealed(folder: Path) -> Iterator[Sealed]:
    """Yield the sealed segments of a folder, oldest first."""
    for path in sorted(folder.glob("*.seg")):
        named = segments.name(path.name)
        if named is not None and not path.is_symlink():
            yield Sealed(path, named)


def read(found: Sealed, device: str) -> segments.Reading | None:
    """Return what a sealed segment holds, or None where it has gone: its writer says why."""
    try:
        data = found.path.read_bytes()
        written_at = found.path.stat().st_mtime_ns
    except OSError:
        return None
    return segments.read(found.name, data, device, written_at)


def adopt(folder: Path) -> int:
    """Seal what dead writers left, torn ends cut off; return how many segments that were.

    A living writer holds flock on its file, but not yet in the moment it makes it: a file written
    to just now is let be.
    """
    adopted = 0
    for path in sorted(folder.glob("*.open")):
        named = segments.name(path.name)
        if named is None:
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if clock.wall_ns() - os.fstat(descriptor).st_mtime_ns >= _QUIET_NS:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    adopted += _seal(path, descriptor, named)
            finally:
                os.close(descriptor)
    return adopted


def keep(folders: tuple[Path, Path], names: list[str], room_bytes: int) -> None:
    """Move loaded segments of the second folder into the first, then trim that to room and age."""
    archive, spool = folders
    made(archive)
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            (spool / name).rename(archive / name)
    sync(archive)
    sync(spool)
    _trim(archive, spool, room_bytes)


def set_aside(path: Path, archive: Path) -> None:
    """Keep a segment that can never be added out of the way, until the archive's bounds take it."""
    path.rename(made(archive) / f"{path.name}{REJECTED}")


def forget(
    folders: tuple[Path, ...], goes: Callable[[wire.Fact], bool], *, everything: bool
) -> None:
    """Take facts out of every sealed segment, and with them whatever cannot be read."""
    for folder in folders:
        for path in (*folder.glob(f"*{REJECTED}"), *folder.glob(f"*{_REWRITING}")):
            path.unlink(missing_ok=True)
        for found in list(sealed(folder)):
            _take_out(found, (lambda _: True) if everything else goes)
        if folder.is_dir():
            sync(folder)


def facts(folders: tuple[Path, ...]) -> Iterator[wire.Fact]:
    """Yield every fact of every sealed segment that can be read."""
    for folder in folders:
        for found in sealed(folder):
            with contextlib.suppress(OSError):
                yield from segments.facts(found.path.read_bytes())


def made(folder: Path) -> Path:
    """Return a folder that is there, for its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _seal(path: Path, descriptor: int, named: segments.Name) -> bool:
    end, number = segments.cut(path.read_bytes())
    if not number:
        path.unlink(missing_ok=True)
        return False
    os.ftruncate(descriptor, end)
    os.fsync(descriptor)
    path.rename(path.with_name(f"{named.stem}.n{number}.seg"))
    sync(path.parent)
    return True


def _take_out(found: Sealed, goes: Callable[[wire.Fact], bool]) -> None:
    try:
        data = found.path.read_bytes()
    except FileNotFoundError:
        return
    rest = segments.without(data, goes)
    if rest is None:
        found.path.unlink(missing_ok=True)
        return
    if rest.data == data:
        return
    fresh = found.path.with_name(f"{found.name.stem}{_REWRITING}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(rest.data)
        file.flush()
        os.fsync(file.fileno())
    target = found.path.with_name(f"{found.name.stem}.n{rest.facts}.seg")
    fresh.rename(target)
    if target != found.path:
        found.path.unlink(missing_ok=True)


def _trim(archive: Path, spool: Path, room_bytes: int) -> None:
    """Remove the oldest archived segments past their age, or over the room of both folders."""
    now = clock.wall_ns()
    held = [(path, path.stat()) for path in sorted(archive.iterdir()) if path.is_file()]
    over = sum(status.st_size for _, status in held) - room_bytes
    over += sum(path.stat().st_size for path in spool.glob("*.seg"))
    for path, status in held:
        if over > 0 or now - status.st_mtime_ns > KEEP_NS:
            path.unlink(missing_ok=True)
            over -= status.st_size
