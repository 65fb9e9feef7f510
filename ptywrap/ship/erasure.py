"""`forget` on the way out: taken out of what waits, and asked of the service until it says yes.

A request is a file in `outbox/erase/`, removed when the service has said yes. It is `.begun` while
facts are being deleted here: meanwhile nothing is sent, or what is being forgotten might be packed
once more. Whoever holds `shipper.lock` carries it out before anything more is sent.
"""

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from ptywrap import clock, kept, paths, wire
from ptywrap.deliveries import WAITING
from ptywrap.outbox import Body, Outbox, bodies
from ptywrap.ship import packing

Key = tuple[bytes, int]
_LONGEST_NS = 600_000_000_000


class Erasure(Struct, frozen=True, kw_only=True):
    """What is to be erased: all, what began since a moment, what is of some repositories.

    `repos` are the ids they have at the service; `commands` are single ones (session, id) that are
    only taken out of what waits here.
    """

    since: int | None = None
    repos: list[str] | None = None
    commands: list[Key] | None = None


def begin(outbox: Path, erasure: Erasure) -> Path:
    """Leave a request before anything is deleted here. Raises OSError."""
    folder = outbox / "erase"
    paths.private(outbox)
    paths.private(folder)
    path = folder / f"{clock.wall_ns():020d}.begun"
    kept.write(path, msgspec.json.encode(erasure))
    return path


def ask(begun: Path) -> Path:
    """Let a request be carried out: all is deleted here. Raises OSError."""
    path = begun.with_suffix(".json")
    begun.rename(path)
    kept.sync(path.parent)
    return path


def under_way(outbox: Path) -> bool:
    """Say whether facts are being deleted here; whoever began and died is not waited for."""
    for path in (outbox / "erase").glob("*.begun"):
        with contextlib.suppress(OSError):
            if abs(clock.wall_ns() - path.stat().st_mtime_ns) < _LONGEST_NS:
                return True
            ask(path)
    return False


def asked(outbox: Path) -> list[tuple[Path, Erasure]]:
    """Return the requests, oldest first; one that cannot be read asks for everything."""
    found = []
    for path in sorted((outbox / "erase").glob("*.json")):
        try:
            erasure = msgspec.json.decode(kept.own(path) or b"", type=Erasure)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            erasure = Erasure()
        found.append((path, erasure))
    return found


def carry_out(outbox: Outbox, erasure: Erasure) -> None:
    """Take what is to be forgotten out of what waits, was sent, or was rejected. Raises OSError.

    A body that was tried may have arrived: it goes, and what remains of it gets another name.
    """
    for body in outbox.waiting():
        entry = outbox.deliveries.entries.get(body.name)
        if entry is not None and entry.state == WAITING:
            _take_out(outbox, body, erasure)
    for folder in (outbox.sent_folder, outbox.rejected_folder):
        for body in bodies(folder):
            found = _opened(body)
            if found is None or len(rest(found[1], erasure)) < len(found[1]):
                body.path.unlink(missing_ok=True)


def rest(facts: Sequence[wire.Fact], erasure: Erasure) -> list[wire.Fact]:
    """Return the facts that an erasure leaves; a command takes all that belongs to it along."""
    if erasure.since is None and erasure.repos is None and erasure.commands is None:
        return []
    going = {
        (fact.session, fact.id)
        for fact in facts
        if isinstance(fact, wire.Command) and _goes(fact, erasure)
    }
    going.update(erasure.commands or ())
    return [fact for fact in facts if not (_goes(fact, erasure) or _belongs(fact, going))]


def _take_out(outbox: Outbox, body: Body, erasure: Erasure) -> None:
    found = _opened(body)
    if found is None:
        outbox.keep([], [body.name])
        return
    header, facts = found
    left = rest(facts, erasure)
    if len(left) == len(facts):
        return
    entry = outbox.deliveries.entries[body.name]
    stem = body.name.partition(".")[0]
    name = outbox.free(stem) if entry.tried else body.name
    made = list(packing.made(name, header, left, entry.stems))
    if made and not entry.tried:
        outbox.shrink(body, made[0])
    else:
        outbox.keep(made, [body.name])


def _opened(body: Body) -> tuple[wire.Segment, list[wire.Fact]] | None:
    try:
        return packing.opened(body.path.read_bytes())
    except (OSError, wire.Unreadable):
        return None


def _goes(fact: wire.Fact, erasure: Erasure) -> bool:
    """Say whether a fact goes for what it says itself."""
    if erasure.commands is not None:
        return False
    if erasure.repos is not None:
        if not _is_of(fact, erasure.repos):
            return False
        if isinstance(fact, wire.Project):
            return True
    elif isinstance(fact, wire.Project | wire.Host):
        return False  # they say nothing of when something was done
    began = _began(fact)
    return erasure.since is None or began is None or began >= erasure.since


def _is_of(fact: wire.Fact, repos: Collection[str]) -> bool:
    match fact:
        case wire.Command():
            return fact.repo in repos
        case wire.Project():
            return fact.repo in repos or fact.alias in repos
    return False


def _belongs(fact: wire.Fact, going: Collection[Key]) -> bool:
    match fact:
        case wire.Command():
            return (fact.session, fact.id) in going
        case wire.Process() | wire.Flow() | wire.Sample():
            return (fact.session, fact.command) in going
    return False


def _began(fact: wire.Fact) -> int | None:
    """Return when a fact began, None where it is not known."""
    match fact:
        case wire.Session() | wire.Command() | wire.Process():
            return fact.started_at
        case wire.Flow():
            return fact.opened_at
        case wire.Sample():
            return fact.at
        case wire.Loss():
            return fact.since
    return None
