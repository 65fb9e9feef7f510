"""Open the pages of the service this machine has joined, signed in.

Prints the address as its first line, good once and for a minute, and opens it in a browser.

Example: ptywrap dashboard --remote
"""

import argparse
import urllib.parse
import webbrowser

from ptywrap import enrolment
from ptywrap.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which pages, and whether to open them."""
    parser.add_argument("--remote", action="store_true", help="the pages of the service")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(args: argparse.Namespace) -> int:
    """Ask for a link, print it, open it."""
    if not args.remote:
        raise UserError(
            "there are no pages of this machine's own yet", "see `ptywrap log`, or use --remote"
        )
    address = _address()
    print(address, flush=True)
    if not args.no_browser:
        webbrowser.open(address)
    return 0


def _address() -> str:
    """Return a link of the service's own: it signs in, so it may lead nowhere else."""
    from ptywrap.setup import join  # noqa: PLC0415 - aiohttp is no part of every `--help`
    from ptywrap.ship import courier  # noqa: PLC0415 - the same

    enrolled = enrolment.read()
    if enrolled is None:
        raise UserError("this machine is enrolled nowhere", "`ptywrap join URL` enrols it")
    answer = courier.asked(join.route(enrolled.url, enrolled.token), "POST", "/v1/me/link")
    told = answer.body.get("url") if answer.body is not None else None
    if not 200 <= answer.status < 300 or not isinstance(told, str):
        raise UserError(f"{enrolled.url} gives no link: {join.said(answer)}", "try again later")
    address = urllib.parse.urljoin(enrolled.url, told)
    if not address.startswith(f"{enrolled.url}/") or not address.isprintable():
        raise UserError(f"{enrolled.url} gives a link to somewhere else", "tell its owner")
    return address
