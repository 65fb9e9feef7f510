"""Secrets that stand where a program takes them: options, words, NAME=value, stdin.

Every rule is anchored at the program of its simple command; each word is looked at once a level.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from ptywrap.literals import Hit, is_open, is_secret_name
from ptywrap.rules import Rules, Tool, base_name
from ptywrap.shellwords import HERE_STRING, WORD, Simple, Word, simple_commands
from ptywrap.wrappers import peel

_DEEPEST = 2
_LONGEST_PIPE = 3
_SPEAKERS = ("echo", "printf", "cat")
_ASSIGNED = re.compile(r"[\"']?-{0,2}([A-Za-z_][\w.\-]{0,63}+)=")
_FLAG = re.compile(r"--?([A-Za-z][\w.\-]{2,63}+)")
_FLAG_LIKE = re.compile(r"--[A-Za-z]|-[A-Za-z]$|--$")
_ANY_ASSIGNED = re.compile(r"(?:--from-literal=|-{0,2})[\w./:-]{1,64}+=")
_FROM_FILE = re.compile(r"--(?:from-(?:env-)?file|dry-run|type|namespace|output|context)\b")
_CLUSTER = re.compile(r"-[A-Za-z]+")
_OPENING = re.compile(r"-{0,2}[\w.\-]{0,64}+=?[\"']")
_INNER = re.compile(r"\s")


def found(commands: list[Simple], text: str, rules: Rules) -> Iterator[Hit]:
    """Return the secrets in a line's (or an argv's) simple commands; `text` is what they lie in."""
    yield from _level(commands, text, 0, rules, _DEEPEST)


def _level(
    commands: list[Simple], text: str, shift: int, rules: Rules, depth: int
) -> Iterator[Hit]:
    for number, command in enumerate(commands):
        words = [word for word in command.words if word.role == WORD]
        for hit in _command(words, text, rules):
            yield Hit(hit.start + shift, hit.end + shift, hit.kind)
        for hit in _stdin(commands, number, text, rules):
            yield Hit(hit.start + shift, hit.end + shift, hit.kind)
        if depth:
            for word in command.words:
                yield from _inside(word, text, shift, rules, depth)


def _inside(word: Word, text: str, shift: int, rules: Rules, depth: int) -> Iterator[Hit]:
    """Find secrets in a word that holds a line of its own: `sh -c '...'`."""
    if _INNER.search(text, word.start, word.end) is None:
        return
    quote = _OPENING.match(text, word.start, word.end)
    start = quote.end() if quote else word.start
    closed = quote is not None and start < word.end and text[word.end - 1] == text[start - 1]
    inner = text[start : word.end - closed]
    yield from _level(simple_commands(inner), inner, shift + start, rules, depth - 1)


def _command(words: list[Word], text: str, rules: Rules) -> Iterator[Hit]:
    yield from _named(words, text, rules)
    while words and words[0].text in rules.keywords:
        words = words[1:]
    texts = [word.text for word in words]
    peeled = peel(texts, rules).words
    at = len(texts) - len(peeled)
    if not peeled or texts[at:] != peeled:
        return
    heads = [at]
    if base_name(texts[at]) in rules.secrets.carriers:
        heads += [i for i in range(at + 1, len(texts)) if base_name(texts[i]) in rules.heads]
    for head, end in zip(heads, [*heads[1:], len(words)], strict=True):
        yield from _program(words[head:end], text, rules)


def _named(words: list[Word], text: str, rules: Rules) -> Iterator[Hit]:
    """Find `NAME=value`, `--name=value` and `--name value` by the name alone."""
    for number, word in enumerate(words):
        raw = text[word.start : word.end]
        assigned = _ASSIGNED.match(raw)
        if assigned is not None:
            if is_secret_name(assigned.group(1), rules):
                yield from _whole(word, text, assigned.end())
            continue
        flag = _FLAG.fullmatch(raw)
        if flag is not None and number + 1 < len(words) and is_secret_name(flag.group(1), rules):
            yield from _whole(words[number + 1], text)


def _whole(word: Word, text: str, skip: int = 0, kind: str = "secret") -> Iterator[Hit]:
    """Find a word, or what is left of it behind `skip` characters, if it may be a secret."""
    end = word.end
    if skip and text[word.start] in "'\"" and text[end - 1] == text[word.start]:
        end -= 1
    value = text[word.start + skip : end]
    if not is_open(value) and (skip or not _FLAG_LIKE.match(value)):
        yield Hit(word.start + skip, end, kind)


def _program(words: list[Word], text: str, rules: Rules) -> Iterator[Hit]:
    """Find the secrets a program takes by its own rules."""
    name = base_name(words[0].text)
    known = rules.known(name)
    positionals = _positionals(words[1:], known[1] if known else Tool())
    names = [name]
    for word in positionals[:3]:
        names.append(f"{names[-1]} {word.text.partition('.')[0]}")
    secrets = rules.secrets
    for key in names:
        yield from _options(words, text, secrets.attached.get(key, ()), alone=False)
        yield from _options(words, text, secrets.options.get(key, ()), alone=True)
        yield from _user_pass(words, text, secrets.userpass.get(key, ()))
        yield from _after(words, text, secrets.after.get(key, ()))
        own = key.count(" ") + secrets.positional.get(key, 0) - 1
        if key in secrets.positional and own < len(positionals):
            yield from _whole(positionals[own], text)
        if key in secrets.assignments:
            yield from _assignments(words[1:], text)
    letter = secrets.last.get(name)
    if letter is not None and len(positionals) > 1:
        flags = (word.text for word in words[1:] if _CLUSTER.fullmatch(word.text))
        if any(letter in flag for flag in flags):
            yield from _whole(positionals[-1], text)


def _positionals(words: list[Word], tool: Tool) -> list[Word]:
    found, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.text[:1] == "-" and len(word.text) > 1:
            skip = word.text in tool.valflags
        else:
            found.append(word)
    return found


def _options(
    words: list[Word], text: str, options: list[str] | tuple[()], *, alone: bool
) -> Iterator[Hit]:
    """Find values of options: attached (`-pX`, `--pass=X`) and, if `alone`, in the next word."""
    for number, word in enumerate(words if options else ()):
        raw = text[word.start : word.end]
        for option in options:
            if not raw.startswith(option):
                continue
            if raw == option:
                if alone and number + 1 < len(words):
                    yield from _whole(words[number + 1], text)
            elif raw[len(option)] in "=:":
                yield from _whole(word, text, len(option) + 1)
            elif len(option) == 2:
                yield from _whole(word, text, 2)


def _user_pass(words: list[Word], text: str, options: list[str] | tuple[()]) -> Iterator[Hit]:
    """Find the password of `-u USER:PASSWORD` (`USER%PASSWORD` and `USER,PASSWORD` too)."""
    for number, word in enumerate(words if options else ()):
        raw = text[word.start : word.end]
        option = next((one for one in options if raw.startswith(one)), None)
        if option is None:
            continue
        value, skip = word, len(option)
        if raw == option:
            if number + 1 >= len(words):
                continue
            value, skip = words[number + 1], 0
        elif raw[skip] != "=" and len(option) > 2:
            continue
        whole = text[value.start + skip : value.end]
        ends = [end for end in map(whole.find, ":%,") if end >= 0]
        if ends:
            yield from _whole(value, text, skip + min(ends) + 1, "password")


def _after(words: list[Word], text: str, names: list[str] | tuple[()]) -> Iterator[Hit]:
    for word, following in pairwise(words) if names else ():
        if word.text in names:
            yield from _whole(following, text)


def _assignments(words: list[Word], text: str) -> Iterator[Hit]:
    for word in words:
        raw = text[word.start : word.end].lstrip("'\"")
        quotes = word.end - word.start - len(raw)
        assigned = _ANY_ASSIGNED.match(raw)
        if assigned is not None and not _FROM_FILE.match(raw):
            yield from _whole(word, text, quotes + assigned.end())


def _stdin(commands: list[Simple], number: int, text: str, rules: Rules) -> Iterator[Hit]:
    """Find what `<<<` and `echo |` hand to a program that reads a secret."""
    command = commands[number]
    words = [word for word in command.words if word.role == WORD]
    name = base_name(words[0].text) if words else ""
    for word in command.words:
        if word.role == HERE_STRING and not _filters(name, words, rules):
            yield from _whole(word, text, kind="stdin")
    if name not in _SPEAKERS:
        return
    for behind in commands[number + 1 : number + 1 + _LONGEST_PIPE]:
        if behind.operator not in ("|", "|&"):
            break
        if _reads_secret(behind.words, rules):
            said = [word for word in command.words[1:] if not word.text.startswith("-")]
            if name == "printf" and len(said) > 1 and "%" in said[0].text:
                del said[0]
            for word in said:
                yield from _whole(word, text, kind="stdin")
            break


def _filters(name: str, words: list[Word], rules: Rules) -> bool:
    """Tell whether a program's `<<<` is ordinary text (`read PASSWORD` is not)."""
    if name not in rules.secrets.filters:
        return False
    return not any(is_secret_name(word.text, rules) for word in words[1:])


def _reads_secret(words: list[Word], rules: Rules) -> bool:
    texts = [word.text for word in words if word.role == WORD]
    if not texts:
        return False
    told = frozenset(texts)
    if not rules.reader_flags.isdisjoint(told):
        return True
    entries = [*rules.readers.get(base_name(texts[0]), ())]
    peeled = peel(texts, rules).words
    if peeled:
        entries += rules.readers.get(base_name(peeled[0]), ())
    return any(entry <= told for entry in entries)
