"""Draws the table in a terminal with rich, and the totals that stay when it is closed."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from netsniff import amounts
from netsniff.live import text
from netsniff.live.ledger import Row

_WIDE, _NARROW = 96, 72
_FRAME_LINES = 5  # headings, total, what is left out, keys, a line to spare
_MOST_NOTES = 6
KEYS = {"r": "rate", "t": "total", "p": "process", "h": "host"}
_HELP = "sort: r rate · t total · p process · h host · q quit"


class Frame(NamedTuple):
    """What is drawn at one moment."""

    rows: Sequence[Row]
    total: Row
    order: str
    notes: Sequence[str]
    live: bool
    """Whether it is to fit the terminal; False: all of it, to stay."""
    keys: bool = False
    """Whether keys are heard, and so to be told."""


def drawn(frame: Frame, console: Console) -> Group:
    """Return the whole picture, fitting the terminal's width and, while it is live, its height."""
    told = frame.notes[:_MOST_NOTES] if frame.live else frame.notes
    notes = [_note(note, live=frame.live) for note in told]
    shown = list(frame.rows)
    if frame.live:
        shown = shown[: max(1, console.height - _FRAME_LINES - len(notes))]
    parts: list[Table | Text] = [_table(frame, shown, console.width)]
    left_out = len(frame.rows) - len(shown)
    if left_out:
        parts.append(Text(f"… and {amounts.count(left_out, 'row')} more", style="dim"))
    parts += notes
    if frame.keys:
        help_line = _HELP.replace(frame.order, frame.order.upper(), 1)
        parts.append(Text(help_line, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _table(frame: Frame, shown: Sequence[Row], width: int) -> Table:
    counts = _counts(width, live=frame.live)
    rates = frame.live and width >= _NARROW
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", expand=frame.live)
    table.add_column("PID", justify="right", no_wrap=True)
    table.add_column("PROCESS", no_wrap=True)
    table.add_column("HOST", no_wrap=True, overflow="ellipsis", ratio=1 if frame.live else None)
    for heading in counts:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in (*(("IN/s", "OUT/s") if rates else ()), "RECEIVED", "SENT"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=7)
    for row in shown:
        cells = [*_who(row), *_numbers(row, counts), *_rates(row, shown=rates), *_totals(row)]
        table.add_row(*map(Text, cells), style="dim" if row.key.loopback else None)
    total = frame.total
    within = any(row.key.loopback for row in frame.rows)
    number = total.total.connections
    counted = amounts.count(number, "connection")
    label = ["", "total", f"{number:,} beyond this machine" if within else counted]
    numbers = [*_numbers(total, counts), *_rates(total, shown=rates), *_totals(total)]
    table.add_row(*map(Text, [*label, *numbers]), style="bold")
    return table


def _counts(width: int, *, live: bool) -> tuple[str, ...]:
    """Return the headings of the counts there is room for."""
    if not live:
        return ("ALL",)
    return ("OPEN", "ALL") if width >= _WIDE else ()


def _who(row: Row) -> tuple[str, str, str]:
    """Return pid, program and host; a `~` before a program that is only likely."""
    owner = row.key.owner
    pid = str(owner.pid) if owner.pid is not None else f"×{row.ended}" if row.ended > 1 else ""
    name = ("~" if row.total.likely else "") + text.visible(owner.name)
    return pid, text.cut(name, 15), text.visible(row.key.host)


def _numbers(row: Row, counts: tuple[str, ...]) -> list[str]:
    told = {"OPEN": f"{row.open:,}", "ALL": f"{row.total.connections:,}"}
    return [told[heading] for heading in counts]


def _rates(row: Row, *, shown: bool) -> list[str]:
    rates = (row.received_rate, row.sent_rate) if shown else ()
    return [amounts.size(rate) if rate else "" for rate in rates]


def _totals(row: Row) -> tuple[str, str]:
    total = row.total
    if not total.known:
        return "-", "-"
    return (
        text.at_least(total.received, total.unknown),
        text.at_least(total.sent, total.unknown),
    )


def _note(note: str, *, live: bool) -> Text:
    return Text(text.visible(note), style="dim", no_wrap=live, overflow="ellipsis")
