"""Which wrappers stand in front of an argv (`sudo`, `uv run`, `npx`), and what they run."""

import re
from typing import NamedTuple

from ptywrap.rules import Rules, Wait, Words, Wrapper, base_name

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_DEEPEST = 16


class Peeled(NamedTuple):
    """An argv without its wrappers; `scripts` is the last one if a script name may follow it."""

    words: list[str]
    wrappers: tuple[str, ...]
    scripts: str | None
    wait: Wait | None


def peel(argv: list[str], rules: Rules) -> Peeled:
    """Return what an argv runs once `VAR=x` and wrappers are taken off."""
    words = assignments_off(argv)
    if not words or base_name(words[0]) not in rules.wrappers:
        return Peeled(words, (), None, None)
    names: list[str] = []
    scripts: str | None = None
    wait: Wait | None = None
    while words and len(names) < _DEEPEST:
        name = base_name(words[0])
        wrapper = rules.wrappers.get(name)
        if wrapper is None or wrapper.keepself or _is_its_own(name, words, rules):
            break
        rest = inner(words, wrapper)
        if not rest:
            break
        names.append(name)
        scripts = name if wrapper.scripts else None
        wait = wrapper.wait or wait
        words = rest
    return Peeled(words, tuple(names), scripts, wait)


def inner(words: list[str], wrapper: Wrapper) -> list[str]:
    """Return the argv a wrapper's argv runs, empty if it runs none."""
    at = 1
    if wrapper.sub:
        at = _past_flags(words, at, wrapper.valflags)
        if at >= len(words) or words[at] not in wrapper.sub:
            return []
        at += 1
    if wrapper.sep:
        behind = next((i for i in range(at, len(words)) if words[i] in wrapper.sep), None)
        if behind is not None:
            return words[behind + 1 :]
        if not wrapper.pos:
            return []
    at, found = _own_flags(words, at, wrapper)
    if found is not None:
        return found
    rest = words[at + wrapper.pos :]
    if rest and rest[0] == "--":
        rest = rest[1:]
    if rest and rest[0].startswith("-"):
        return []
    return assignments_off(rest) if wrapper.env else rest


def assignments_off(words: list[str]) -> list[str]:
    """Return words without the `VAR=x` they begin with."""
    at = 0
    while at < len(words) and _ASSIGNMENT.match(words[at]):
        at += 1
    return words[at:]


def _is_its_own(name: str, words: list[str], rules: Rules) -> bool:
    """Tell whether a wrapper without a subcommand is used for a word of its own (`ptywrap log`)."""
    known = rules.tools.get(name)
    return (
        known is not None
        and not rules.wrappers[name].sub
        and len(words) > 1
        and words[1] in known[1].words
    )


def _past_flags(words: list[str], at: int, valflags: Words) -> int:
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if words[at] in valflags else 1
    return at


def _own_flags(words: list[str], at: int, wrapper: Wrapper) -> tuple[int, list[str] | None]:
    """Return where a wrapper's flags end, or the argv that one of them holds."""
    while at < len(words):
        word = words[at]
        if word in wrapper.split:
            return at, [*" ".join(words[at + 1 : at + 2]).split(), *words[at + 2 :]]
        if word in wrapper.module:
            return at, ["python", "-m", *words[at + 1 :]]
        if word == "--":
            return at + 1, None
        if word.startswith("-"):
            at += 2 if word in wrapper.valflags else 1
        elif wrapper.env and _ASSIGNMENT.match(word):
            at += 1
        else:
            break
    return at, None
