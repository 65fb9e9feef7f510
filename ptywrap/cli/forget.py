"""Delete local history, for good.

Deletes commands with all that belongs to them from the local store, the spool and the archive: all,
or those since a moment, or those of repositories whose name holds R. Asks first in a terminal.

Example: ptywrap forget --since 1h
"""

import argparse
import sys

from ptywrap import clock, service
from ptywrap.cli import text, window


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to forget."""
    parser.add_argument("--since", default="all", metavar="WHEN", help="only since 1h, 7d, a date")
    parser.add_argument("--repo", metavar="R", help="only of repositories whose name holds R")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Let the observer drop what it holds, then the store what it keeps."""
    scope = {"since_ns": window.since_ns(args.since, clock.wall_ns()), "repo": args.repo}
    if not args.yes and sys.stdin.isatty() and not _sure(args):
        print("nothing was deleted")
        return 0
    service.ask_observer("forget", **scope)
    answer = service.ask_store("forget", **scope)
    print(f"forgot {text.count(int(answer['commands']), 'command')}")
    return 0


def _sure(args: argparse.Namespace) -> bool:
    what = "all local history" if args.since == "all" else f"local history since {args.since}"
    if args.repo:
        what += f" of {text.visible(args.repo)}"
    print(f"Delete {what}? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
