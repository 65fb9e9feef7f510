"""What a command is called: by the programs it ran, and by its line where it ran none."""

from collections.abc import Sequence
from typing import NamedTuple

from ptywrap import templates
from ptywrap.templates import Rules

_ENOUGH_PERMILLE = 500
_ALIKE_NS = 100_000_000


class Ran(NamedTuple):
    """One of the topmost processes of a command, or the only child of one that only forked."""

    argv: tuple[str, ...] | None
    born_ns: int
    length_ns: int


class Name(NamedTuple):
    """The words of a command; None where nothing may be said."""

    shape: str | None = None
    template: str | None = None
    category: str | None = None
    wait: str = "auto"


def name(
    line: str | None,
    ran: Sequence[Ran],
    rules: Rules,
    declared: frozenset[str] = frozenset(),
) -> Name:
    """Return what a command is called; `declared` are the names of its repository's manifests.

    The template is that of the program the time went to, the first of those about as long: it was
    executed, so it is no mistyped password. A line that ran nothing is called by its first word if
    that is one we know.
    """
    argv = _dearest(ran)
    programs = frozenset(_base(one.argv[0]) for one in ran if one.argv)
    text: str | Sequence[str] | None = line if line is not None else argv
    shape = templates.shape(text, rules, programs) if text else None
    if argv is None:
        argv = _first(line, rules)
    if argv is None:
        return Name(shape)
    named = templates.normalise(argv, rules, declared)
    return Name(shape, _own(argv, rules) or named.template, named.category, named.wait)


def _own(argv: Sequence[str], rules: Rules) -> str | None:
    """Return what the user's settings call a command: the longest prefix wins."""
    words = (_base(argv[0]), *argv[1:])
    fitting = [one for one in rules.own if words[: len(one[0])] == one[0]]
    return max(fitting, key=lambda one: len(one[0]))[1] if fitting else None


def _dearest(ran: Sequence[Ran]) -> tuple[str, ...] | None:
    told = [one for one in ran if one.argv]
    if not told:
        return None
    longest = max(one.length_ns for one in told)
    enough_ns = min(longest * _ENOUGH_PERMILLE // 1000, longest - _ALIKE_NS)
    near = [one for one in told if one.length_ns >= enough_ns]
    return min(near, key=lambda one: one.born_ns).argv


def _first(line: str | None, rules: Rules) -> tuple[str, ...] | None:
    words = (line or "").split(None, 1)
    if not words or not (words[0] in rules.builtins or rules.known(words[0])):
        return None
    return (words[0],)


def _base(word: str) -> str:
    return word.rpartition("/")[2].lstrip("-")
