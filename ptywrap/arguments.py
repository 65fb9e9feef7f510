"""A tool's argv taken apart by what `rules.toml` says of its flags and subcommands."""

from typing import NamedTuple

from ptywrap.admission import ARGUMENT, is_subcommand
from ptywrap.rules import Tool

_MOST_POSITIONALS = 32


class Arguments(NamedTuple):
    """An argv's positionals, the flags it holds, and the values of `keepvalues` flags."""

    positionals: list[str]
    flags: set[str]
    kept: list[str]


def arguments(args: list[str], tool: Tool) -> Arguments:
    """Return a tool's arguments; values of its value flags are in none of the parts."""
    positionals: list[str] = []
    flags: set[str] = set()
    kept: list[str] = []
    at = 0
    while at < len(args) and len(positionals) < _MOST_POSITIONALS:
        word = args[at]
        at += 1
        if word[:1] != "-" or word == "-":
            positionals.append(word)
            continue
        flag, equals, value = word.partition("=")
        flags.add(flag)
        if flag in tool.keepvalues:
            kept += [value] if equals else args[at : at + 1]
            at += not equals
        elif not equals and flag in tool.valflags:
            at += 1
    if tool.keep:  # `make -j 8 CC=clang all`
        positionals = [word for word in positionals if "=" not in word and not word.isdigit()]
    elif positionals and positionals[0].startswith("+"):  # `cargo +nightly build`
        del positionals[0]
    return Arguments(positionals, flags, kept)


def subcommands(positionals: list[str], tool: Tool) -> tuple[list[str], list[str]]:
    """Return the words that belong to the template, and the positionals behind them."""
    subs: list[str] = []
    depth = tool.sub
    for word in positionals[:2]:
        if len(subs) >= depth:
            break
        if word in tool.words:
            subs.append(word)
            depth += len(subs) == 1 and word in tool.sub2
        elif tool.target or tool.implicit or tool.keep:
            break
        else:
            subs.append(word if is_subcommand(word) else ARGUMENT)
    return subs, positionals[len(subs) :]
