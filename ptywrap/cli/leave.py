"""End the enrolment: the token is revoked, and what waits to be sent is deleted.

What the service has stays there: `ptywrap forget` before leaving has it erased. Local history
stays.

Example: ptywrap leave
"""

import argparse
import sys


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there is one service."""


def run(_args: argparse.Namespace) -> int:
    """Leave here in any case; say where the service could not be told."""
    from ptywrap.setup import join  # noqa: PLC0415 - aiohttp is no part of every `--help`

    left, untold = join.leave()
    print(f"left {left.url}; nothing is sent any more")
    if untold is not None:
        print(f"it could not be told ({untold}): have the token revoked there", file=sys.stderr)
    return 0
