"""From sealed segments to bodies: read, projected, joined where they are small, packed once.

What may leave is decided here and never later: a body holds nothing that `project` kept back.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import zstandard

from ptywrap import segments, wire
from ptywrap.outbox import Made, Outbox

Project = Callable[[wire.Fact], wire.Fact | None]
"""What may leave of a fact, None where nothing may."""

ENOUGH_FACTS = 1000
"""Smaller batches cost more bytes a fact: such are joined before they are first sent."""
_SEAL_AGE_NS = 30_000_000_000
_LEVEL = 3


class Source(NamedTuple):
    """A segment, or a body that is packed anew: what may leave of it, and the segments it is of."""

    name: str
    header: wire.Segment
    facts: Sequence[wire.Fact]
    stems: tuple[str, ...]


class _Found(NamedTuple):
    """A segment's bytes, the facts its name tells, whose it is and when it was written."""

    data: bytes
    told: int
    device: str
    written_at: int


def pack(outbox: Outbox, folders: Sequence[Path], project: Project) -> None:
    """Pack every sealed segment of some folders that was not packed yet. Raises OSError."""
    stems = unpacked(folders, outbox.deliveries.segments)
    if not stems:
        return
    carried = _joinable(outbox)
    for group in groups(chain(carried, sources(folders, stems, project))):
        if group == carried:
            continue
        over = [source.name for source in group if source in carried]
        _keep(outbox, group, over)


def _keep(outbox: Outbox, group: Sequence[Source], over: Sequence[str]) -> None:
    name = outbox.free(group[-1].name)
    facts, bodies = joined(group, name)
    left_out = len(facts) - sum(body.facts for body in bodies)
    events = [f"lost {name}-part {left_out} too_large"] if left_out else []
    if not bodies:
        events += [f"packed {name} 0 {','.join(stems(group))}", f"sent {name} 0"]
    outbox.keep(bodies, over, events)


def unpacked(folders: Sequence[Path], known: Collection[str]) -> list[str]:
    """Return the stems of sealed segments in some folders that are not `known`, oldest first."""
    return sorted(segments.stems(folders).difference(known))


def sources(folders: Sequence[Path], stems: Iterable[str], project: Project) -> Iterator[Source]:
    """Yield what may leave of segments; one that went meanwhile is passed over."""
    for stem in stems:
        found = _read(folders, stem)
        if found is not None:
            yield _source(stem, found, project)


def joined(group: Sequence[Source], name: str) -> tuple[list[wire.Fact], list[Made]]:
    """Return the facts of a group and its bodies, clocked by the newest of it."""
    facts = wire.latest(fact for source in group for fact in source.facts)
    return facts, list(made(name, group[-1].header, facts, stems(group)))


def stems(group: Sequence[Source]) -> tuple[str, ...]:
    """Return the segments a group is of."""
    return tuple(stem for source in group for stem in source.stems)


def groups(found: Iterable[Source]) -> Iterator[list[Source]]:
    """Yield what travels together: small ones of one boot, named by the newest of them."""
    group: list[Source] = []
    for source in found:
        if group and not _together(group, source):
            yield group
            group = []
        group.append(source)
    if group:
        yield group


def made(
    name: str, header: wire.Segment, facts: Sequence[wire.Fact], stems: Sequence[str]
) -> Iterator[Made]:
    """Yield the bodies of some facts: one, or as many halves as it takes to fit.

    Nothing is yielded for no facts; a single one that does not fit is left out.
    """
    if not facts:
        return
    body = _body(name, header, facts)
    if body is not None:
        yield Made(name, body, len(facts), tuple(stems))
    elif len(facts) > 1:
        for number, half in enumerate(halves(facts)):
            yield from made(f"{name}.{number}", header, half, stems)


def halves(facts: Sequence[wire.Fact]) -> tuple[Sequence[wire.Fact], Sequence[wire.Fact]]:
    """Return the two halves of some facts."""
    middle = len(facts) // 2
    return facts[:middle], facts[middle:]


