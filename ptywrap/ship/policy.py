"""A line that has come to be ignored takes what waits of its command along."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ptywrap import kept, segments, wire
from ptywrap.ship.erasure import Erasure


def stricter(outbox: Path, folders: Sequence[Path], ignore: Sequence[str]) -> Erasure | None:
    """Return what is to be taken out of the outbox because of expressions that are new there."""
    new = sorted(set(ignore) - set(_read(outbox)))
    if not new:
        return None
    expressions = [re.compile(one) for one in new if _is_expression(one)]
    commands = [
        (fact.session, fact.id)
        for fact in _facts(folders)
        if isinstance(fact, wire.Command)
        and fact.line is not None
        and any(one.search(fact.line) for one in expressions)
    ]
    return Erasure(commands=commands) if commands else None


def keep(outbox: Path, ignore: Sequence[str]) -> None:
    """Remember under which expressions the outbox was packed. Raises OSError."""
    if sorted(set(ignore)) != sorted(set(_read(outbox))):
        kept.write(outbox / "ignored.json", msgspec.json.encode(list(ignore)))


def _read(outbox: Path) -> list[str]:
    try:
        return msgspec.json.decode(kept.own(outbox / "ignored.json") or b"[]", type=list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def _facts(folders: Sequence[Path]) -> Iterable[wire.Fact]:
    for folder in folders:
        for path in segments.sealed(folder):
            yield from segments.facts(path)


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
