"""Draws the table in a terminal with rich, and the totals that stay when it is closed."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from netsniff.live import text
from netsniff.live.ledger import Row

_WIDE = 96
_FRAME_LINES = 5  # headings, total, what is left out, keys, a line to spare
KEYS = {"r": "rate", "t": "total", "p": "process", "h": "host"}
_HELP = "sort: r rate · t total · p process · h host · q quit"


class Frame(NamedTuple):
    """What is drawn at one moment."""

    rows: Sequence[Row]
    total: Row
    order: str
    notes: Sequence[str]
    live: bool
    """Whether it is to fit the terminal, with keys told; False: all of it, to stay."""


def drawn(frame: Frame, console: Console) -> Group:
    """Return the whole picture, fitting the terminal's width and, while it is live, its height."""
    notes = [_note(note, console.width) for note in frame.notes]
    shown = list(frame.rows)
    if frame.live:
        shown = shown[: max(1, console.height - _FRAME_LINES - len(notes))]
    parts: list[Table | Text] = [_table(frame, shown, console.width)]
    left_out = len(frame.rows) - len(shown)
    if left_out:
        parts.append(Text(f"… and {text.count(left_out, 'row')} more", style="dim"))
    parts += notes
    if frame.live:
        help_line = _HELP.replace(frame.order, frame.order.upper(), 1)
        parts.append(Text(help_line, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _table(frame: Frame, shown: Sequence[Row], width: int) -> Table:
    wide = width >= _WIDE
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", expand=frame.live)
    table.add_column("PID", justify="right", no_wrap=True)
    table.add_column("PROCESS", no_wrap=True)
    table.add_column("HOST", no_wrap=True, overflow="ellipsis", ratio=1 if frame.live else None)
    if wide:
        table.add_column("OPEN", justify="right", no_wrap=True)
        table.add_column("ALL", justify="right", no_wrap=True)
    for heading in ("IN/s", "OUT/s", "RECEIVED", "SENT"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=7)
    for row in shown:
        table.add_row(*_cells(row, wide=wide), style="dim" if row.key.loopback else None)
    table.add_row(*_total(frame.total, wide=wide), style="bold")
    return table


def _cells(row: Row, *, wide: bool) -> list[Text]:
    owner, total = row.key.owner, row.total
    name = ("~" if total.likely else "") + text.visible(owner.name)
    pid = str(owner.pid) if owner.pid is not None else f"×{row.ended}" if row.ended > 1 else ""
    counts = [str(row.open), str(total.connections)] if wide else []
    cells = [
        pid,
        text.cut(name, 15),
        text.visible(row.key.host),
        *counts,
        *(text.size(rate) if rate else "" for rate in (row.received_rate, row.sent_rate)),
        *_totals(row),
    ]
    return [Text(cell) for cell in cells]


def _totals(row: Row) -> tuple[str, str]:
    total = row.total
    if not total.known:
        return "-", "-"
    return (
        text.at_least(total.received, total.unknown),
        text.at_least(total.sent, total.unknown),
    )


def _total(row: Row, *, wide: bool) -> list[Text]:
    counts = [str(row.open), str(row.total.connections)] if wide else []
    rates = (text.size(row.received_rate), text.size(row.sent_rate))
    return [Text(cell) for cell in ("", "total", "", *counts, *rates, *_totals(row))]


def _note(note: str, width: int) -> Text:
    return Text(text.cut(text.visible(note), width), style="dim", no_wrap=True)
