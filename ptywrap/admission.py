"""Which words may be shown: names that somebody chose, never values; and what a free name means."""

import math
import re
from collections import Counter

from ptywrap.rules import CATEGORIES, Rules, Wait, Words

HIDDEN = "…"
ARGUMENT, SCRIPT, TARGET, PROGRAM = "<arg>", "<script>", "<target>", "<program>"
PLACEHOLDERS = frozenset((ARGUMENT, SCRIPT, TARGET, PROGRAM))

_ADMITTED = re.compile(r"[a-z][A-Za-z0-9_.+-]*(?::[A-Za-z0-9_.:+-]+)?")
_SUBCOMMAND = re.compile(r"[a-z][a-z0-9_-]{0,23}(?::[a-z0-9_:-]{1,15})?")
_SCRIPT_FILE = re.compile(r"(.+)\.(?:sh|bash|zsh|py|rb|pl|js|mjs|cjs|ts|php)")


def admitted(word: str) -> bool:
    """Tell whether a word looks like a name somebody chose, and not like a value."""
    return len(word) <= 40 and _ADMITTED.fullmatch(word) is not None and not looks_random(word)


def is_subcommand(word: str) -> bool:
    """Tell whether a word that no table lists looks like a subcommand: it stays local."""
    return _SUBCOMMAND.fullmatch(word) is not None and not looks_random(word)


def is_script_file(name: str) -> bool:
    """Tell whether a file's name ends like a script's."""
    return _SCRIPT_FILE.fullmatch(name) is not None


def looks_random(word: str) -> bool:
    """Tell whether a word is long and too mixed to be a name."""
    return len(word) >= 20 and any(map(str.isdigit, word)) and entropy(word) > 3.6


def entropy(word: str) -> float:
    """Return Shannon's entropy of a word's characters, in bits a character."""
    size = len(word)
    return -sum(n / size * math.log2(n / size) for n in Counter(word).values())


def disclosed(word: str, rules: Rules, names: Words, placeholder: str) -> str:
    """Return a script's or target's name if a manifest (`names`) or the shipped table knows it."""
    if word in PLACEHOLDERS:
        return word
    if not admitted(word):
        return ARGUMENT if placeholder == TARGET else placeholder
    return word if word in names or word in rules.common else placeholder


def free_name(name: str, rules: Rules, fallback: str) -> tuple[str, Wait]:
    """Return category and wait of a script's or target's name, hidden or not."""
    name = name.lower()[:80]
    file = _SCRIPT_FILE.fullmatch(name)
    stem = file.group(1) if file else name
    wait: Wait = "serve" if rules.serving.fullmatch(stem) else "yes"
    for category, pattern in rules.scripts:
        if pattern.fullmatch(stem):
            return category, wait
    return fallback, wait


def earliest(categories: list[str]) -> str:
    """Return the category that wins when a command has several targets."""
    ranked = [category for category in CATEGORIES if category in categories]
    return ranked[0] if ranked else categories[0]
