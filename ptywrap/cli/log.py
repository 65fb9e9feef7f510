"""List commands, newest first.

Without options: the last 20 of the last 7 days. Where a line was withheld (its program does not
exist, or marks cannot lie in memory) its shape stands instead.

Example: ptywrap log --here --failed --since 24h
"""

import argparse
import json
import os
from typing import Any

from ptywrap import clock, service
from ptywrap.cli import page, text, window
from ptywrap.cli.base import Column, Line, Narrow, Part, Style
from ptywrap.errors import UserError

_MOST = 100_000
_COLUMNS = (
    Column("ID", Narrow.KEEP),
    Column("WHEN", Narrow.KEEP),
    Column("TOOK", Narrow.KEEP, right=True),
    Column("ENDED", Narrow.KEEP),
    Column("COMMAND", Narrow.CUT),
)


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
        cwd=_here() if args.here else None,
        failed=args.failed,
        text=args.grep and os.fsencode(args.grep).decode(errors="backslashreplace"),
    )
    commands: list[dict[str, Any]] = answer["commands"]
    if args.json:
        print(json.dumps(commands, indent=2, ensure_ascii=False))
    elif commands:
        rows = [_row(command, int(answer["unique"]), now) for command in commands]
        page.choose().table(_COLUMNS, rows)
    else:
        print("no command matches; `ptywrap status` says what is being recorded")
    if answer.get("stale") and not args.json:
        print("(up to 30 s old: the observer did not answer)")
    return 0


def _positive(word: str) -> int:
    number = int(word)
    if not 1 <= number <= _MOST:
        raise ValueError
    return number


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UserError("this directory has been deleted", "change to another one") from None


def _row(command: dict[str, Any], unique: int, now_ns: int) -> list[Line]:
    failed = command.get("signal") or command.get("exit_status")
    return [
        command["id"][:unique],
        text.moment(command.get("started_at"), now_ns),
        text.duration(command.get("wall_ns")),
        Part(_ended(command), Style.BAD if failed else Style.PLAIN),
        _said(command) or "",
    ]


def _said(command: dict[str, Any]) -> str | None:
    return command.get("line") or command.get("shape") or command.get("template")


def _ended(command: dict[str, Any]) -> str:
    if command.get("wall_ns") is None:
        return "running"
    if command.get("signal") is None and command.get("exit_status") is None:
        return "unknown"
    return text.outcome(command.get("exit_status"), command.get("signal"))