def plain(data: bytes) -> bytes:
    """Return the batch in a body. Raises wire.Unreadable."""
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=wire.BATCH_LIMIT)
    except zstandard.ZstdError as error:
        raise wire.Unreadable(f"no body of ours: {error}") from None


def opened(data: bytes) -> tuple[wire.Segment, list[wire.Fact]]:
    """Return the header and the facts of one of our own bodies. Raises wire.Unreadable."""
    batch = wire.unpack(plain(data))
    header = wire.Segment(
        version=wire.VERSION,
        device=batch.device,
        boot_id=batch.boot,
        policy=batch.policy,
        **batch.clocks._asdict(),
    )
    return header, list(wire.facts(batch))


def _together(group: Sequence[Source], more: Source) -> bool:
    newest, number = group[-1].header, sum(len(source.facts) for source in group)
    same = (newest.boot_id, newest.policy) == (more.header.boot_id, more.header.policy)
    return same and number < ENOUGH_FACTS and number + len(more.facts) <= wire.ROWS_LIMIT


def _body(name: str, header: wire.Segment, facts: Sequence[wire.Fact]) -> bytes | None:
    """Return the body of some facts, or None where no service takes so much in one."""
    stem, dot, part = name.partition(".")
    try:
        batch = wire.pack(wire.batch_id(stem, header.device) + dot + part, header, facts)
    except ValueError:
        return None
    body = zstandard.ZstdCompressor(level=_LEVEL).compress(batch)
    return body if len(body) <= wire.BODY_LIMIT else None


def _joinable(outbox: Outbox) -> list[Source]:
    """Return what is in the newest body where that is small and was never tried."""
    for body in outbox.waiting()[-1:]:
        entry = outbox.deliveries.entries[body.name]
        if body.facts < ENOUGH_FACTS and not entry.tried and "." not in body.name:
            return [Source(body.name, *opened(body.path.read_bytes()), entry.stems)]
    return []


def _read(folders: Sequence[Path], stem: str) -> _Found | None:
    """Return a segment: it may be moved into the next folder, or rewritten, while one looks."""
    for folder in (*folders, *folders):
        for path in folder.glob(f"{stem}.n*.seg"):
            with contextlib.suppress(FileNotFoundError):
                data, written_at = path.read_bytes(), path.stat().st_mtime_ns
                return _Found(data, segments.facts_in(path), folder.parent.name, written_at)
    return None


def _source(stem: str, found: _Found, project: Project) -> Source:
    """Return what may leave of a segment; what cannot be read of it is in it as a Loss."""
    read = list(segments.read(found.data))
    told = (fact for fact in read if isinstance(fact, wire.Segment))
    header = next(told, _stand_in(found))
    facts = [fact for fact in read if not isinstance(fact, wire.Segment)]
    if len(facts) < found.told:
        facts.append(_damage(header, found.told - len(facts)))
    outward = [project(fact) for fact in (header, *facts)]
    allowed = [fact for fact in outward if fact is not None]
    headers = [fact for fact in allowed if isinstance(fact, wire.Segment)]
    rows = [fact for fact in allowed if not isinstance(fact, wire.Segment)]
    return Source(stem, headers[0] if headers else _stand_in(found), rows, (stem,))


def _stand_in(found: _Found) -> wire.Segment:
    return wire.Segment(
        version=wire.VERSION,
        device=found.device,
        boot_id="",
        wall_ns=found.written_at,
        monotonic_ns=0,
        boottime_ns=0,
    )


def _damage(header: wire.Segment, missed: int) -> wire.Loss:
    return wire.Loss(
        session=wire.host_session(header.device, header.boot_id),
        sensor="segment",
        since=header.wall_ns,
        until=header.wall_ns + _SEAL_AGE_NS,
        missed=missed,
        reason="damaged, or written by a newer version",
    )
