"""What a verb is, what it prints through, and how to add one of either.

A verb is a module of this folder: its docstring is the help (first line the summary, then prose and
an `Example:`), `arguments` declares its arguments, `run` does it and returns the exit status. Add a
row to `VERBS` in `__init__.py`; `tests/ptywrap/cli/test_cli.py` then holds it to `--help`, statuses
and documentation. A verb raises `UserError` for what the user can act on, and prints through
`page.choose()` when what it shows is more than a sentence. To add a page, write its class in a file
of its own and a row of `PAGES` in `page.py`.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import NamedTuple, Protocol

from ptywrap.cli import text


class Verb(Protocol):
    """A module of this folder."""

    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare the verb's arguments."""

    def run(self, args: argparse.Namespace, /) -> int:
        """Do it; return the exit status."""


class Style(Enum):
    """What a piece of text means; a page may show it, none relies on it being seen."""

    PLAIN = "plain"
    TITLE = "title"
    FAINT = "faint"
    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"
    CPU = "cpu"
    RUNQUEUE = "runqueue"
    DISK = "disk"
    NETWORK = "network"
    INPUT = "input"
    LOCK = "lock"
    OTHER = "other"


class Part(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = Style.PLAIN


Line = str | Part | list[Part]


class Narrow(Enum):
    """What a column does where the terminal is too narrow; without a terminal none does it."""

    WRAP = "wrap"
    FOLD = "fold"
    CUT = "cut"
    KEEP = "keep"


class Column(NamedTuple):
    """One column of a table; of several at most one is `Narrow.CUT`, and gives way alone."""

    heading: str
    narrow: Narrow = Narrow.WRAP
    right: bool = False


class Bar(NamedTuple):
    """One bar of so many cells, between its label and what it stands for."""

    label: str
    cells: int
    style: Style
    values: tuple[str, ...]


class Branch(NamedTuple):
    """One line of a tree, below an earlier one (its place in the sequence) or below the root."""

    line: Line
    below: int | None = None


class Page(Protocol):
    """Where a verb prints; control characters of what it is given are written out."""

    def line(self, *parts: str | Part) -> None:
        """Print one line, empty without parts."""

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Line]]) -> None:
        """Print rows under their headings."""

    def fields(self, values: Mapping[str, str]) -> None:
        """Print a name and its value a line."""

    def bars(self, bars: Sequence[Bar]) -> None:
        """Print bars under each other."""

    def tree(self, root: Line, branches: Sequence[Branch]) -> None:
        """Print a tree in the order of its branches."""

    def progress(self) -> AbstractContextManager[Callable[[str], object]]:
        """Show, where that can be taken away again, the step that is being done."""


def parts(line: Line) -> list[Part]:
    """Return the parts of a line, every control character written out."""
    if isinstance(line, str):
        return [Part(text.visible(line))]
    told = [line] if isinstance(line, Part) else line
    return [Part(text.visible(part.text), part.style) for part in told]
