"""From an argv that was exec'ed to its template, category and wait rule: words admitted, never cut.

The local template keeps words that look like names; `remote_template` is the closed list that
may leave the machine.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ptywrap.admission import (
    HIDDEN,
    PLACEHOLDERS,
    PROGRAM,
    SCRIPT,
    TARGET,
    admitted,
    disclosed,
    earliest,
    free_name,
    is_script_file,
)
from ptywrap.arguments import arguments, subcommands
from ptywrap.rules import Rules, Tool, Wait, Words, base_name, load
from ptywrap.shapes import remote_shape, shape
from ptywrap.wrappers import peel

__all__ = ["Named", "Rules", "load", "normalise", "remote_shape", "remote_template", "shape"]

_ARGV_LIMIT = 4096
_MOST_TARGETS = 3
_DEEPEST = 3
_EVERYTHING = frozenset((".", "./", "./...", "...", "//...", "::"))
_ASKS = frozenset(("-V", "-h", "--version", "--help"))
_CLUSTER = re.compile(r"-[A-Za-z]{1,5}")


class Named(NamedTuple):
    """What an argv is called, and what its tool is known for; `tool` None is not on our list."""

    template: str
    category: str
    wait: Wait = "yes"
    tool: str | None = None
    wrappers: tuple[str, ...] = ()
    targeted: bool = False
    net: bool = False
    serial: bool = False
    daemon: bool = False
    benign: frozenset[int] = frozenset()


class _Place(NamedTuple):
    """Where a name is looked up: the rules, the manifests' names, what stood before, how deep."""

    rules: Rules
    names: Words
    wrapped: bool
    depth: int = 0

    def inside(self) -> "_Place":
        return self._replace(wrapped=True, depth=self.depth + 1)


class _Seen(NamedTuple):
    """A listed tool's argv taken apart: what is needed to name it."""

    tool: Tool
    subs: list[str]
    rest: list[str]
    flags: set[str]


def normalise(argv: Sequence[str], rules: Rules, declared: Words = frozenset()) -> Named:
    """Return what an exec'ed argv is called; `declared` are the names its repository's manifests
    declare. Never raises; idempotent on the template's words.
    """
    words, wrappers, scripts, wait = peel(_cut(argv), rules)
    place = _Place(rules, declared, bool(wrappers))
    named = _script_behind(scripts, words[0], place) if scripts else None
    named = named or _program(words, place)
    if not wrappers:
        return named
    return named._replace(wrappers=wrappers, wait=wait or named.wait)


def remote_template(template: str, rules: Rules, shown: Words = frozenset()) -> str:
    """Return what of a template may leave: listed programs, their words, names in `shown`."""
    words = template.split(" ")
    known = rules.tools.get(words[0])
    if known is None and words[0] not in rules.wrappers:
        return HIDDEN
    tool = known[1] if known else Tool()
    listed = tool.words | tool.keepflags | tool.codeflags | shown | {"run", "//..."}
    parts = words[:1]
    for word in words[1:]:
        part = word if word in listed else HIDDEN
        if part != HIDDEN or parts[-1] != HIDDEN:
            parts.append(part)
    return " ".join(parts)


def _cut(argv: Sequence[str]) -> list[str]:
    if sum(map(len, argv)) + len(argv) <= _ARGV_LIMIT:
        return list(argv)
    words, left = [], _ARGV_LIMIT
    for word in argv:
        if left <= 0:
            break
        words.append(word[:left])
        left -= len(word) + 1
    return words


def _program(words: list[str], place: _Place) -> Named:
    if not words or words[0] in PLACEHOLDERS:
        return Named(PROGRAM, "other")
    name = base_name(words[0]).lstrip("-")
    known = place.rules.known(name)
    if known is None and place.wrapped and name.endswith(".py"):
        known, words = place.rules.known("python"), ["python", *words]
    if known is None:
        return _stranger(words[0], name, place)
    if known[1].interp:
        return _interpreted(known, words[1:], place)
    return _listed(known, words[1:], place)


def _stranger(word: str, name: str, place: _Place) -> Named:
    """Return what a program is called that is not on our list.

    argv[0] comes from an exec event, so it names a program; behind a wrapper a bare word may be
    anything (`sudo PASSWORD`), so it must look like a path or be declared.
    """
    by_path = "/" in word
    script = is_script_file(name)
    category, wait = free_name(name, place.rules, "other") if script else ("other", "yes")
    known = by_path or name in place.names or name in place.rules.wrappers or not place.wrapped
    if not known or not admitted(name):
        return Named(PROGRAM, category, wait)
    return Named(f"./{name}" if by_path and script else name, category, wait)


def _script_behind(wrapper: str, name: str, place: _Place) -> Named | None:
    """Return `hatch run NAME` where NAME is a script of the manifest, None if it is a program."""
    if name not in place.rules.common and ("/" in name or place.rules.known(base_name(name))):
        return None
    category, wait = free_name(name, place.rules, "run")
    shown = disclosed(name, place.rules, place.names, SCRIPT)
    return Named(f"{wrapper} run {shown}", category, wait, wrapper)


