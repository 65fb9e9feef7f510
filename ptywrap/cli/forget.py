"""Delete local history, for good.

Deletes commands with all that belongs to them from the local store, the spool and the archive: all,
or those since a moment, or those of repositories whose name holds R. Asks first in a terminal.

Where this machine has joined a service, the same is taken out of what waits to be sent, and the
service is asked to erase it, until it says yes.

Example: ptywrap forget --since 1h
"""

import argparse
import sys
from typing import Any

from netsniff import amounts
from ptywrap import clock, device, enrolment, locks, outbox, paths, service
from ptywrap.cli import text, window
from ptywrap.errors import UserError

_MOST = 1_000_000
_LOCK_S = 35.0


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
    if enrolment.read() is None:
        _forget(scope)
        _forget_sent()
    else:
        _everywhere(scope)
    return 0


def _forget_sent() -> None:
    """Delete what was kept of an enrolment that has ended: its key is gone, so all of it."""
    folder = paths.device_folder(device.identity())
    for body in (*outbox.bodies(folder / "sent"), *outbox.bodies(folder / "rejected")):
        body.path.unlink(missing_ok=True)


def _forget(scope: dict[str, Any]) -> None:
    answer = service.ask_store("forget", **scope)
    print(f"forgot {amounts.count(int(answer['commands']), 'command')}")


def _everywhere(scope: dict[str, Any]) -> None:
    """Forget here while nothing is sent, then ask the service to erase the same."""
    from ptywrap.ship import departure, erasure  # noqa: PLC0415 - aiohttp is for who has joined

    folder = paths.device_folder(device.identity())
    paths.private(folder)
    # The names of what is to be forgotten are known only before it is.
    repos = None if scope["repo"] is None else departure.remote_ids(_names(scope["repo"]))
    asked = erasure.Erasure(since=scope["since_ns"], repos=repos)
    request = erasure.begin(folder / "outbox", asked)
    with locks.locked(folder / "shipper.lock", _LOCK_S):
        try:
            _forget(scope)
        except UserError:
            request.unlink(missing_ok=True)
            raise
        erasure.ask(request)
    _ship()


def _names(repo: str) -> list[str]:
    """Return the names of repositories that hold R, as the local store knows them."""
    found = service.ask_store("log", limit=_MOST, repo=repo)["commands"]
    return sorted({row["repo"] for row in found if row["repo"]} | {repo})


def _ship() -> None:
    from ptywrap.ship import departure  # noqa: PLC0415 - aiohttp is for who has joined

    outcome = departure.depart(asked=True, wait_s=_LOCK_S, pace=departure.BRIEF)
    if outcome.state.error is None and outcome.held is None:
        print("the service erases it too")
    else:
        why = text.visible(outcome.held or outcome.state.error)
        print(f"the service will be asked to erase it too, until it does: {why}")


def _sure(args: argparse.Namespace) -> bool:
    what = "all local history" if args.since == "all" else f"local history since {args.since}"
    if args.repo:
        what += f" of {text.visible(args.repo)}"
    print(f"Delete {what}? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
