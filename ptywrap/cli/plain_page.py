"""A page without colour for pipes and files: columns are aligned, and nothing is cut."""

import contextlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from ptywrap.cli.base import Bar, Branch, Column, Line, Part, parts

_GAP = "  "


class PlainPage:
    """Prints lines."""

    def line(self, *told: str | Part) -> None:
        """Print one line."""
        print("".join(_text(part) for part in told))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Line]]) -> None:
        """Print rows under their headings, every column as wide as its widest cell."""
        cells = [[column.heading for column in columns], *([_text(one) for one in r] for r in rows)]
        _aligned(cells, [column.right for column in columns])

    def fields(self, values: Mapping[str, str]) -> None:
        """Print a name and its value a line."""
        _aligned([[name, _text(value)] for name, value in values.items()], [False, False])

    def bars(self, bars: Sequence[Bar]) -> None:
        """Print bars under each other."""
        cells = [[bar.label, "█" * bar.cells, *map(_text, bar.values)] for bar in bars]
        _aligned(cells, [False] * max(map(len, cells), default=0))

    def tree(self, root: Line, branches: Sequence[Branch]) -> None:
        """Print a tree, without recursion: a chain of processes may be long."""
        print(_text(root))
        below: dict[int | None, list[int]] = {}
        for place, branch in enumerate(branches):
            below.setdefault(branch.below, []).append(place)
        waiting = _siblings(below.get(None, []), "")
        while waiting:
            place, before, last = waiting.pop()
            print(f"{before}{'└── ' if last else '├── '}{_text(branches[place].line)}")
            waiting += _siblings(below.get(place, []), before + ("    " if last else "│   "))

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[str], object]]:
        """Show nothing: what is printed here stays."""
        yield lambda _step: None


def _siblings(places: list[int], before: str) -> list[tuple[int, str, bool]]:
    """Return the branches below one, last first: place, what stands before it, is it the last."""
    last_first = list(reversed(places))
    return [(place, before, place == last_first[0]) for place in last_first]


def _aligned(rows: list[list[str]], right: list[bool]) -> None:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for cell, width, to_the_right in zip(row, widths, right, strict=True):
            blank = " " * (width - _width(cell))
            cells.append(blank + cell if to_the_right else cell + blank)
        print(_GAP.join(cells).rstrip(" "))


def _text(line: Line) -> str:
    return "".join(part.text for part in parts(line))


def _width(line: str) -> int:
    """Return how many cells a terminal gives a text (Unicode annex 11; marks take none)."""
    if line.isascii():
        return len(line)
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in line
    )
