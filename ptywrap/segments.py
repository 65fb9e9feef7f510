"""Segment files as a reader finds them: in order, over whatever is damaged or unknown.

A segment is a file of frames (`ptywrap.frames`); frame 0 is the `Segment` header, each further one
a row. Names: `SSSSSSSSSSSS-<12 hex>.open` while written, renamed `….n<COUNT>.seg` when sealed. `S`
counts in a file under flock, so order never rests on a clock.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ptywrap import wire

_HEADER_BYTES = 4096


def sealed(folder: Path) -> list[Path]:
    """Return the sealed segments, oldest first."""
    try:
        return sorted(folder.glob("*.seg"))
    except OSError:
        return []


def facts_in(path: Path) -> int:
    """Return how many facts a sealed segment's name says it holds; 0 where it says nothing."""
    _, mark, number = path.stem.rpartition(".n")
    return int(number) if mark and number.isdecimal() else 0


def facts(path: Path) -> Iterator[wire.Fact]:
    """Yield the facts of one segment, its header first, over whatever is damaged or unknown."""
    with contextlib.suppress(OSError):
        yield from read(path.read_bytes())


def stem(path: Path) -> str:
    """Return what a segment is called from its birth on, sealed or not."""
    return path.name.partition(".")[0]


def header(path: Path) -> wire.Segment | None:
    """Return the header of a segment, None where it is damaged."""
    with contextlib.suppress(OSError, wire.Unreadable), path.open("rb") as file:
        for found in wire.scan(file.read(_HEADER_BYTES)):
            fact = wire.decode(found.payload)
            return fact if isinstance(fact, wire.Segment) else None
    return None


def stems(folders: Iterable[Path]) -> set[str]:
    """Return what the sealed segments of some folders are called."""
    return {stem(path) for folder in folders for path in sealed(folder)}


def read(data: bytes) -> Iterator[wire.Fact]:
    """Yield the facts in a segment's bytes."""
    for found in wire.scan(data):
        try:
            fact = wire.decode(found.payload)
        except wire.Unreadable:
            continue
        if isinstance(fact, wire.Segment) and fact.version != wire.VERSION:
            return
        yield fact


def every(folder: Path) -> list[Path]:
    """Return every segment of a folder, also the one being written, oldest first."""
    return sorted([*folder.glob("*.seg"), *folder.glob("*.open")])


def recent(folder: Path) -> Iterator[wire.Fact]:
    """Yield the facts of every segment of a folder, oldest first."""
    for path in every(folder):
        yield from facts(path)
