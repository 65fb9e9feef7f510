"""Stop recording until `ptywrap resume`.

Shells already open go on as they are; nothing they do is recorded. It holds across restarts.

Example: ptywrap pause
"""

import argparse

from ptywrap import paths, service
from ptywrap.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: pausing knows no degrees."""


def run(_args: argparse.Namespace) -> int:
    """Leave the mark every observer looks for, then tell the one that runs."""
    try:
        paths.private(paths.state_folder())
        paths.pause_file().touch(mode=0o600)
    except OSError as error:
        raise UserError(
            f"cannot write {paths.pause_file()}: {error.strerror}",
            "export PTYWRAP_DISABLE=1 switches us off all the same",
        ) from None
    service.ask_observer("pause")
    print("paused; nothing is recorded until `ptywrap resume`")
    return 0
