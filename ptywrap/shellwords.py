"""A typed line as simple commands of words, each with its place: read as text, never run.

Not a shell parser: it knows quotes, operators, redirections and here-documents (POSIX XCU 2.3), and
takes an unclosed quote as one word up to the end. Linear, never raises.
"""

import re
from typing import NamedTuple

WORD, REDIRECTED, HERE_STRING = 0, 1, 2
"""A word's role: of the command itself, the file of a redirection, the text of a `<<<`."""

_TOKEN = re.compile(
    r"""(?P<space>(?:[^\S\n]|\\\n)++)
    |(?P<redirect>&>>?|\d{0,2}(?:<<<|<<-?|<>|<&|>>|>&|>\||<|>))
    |(?P<operator>\n|\|\||&&|\|&|;;|[|;&()`])
    |(?P<word>(?:[^\s"'\\|&;<>()`]++|\\.?|"(?:[^"\\]++|\\.)*+"?|'[^']*+'?)++)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"""'([^']*)'?|"((?:[^"\\]++|\\.)*+)"?|\\(.?)""", re.DOTALL)
_HAS_QUOTE = re.compile(r"""["'\\]""")


class Word(NamedTuple):
    """A word without its quotes, and where it stands in the line."""

    text: str
    start: int
    end: int
    role: int = WORD


class Simple(NamedTuple):
    """A simple command and the operator that stands before it, empty for the first."""

    operator: str
    words: list[Word]


def simple_commands(line: str) -> list[Simple]:
    """Return a line's simple commands in order; here-documents' bodies are left out."""
    commands = [Simple("", [])]
    role, at = WORD, 0
    ends: list[str] = []
    expects_end = False
    while (token := _TOKEN.match(line, at)) is not None:
        at = token.end()
        if token.lastgroup == "word":
            word = Word(unquoted(token.group()), token.start(), at, role)
            if expects_end:
                ends.append(word.text)
            commands[-1].words.append(word)
            role, expects_end = WORD, False
        elif token.lastgroup == "redirect":
            sign = token.group().lstrip("0123456789")
            role = HERE_STRING if sign == "<<<" else REDIRECTED
            expects_end = sign in ("<<", "<<-")
        elif token.lastgroup == "operator":
            commands.append(Simple(token.group(), []))
            role, expects_end = WORD, False
            if token.group() == "\n":
                at = _behind(line, at, ends)
                ends = []
    return commands


def unquoted(word: str) -> str:
    """Return a word as the command sees it, variables and globs left as they are."""
    if _HAS_QUOTE.search(word) is None:
        return word
    return _QUOTED.sub(lambda found: found.group(found.lastindex or 0), word)


def _behind(line: str, at: int, ends: list[str]) -> int:
    """Return where the here-documents that begin at `at` have ended."""
    for end in ends:
        found = line.find(f"{end}\n", at)
        if found < 0:
            return len(line)
        at = found + len(end) + 1
    return at
