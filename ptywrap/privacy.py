"""From facts as they were seen to facts as they may be kept: nothing raw passes `inward`.

`inward` stands between the observer and the spool: it redacts and cuts texts, takes user names out
of addresses, and makes every text writable. It never raises; done twice it changes nothing.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from ptywrap import wire
from ptywrap.literals import user_info_end
from ptywrap.redaction import redact, redact_argv
from ptywrap.templates import Rules, shape

__all__ = ["inward", "redact", "redact_argv"]

_NEVER_RAN = 127
_LIMIT = wire.TEXT_LIMIT
_UTF8_BYTES = 4  # the most that a character takes
_PLAIN = frozenset({int, bool, bytes, type(None)})
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_QUERY = re.compile("[?#]")
_LAST_SPACE = re.compile(r"\s(?=\S*\Z)")


def inward(fact: wire.Fact, rules: Rules, argv: str = "redacted") -> wire.Fact:
    """Return what of a fact may be kept on this machine.

    `argv` is the setting of that name: with `shape` lines and argvs are kept as their shapes alone.
    """
    fact = _writable(fact)
    if isinstance(fact, wire.Command):
        return _command(fact, rules, argv)
    if isinstance(fact, wire.Process):
        return _process(fact, rules, argv)
    if isinstance(fact, wire.Project):
        return structs.replace(fact, repo=_plain(fact.repo), alias=_plain(fact.alias))
    if isinstance(fact, wire.Commit) and fact.repo is not None:
        return structs.replace(fact, repo=_plain(fact.repo))
    return fact


def _command(fact: wire.Command, rules: Rules, argv: str) -> wire.Command:
    line, cut = fact.line, fact.line_cut
    if fact.exit_status == _NEVER_RAN:
        line = None  # a password typed at the prompt is not ours to keep
    elif line is not None and argv == "shape":
        line = fact.shape if fact.shape is not None else shape(line, rules)
    elif line is not None:
        line, first = _cut(line, _LIMIT)
        line, again = _cut(redact(line, rules), _LIMIT)
        cut = cut or first or again
    repo = None if fact.repo is None else _plain(fact.repo)
    return structs.replace(fact, line=line, line_cut=cut and line is not None, repo=repo)


def _process(fact: wire.Process, rules: Rules, argv: str) -> wire.Process:
    if fact.argv is None:
        return fact
    words, cut = _cut_argv(fact.argv)
    if argv == "shape":
        words = shape(words, rules).split()
    else:
        words, again = _cut_argv(redact_argv(words, rules))
        cut = cut or again
    return structs.replace(fact, argv=words, argv_cut=cut or fact.argv_cut)


def _cut(text: str, limit: int) -> tuple[str, bool]:
    """Return at most `limit` bytes of a text, without the word the cut goes through.

    Half a secret is no longer found by its looks, so half a word is not kept.
    """
    if len(text) <= limit and len(text.encode()) <= limit:
        return text, False
    head = text[:limit].encode()[:limit].decode(errors="ignore")
    space = _LAST_SPACE.search(head)
    return (head[: space.start()] if space else ""), True


def _cut_argv(argv: Sequence[str]) -> tuple[list[str], bool]:
    """Return words of an argv that together, each with its NUL, have at most 4 KiB."""
    if sum(map(len, argv)) + len(argv) <= _LIMIT // _UTF8_BYTES:
        return list(argv), False
    words: list[str] = []
    left = _LIMIT
    for word in argv:
        whole, cut = _cut(word, max(left - 1, 0))
        if cut:
            return words + [whole] * bool(whole), True
        words.append(whole)
        left -= len(whole.encode()) + 1
    return words, False


def _plain(address: str) -> str:
    """Return a remote's address without user, password, query and fragment."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    at = user_info_end(rest) if separator else rest.partition("/")[0].rfind("@")
    return f"{scheme}{separator}{_QUERY.split(rest[at + 1 :], maxsplit=1)[0]}"


def _writable(value: Any) -> Any:
    """Return a fact, or a part of one, whose texts can be written as UTF-8.

    A byte that was not UTF-8 comes as a lone surrogate (PEP 383) and goes as `\\xNN`.
    """
    if isinstance(value, str):
        return value if value.isascii() else _NOT_UTF8.sub(_escaped, value)
    if isinstance(value, list):
        return [_writable(one) for one in value]
    if isinstance(value, dict):
        return {_writable(name): one for name, one in value.items()}
    if not isinstance(value, msgspec.Struct):
        return value
    changes = {}
    for name in value.__struct_fields__:
        old = getattr(value, name)
        if not (type(old) in _PLAIN or (type(old) is str and old.isascii())):
            new = _writable(old)
            if new != old:
                changes[name] = new
    return structs.replace(value, **changes) if changes else value


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
