"""A page for terminals: colours, bold headings, and a line that fits the width."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ptywrap.cli.base import Bar, Branch, Column, Line, Narrow, Part, Style, parts

_STYLES = {
    Style.PLAIN: "",
    Style.TITLE: "bold",
    Style.FAINT: "dim",
    Style.GOOD: "green",
    Style.BAD: "red",
    Style.DOUBT: "yellow",
    Style.CPU: "green",
    Style.RUNQUEUE: "yellow",
    Style.DISK: "magenta",
    Style.NETWORK: "blue",
    Style.INPUT: "cyan",
    Style.LOCK: "red",
    Style.OTHER: "bright_black",
}
_GAP = 2
_INDENT = 4
_LEAST = 20
"""Cells that a column or branch that is cut keeps, however narrow the terminal."""


class RichPage:
    """Prints through a rich console."""

    def __init__(self) -> None:
        """Look at the terminal on stdout."""
        self._console = Console(highlight=False)

    def line(self, *told: str | Part) -> None:
        """Print one line, folded at words."""
        self._console.print(_text([Part(one) if isinstance(one, str) else one for one in told]))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Line]]) -> None:
        """Print rows under their headings; where they are too wide, one column is cut."""
        cells = [[_text(line) for line in row] for row in rows]
        _cut(columns, cells, self._console.width)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                column.heading,
                no_wrap=column.narrow in {Narrow.CUT, Narrow.KEEP},
                overflow="fold" if column.narrow is Narrow.FOLD else "ellipsis",
                justify="right" if column.right else "left",
            )
        for row in cells:
            table.add_row(*row)
        self._console.print(table)

    def fields(self, values: Mapping[str, str]) -> None:
        """Print a name and its value a line."""
        grid = Table.grid(padding=(0, _GAP))
        for name, value in values.items():
            grid.add_row(_text(Part(name, Style.FAINT)), _text(value))
        self._console.print(grid)

    def bars(self, bars: Sequence[Bar]) -> None:
        """Print bars under each other."""
        grid = Table.grid(padding=(0, _GAP))
        for bar in bars:
            grid.add_row(
                _text(bar.label),
                _text(Part("█" * bar.cells, bar.style)),
                *map(_text, bar.values),
            )
        self._console.print(grid)

    def tree(self, root: Line, branches: Sequence[Branch]) -> None:
        """Print a tree; a line that is too long is cut, one too deep stands beside its stem."""
        tree = Tree(_text(root))
        grown: list[tuple[Tree, int]] = []
        stems: list[tuple[Tree, int]] = []
        deepest = max((self._console.width - _LEAST) // _INDENT, 1)
        for branch in branches:
            line = _text(branch.line)
            line.no_wrap, line.overflow = True, "ellipsis"
            stem, depth = (tree, 0) if branch.below is None else grown[branch.below]
            if depth == deepest and branch.below is not None:
                # rich leaves out, without a word, what would begin beyond the width.
                stem, depth = stems[branch.below]
            stems.append((stem, depth))
            grown.append((stem.add(line), depth + 1))
        self._console.print(tree)

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[str], object]]:
        """Turn a wheel beside the step that is being done."""
        with self._console.status("") as wheel:
            yield wheel.update


def _text(line: Line) -> Text:
    told = Text()
    for number, part in enumerate(parts(line)):
        if number == 0:
            # The style of a whole text reaches over what it is filled up with.
            told = Text(part.text, style=_STYLES[part.style])
        else:
            told.append(part.text, style=_STYLES[part.style])
    return told


def _cut(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> None:
    """Cut the cells of the column that gives way, so that every other is shown whole."""
    place = next((n for n, column in enumerate(columns) if column.narrow is Narrow.CUT), None)
    if place is None:
        return
    headings = [len(column.heading) for column in columns]
    cells = ([cell.cell_len for cell in row] for row in rows)
    widths = [max(told) for told in zip(headings, *cells, strict=True)]
    room = width - sum(widths) + widths[place] - _GAP * (len(columns) - 1)
    for row in rows:
        row[place].truncate(max(room, _LEAST), overflow="ellipsis")
