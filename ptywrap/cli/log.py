"""List commands, newest first.

Without options: the last 20 of the last 7 days. Where a line was withheld (its program does not
exist, or marks cannot lie in memory) its shape stands instead.

Example: ptywrap log --here --failed --since 24h
"""

import argparse
import json
import os
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from ptywrap import clock, service
from ptywrap.cli import base, text, window

_HEADINGS = ("ID", "WHEN", "TOOK", "ENDED", "COMMAND")
_ALIGN: tuple[JustifyMethod, ...] = ("left", "left", "right", "left", "left")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the filters."""
    parser.add_argument("-n", type=_positive, default=20, metavar="N", help="at most N (20)")
    parser.add_argument("--since", default="7d", metavar="WHEN", help="7d, 24h, a date, or all")
    parser.add_argument("--repo", metavar="R", help="only of repositories whose name holds R")
    parser.add_argument("--here", action="store_true", help="only in this directory and below")
    parser.add_argument("--failed", action="store_true", help="only what failed")
    parser.add_argument("--grep", metavar="TEXT", help="only lines that hold TEXT, in any case")
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(args: argparse.Namespace) -> int:
    """Ask the local store and print what it knows."""
    now = clock.wall_ns()
    answer = service.ask_store(
        "log",
        limit=args.n,
        since_ns=window.since_ns(args.since, now),
        repo=args.repo,
        cwd=os.getcwd() if args.here else None,
        failed=args.failed,
        text=args.grep,
    )
    commands: list[dict[str, Any]] = answer["commands"]
    if args.json:
        print(json.dumps(commands, indent=2, ensure_ascii=False))
    elif commands:
        page = base.page()
        page.print(_table(commands, int(answer["unique"]), now, page.width))
    else:
        print("no command matches; `ptywrap status` says what is being recorded")
    if answer.get("stale") and not args.json:
        print("(up to 30 s old: the observer did not answer)")
    return 0


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ValueError
    return number


def _table(commands: list[dict[str, Any]], unique: int, now_ns: int, width: int) -> Table:
    """Build the list; only the command line gives way where the terminal is narrow."""
    cells = [
        (
            command["id"][:unique],
            text.moment(command.get("started_at"), now_ns),
            text.duration(command.get("wall_ns")),
            _ended(command),
        )
        for command in commands
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, align in zip(_HEADINGS, _ALIGN, strict=True):
        table.add_column(heading, no_wrap=True, justify=align)
    columns = zip(_HEADINGS, *cells, strict=False)
    taken = sum(max(map(len, column)) + 1 for column in columns)
    for command, cell in zip(commands, cells, strict=True):
        line = Text(text.visible(_said(command)))
        line.truncate(max(width - taken, 20), overflow="ellipsis")
        failed = command.get("signal") or command.get("exit_status")
        table.add_row(*cell[:3], Text(cell[3], style="red" if failed else ""), line)
    return table


def _said(command: dict[str, Any]) -> str | None:
    return command.get("line") or command.get("shape") or command.get("template")


def _ended(command: dict[str, Any]) -> str:
    if command.get("wall_ns") is None:
        return "running"
    if command.get("signal") is None and command.get("exit_status") is None:
        return "unknown"
    return text.outcome(command.get("exit_status"), command.get("signal"))
