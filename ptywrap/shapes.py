"""From a line or an argv to its shape: listed programs and words, flag names, and `…`.

A list of what may be shown, never of what may not: values, paths, targets and names of variables
have no way in.
"""

import re
from collections.abc import Sequence

from ptywrap.admission import HIDDEN, entropy
from ptywrap.rules import Rules, Tool, Words, base_name
from ptywrap.shellwords import WORD, Simple, Word, simple_commands

UNKNOWN = "<prog>"

_LIMIT = 4096
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_PROGRAM = re.compile(r"[A-Za-z0-9_.+-]{1,48}")
_LONG = re.compile(r"(--[A-Za-z][A-Za-z-]{0,30})(?:=.*)?", re.DOTALL)
_SHORT = re.compile(r"(-[A-Za-z])(.*)", re.DOTALL)
_SHOWN_FLAG = re.compile(r"--[A-Za-z][A-Za-z-]{0,30}|-[A-Za-z]…?|--…?")
_BEFORE_VALUES = frozenset(("for", "case", "select", "function", "in"))
_OPERATORS = frozenset(("||", "&&", "|&", ";;", "|", ";", "&", "(", ")", "`"))
_NO_TOOL = Tool()


def shape(line: str | Sequence[str], rules: Rules, ran: Words = frozenset()) -> str:
    """Return the shape of a typed line or of an argv, at most 4 KiB of it.

    `ran` holds the base names that exec events told for it: a program off our list is shown by
    such a name and hidden otherwise, since a word nobody executed may be a password.
    """
    if isinstance(line, str):
        commands = simple_commands(line[:_LIMIT])
    else:
        commands = [Simple("", [Word(word[:_LIMIT], 0, 0) for word in line[:_LIMIT]])]
    parts: list[str] = []
    for command in commands:
        if command.operator:
            parts.append(";" if command.operator == "\n" else command.operator)
        parts.extend(_simple(command.words, rules, ran))
    return _cut(" ".join(parts))


def remote_shape(text: str, rules: Rules) -> str:
    """Return what of a shape may leave: programs on the list, their words and flags."""
    parts: list[str] = []
    tool: Tool | None = None
    at_program = True
    for word in text.split():
        if word in _OPERATORS or (at_program and word in rules.keywords):
            parts.append(word)
            at_program = True
            continue
        if at_program and word != HIDDEN:
            tool = _shown_tool(word, rules)
            parts.append(UNKNOWN if tool is None else word)
        else:
            part = _remote_word(word, tool)
            if part != HIDDEN or parts[-1:] != [HIDDEN]:
                parts.append(part)
        at_program = False
    return " ".join(parts)


def _cut(text: str) -> str:
    """Return a shape of at most 4 KiB, cut between two words."""
    if len(text) <= _LIMIT // 3:
        return text
    whole = text.encode()
    if len(whole) <= _LIMIT:
        return text
    return whole[:_LIMIT].decode(errors="ignore").rpartition(" ")[0]


def _shown_tool(name: str, rules: Rules) -> Tool | None:
    known = rules.tools.get(name)
    if known is not None:
        return known[1]
    return _NO_TOOL if name in rules.wrappers or name in rules.builtins else None


def _remote_word(word: str, tool: Tool | None) -> str:
    if word.startswith("-"):
        if not _SHOWN_FLAG.fullmatch(word):
            return HIDDEN
        return "--…" if tool is None and len(word) > 3 and word[1] == "-" else word
    return word if tool is not None and word in tool.words else HIDDEN


def _simple(words: list[Word], rules: Rules, ran: Words) -> list[str]:
    """Return the shape of one simple command, word by word."""
    parts: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word.role != WORD:
            _hide(parts)
            at += 1
        elif _ASSIGNMENT.match(word.text):
            at += 1
        elif word.text in rules.keywords:
            parts.append(word.text)
            at += 1
            if word.text in _BEFORE_VALUES:
                return parts + [HIDDEN] * (at < len(words))
        elif word.text in rules.skipped and at + 1 < len(words):
            at = _past_own_flags(words, at + 1, rules.wrappers[word.text].valflags)
        else:
            break
    if at < len(words):
        shown, tool = _program(words[at].text, rules, ran)
        parts.append(shown)
        _arguments(words[at + 1 :], tool, parts)
    elif words and not parts:
        parts.append(HIDDEN)
    return parts


def _past_own_flags(words: list[Word], at: int, valflags: Words) -> int:
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in valflags else 1
    return at


def _program(text: str, rules: Rules, ran: Words) -> tuple[str, Tool | None]:
    """Return how a program is shown, and what is known of it (None: off our list)."""
    name = base_name(text).lstrip("-")
    known = rules.known(name)
    if known is not None:
        return known
    if name in rules.wrappers or name in rules.builtins:
        return name, _NO_TOOL
    if name in ran and _PROGRAM.fullmatch(name) and entropy(name) < 3.9:
        return name, None
    return UNKNOWN, None


def _arguments(words: list[Word], tool: Tool | None, parts: list[str]) -> None:
    """Add the words behind a program to the parts of its shape."""
    listed = tool or _NO_TOOL
    depth = listed.sub or (2 if listed.keep else 0)
    subcommands, value_next = 0, False
    for number, word in enumerate(words):
        text = word.text
        if value_next or word.role != WORD or text[:1] != "-" or text == "-":
            if word.role == WORD and not value_next:
                if subcommands < depth and text in listed.words:
                    parts.append(text)
                    subcommands += 1
                    depth += subcommands == 1 and text in listed.sub2
                    continue
                depth = 0
            value_next = False
            _hide(parts)
            continue
        parts.append(_flag(text, tool))
        if text == "--":
            return _hide(parts) if number + 1 < len(words) else None
        value_next = text in listed.valflags
    return None


def _flag(text: str, tool: Tool | None) -> str:
    if text == "--":
        return text
    if text.startswith("--"):
        long = _LONG.fullmatch(text)
        return long.group(1) if long and tool is not None else "--…"
    short = _SHORT.fullmatch(text)
    if short is None:
        return HIDDEN
    return short.group(1) + (HIDDEN if short.group(2) else "")


def _hide(parts: list[str]) -> None:
    if not parts or parts[-1] != HIDDEN:
        parts.append(HIDDEN)
