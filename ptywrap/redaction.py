"""Takes secrets out of a line or an argv by its structure, in linear time.

A help, not a guarantee: new kinds of lines may still hold secrets, and only shapes may leave the
machine. Every finder looks at the original text; what they found is united, so that no rule can
undo another's. None raises: a text with more words than a line can have becomes its shape.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from ptywrap import literals, positions
from ptywrap.literals import Hit
from ptywrap.rules import Rules
from ptywrap.shapes import shape
from ptywrap.shellwords import Simple, Word, simple_commands

_MOST_WORDS = 4096
_SUSPECT = ("://", "@", "-----begin", "<<<", "echo", "printf", "cookie", "bearer")
_LONG = re.compile(r"[A-Za-z0-9_+/.-]{16}")
_PROGRAM = re.compile(r"[\w.+-]+")


def redact(text: str, rules: Rules) -> str:
    """Return a line with each secret found replaced by `«kind»`."""
    if not _suspect(text, rules):
        return text
    commands = simple_commands(text)
    if sum(len(command.words) for command in commands) > _MOST_WORDS:
        return shape(text, rules)
    return _without(text, _hits(text, commands, rules, literal=False))


def redact_argv(argv: Sequence[str], rules: Rules) -> list[str]:
    """Return an argv with each secret found replaced by `«kind»`, word by word."""
    text = "\n".join(argv)
    if not _suspect(text, rules):
        return list(argv)
    if len(argv) > _MOST_WORDS:
        return shape(argv, rules).split(" ")
    words, at = [], 0
    for word in argv:
        words.append(Word(word, at, at + len(word)))
        at += len(word) + 1
    hits = _hits(text, [Simple("", words)], rules, literal=True)
    return [_without(word.text, own) for word, own in _by_word(words, hits)]


def _suspect(text: str, rules: Rules) -> bool:
    """Tell whether any rule could match: cheap, so that ordinary commands cost next to nothing."""
    lower = text.lower()
    return (
        any(part in lower for part in _SUSPECT)
        or rules.named.search(lower) is not None
        or _LONG.search(text) is not None
        or not rules.heads.isdisjoint(_PROGRAM.findall(text))
    )


def _hits(text: str, commands: list[Simple], rules: Rules, *, literal: bool) -> list[Hit]:
    """Return the places of secrets, apart from each other and in order."""
    hits = [
        *literals.found(text, rules, literal=literal),
        *positions.found(commands, text, rules),
        *literals.random_words(text),
    ]
    ranked = sorted(enumerate(hits), key=lambda hit: hit[1].start)
    apart: list[tuple[int, Hit]] = []
    for rank, hit in ranked:
        if apart and hit.start < apart[-1][1].end:
            first, last = apart[-1]
            kind = last.kind if first < rank else hit.kind
            union = Hit(last.start, max(last.end, hit.end), kind)
            apart[-1] = (min(first, rank), union)
        elif hit.end > hit.start:
            apart.append((rank, hit))
    return [hit for _, hit in apart]


def _without(text: str, hits: Iterable[Hit]) -> str:
    parts, at = [], 0
    for hit in hits:
        parts += [text[at : hit.start], f"«{hit.kind}»"]
        at = hit.end
    parts.append(text[at:])
    return "".join(parts)


def _by_word(words: list[Word], hits: list[Hit]) -> Iterator[tuple[Word, list[Hit]]]:
    """Return each word with what of the places lies in it, counted from its start."""
    at = 0
    for word in words:
        while at < len(hits) and hits[at].end <= word.start:
            at += 1
        own, last = [], at
        while last < len(hits) and hits[last].start < word.end:
            start, end, kind = hits[last]
            own.append(
                Hit(max(start, word.start) - word.start, min(end, word.end) - word.start, kind)
            )
            last += 1
        yield word, own