def _interpreted(known: tuple[str, Tool], args: list[str], place: _Place) -> Named:
    """Return the name of a script, a module or a piece of code run by an interpreter."""
    name, tool = known
    flags, at = [], 0
    while at < len(args) and args[at].startswith("-") and args[at] != "-":
        flag = args[at]
        if flag == tool.moduleflag and at + 1 < len(args) and place.depth < _DEEPEST:
            return _program(args[at + 1 :], place.inside())
        code = _code_flag(flag, tool)
        if code is not None:
            return Named(f"{name} {code}", tool.cat, "yes", name)
        flags.append(flag)
        at += 2 if flag in tool.valflags else 1
    if at >= len(args) or args[at] == "-":
        category = tool.cat if _ASKS.intersection(flags) else "interactive"
        return Named(name, category, tool.wait, name)
    script = base_name(args[at])
    inside = place.rules.known(script)
    if inside and not inside[1].interp and place.depth < _DEEPEST:
        return _listed(inside, args[at + 1 :], place.inside())
    category, wait = free_name(script, place.rules, tool.cat)
    shown = disclosed(script, place.rules, place.names, SCRIPT)
    serves = wait == "serve" or tool.watchflags.intersection(flags)
    return Named(f"{name} {shown}", category, "serve" if serves else tool.wait, name)


def _code_flag(flag: str, tool: Tool) -> str | None:
    """Return the flag whose value is code, also at the end of a cluster (`bash -lc`)."""
    if flag in tool.codeflags:
        return flag
    if _CLUSTER.fullmatch(flag):
        return next((code for code in sorted(tool.codeflags) if code[1:] == flag[-1]), None)
    return None


def _listed(known: tuple[str, Tool], args: list[str], place: _Place) -> Named:
    """Return the name of a tool on our list, with its subcommand, script or targets."""
    name, tool = known
    positionals, flags, kept = arguments(args, tool)
    own = tool.through.get(positionals[0]) if positionals else None
    if own is not None and place.depth < _DEEPEST:
        behind = args[args.index(positionals[0]) + 1 + own :]
        return _listed(known, behind, place.inside())
    subs, rest = subcommands(positionals, tool)
    seen = _Seen(tool, subs, rest, flags)
    parts = [name, *subs]
    if tool.keepflags:
        parts += sorted(tool.keepflags & flags)
    free, category, wait = _free_words(seen, place)
    parts += free
    if kept:
        parts += [disclosed(value, place.rules, place.names, TARGET) for value in kept]
    first = subs[0] if subs else ""
    return Named(
        template=" ".join(parts),
        category=category,
        wait=wait,
        tool=name,
        targeted=_targeted(seen),
        net=_downloads(seen, category),
        serial=tool.serial,
        daemon=tool.daemon,
        benign=tool.benign if not tool.benign_subs or first in tool.benign_subs else frozenset(),
    )


def _free_words(seen: _Seen, place: _Place) -> tuple[list[str], str, Wait]:
    """Return the names behind the subcommand as they may be shown, category and wait."""
    tool, subs, rest, _ = seen
    category, wait = _by_subcommand(seen)
    if tool.keep == "script":
        return _targets(seen, wait, place)
    implied = tool.implicit and not subs
    if not rest:
        shown = []
    elif implied or (subs and subs[-1] in tool.scriptsub):
        category, wait = free_name(rest[0], place.rules, "run")
        shown = ["run"] * implied + [disclosed(rest[0], place.rules, place.names, SCRIPT)]
    elif tool.keep == "lastword" and rest[-1] in tool.words:
        category, shown = tool.over.get(rest[-1], category), rest[-1:]
    elif tool.target and any(word not in _EVERYTHING for word in rest):
        shown = [TARGET]
    else:
        shown = ["//..."] * (tool.target and rest[0] == "//...")
    return shown, category, wait


def _by_subcommand(seen: _Seen) -> tuple[str, Wait]:
    """Return category and wait as subcommand and flags decide them."""
    tool, subs, _, flags = seen
    category, wait = tool.cat, tool.wait
    first, joined = subs[0] if subs else "", " ".join(subs)
    if tool.over:
        category = tool.over.get(joined) or tool.over.get(first) or category
    if tool.wover:
        wait = tool.wover.get(joined) or tool.wover.get(first) or wait
    if first in tool.editor:
        wait = "auto"
    if flags:
        if tool.watchflags & flags:
            wait = "serve"
        if tool.detachflags & flags:
            wait = "yes"
    return category, wait


def _targets(seen: _Seen, wait: Wait, place: _Place) -> tuple[list[str], str, Wait]:
    """Return `make TARGET...`: the targets shown, and the category that wins among them."""
    tool, subs, rest, _ = seen
    found = [tool.over[sub] for sub in subs if sub in tool.over]
    parts: list[str] = []
    for word in (*subs, *rest[:_MOST_TARGETS]):
        category, serves = free_name(word, place.rules, "" if subs else tool.cat)
        category = tool.over.get(word) or category
        if category:
            found.append(category)
        wait = "serve" if serves == "serve" else wait
    for word in rest[:_MOST_TARGETS]:
        shown = word if word in tool.words else disclosed(word, place.rules, place.names, TARGET)
        if shown not in PLACEHOLDERS or parts[-1:] != [shown]:
            parts.append(shown)
    return parts, earliest(found) if found else tool.cat, wait


def _downloads(seen: _Seen, category: str) -> bool:
    """Tell whether a command is expected to download: an installer's `list` or `test` is not."""
    tool, subs, _, _ = seen
    if tool.net:
        return category == tool.cat or tool.cat != "install"
    return bool(subs) and (subs[0] in tool.netsubs or " ".join(subs) in tool.netsubs)


def _targeted(seen: _Seen) -> bool:
    tool, subs, rest, flags = seen
    if tool.narrowflags and tool.narrowflags & flags:
        return True
    if not rest or not (tool.target or (subs and subs[0] in tool.targetsubs)):
        return False
    return any(word not in _EVERYTHING for word in rest)
