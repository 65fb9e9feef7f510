"""Record again after `ptywrap pause`.

Example: ptywrap resume
"""

import argparse

from ptywrap import paths, service
from ptywrap.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing."""


def run(_args: argparse.Namespace) -> int:
    """Take the mark away, then tell the observer that runs."""
    try:
        paths.pause_file().unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot remove {paths.pause_file()}: {error.strerror}", "remove it by hand"
        ) from None
    service.ask_observer("resume")
    print("recording")
    return 0
