"""Enrol this machine with an ingest service.

Asks for a device token or a one-time enrolment secret, or takes it from PTYWRAP_TOKEN or a file;
never from an argument, which `ps` would show. From then on what commands cost is sent there: shapes
of commands, no values, no paths, no names of yours. `ptywrap sent` prints all of it, before joining
too. A file whose one-time secret was used is removed.

Example: ptywrap join https://ptywrap.example.org
"""

import argparse
import getpass
import os
import sys
from pathlib import Path

from ptywrap import enrolment
from ptywrap.cli import text
from ptywrap.enrolment import Enrolment
from ptywrap.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the service and where its token is."""
    parser.add_argument("url", metavar="URL", help="the service, https://HOST[:PORT]")
    parser.add_argument("--token-file", metavar="F", help="read the token from this file")


def run(args: argparse.Namespace) -> int:
    """Enrol; say with whom, under which notice, and what is sent."""
    from ptywrap.setup import join  # noqa: PLC0415 - aiohttp is no part of every `--help`

    url = enrolment.origin(args.url)
    join.refuse_twice()
    secret = _secret(args.token_file)
    person = sys.stdin.isatty() and sys.stdout.isatty()
    granted = join.join(url, secret, shown=person)
    if args.token_file:
        join.take_away(Path(args.token_file), secret, granted)
    _tell(granted)
    return 0


def _tell(granted: Enrolment) -> None:
    team = f" as a member of {text.visible(granted.team)}" if granted.team else ""
    print(f"joined {granted.url}{team}")
    if granted.notice:
        print(text.visible(granted.notice))
    print("`ptywrap sent` prints what goes there; `ptywrap leave` ends it")


def _secret(file: str | None) -> str:
    hint = "give it in PTYWRAP_TOKEN, in a file by --token-file, or at the prompt"
    if file is not None:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            raise UserError(f"cannot read {text.visible(file)}: {reason}", hint) from None
    elif "PTYWRAP_TOKEN" in os.environ:
        secret = os.environ["PTYWRAP_TOKEN"].strip()
    elif sys.stdin.isatty():
        try:
            secret = getpass.getpass("token: ").strip()
        except EOFError:
            secret = ""
    else:
        raise UserError("no token was given", hint)
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise UserError("that is no token", hint)
    return secret
