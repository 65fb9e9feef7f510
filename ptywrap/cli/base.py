"""What a verb is, and how to add one.

A verb is a module of this folder: its docstring is the help (first line the summary, then prose and
an `Example:`), `arguments` declares its arguments, `run` does it and returns the exit status. Add a
row to `VERBS` in `__init__.py`; `tests/ptywrap/cli/test_cli.py` then holds it to `--help`, statuses
and documentation. A verb raises `UserError` for what the user can act on, and prints through `page`
when what it shows is a table.
"""

import argparse
import sys
from typing import Protocol

from rich.console import Console


class Verb(Protocol):
    """A module of this folder."""

    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare the verb's arguments."""

    def run(self, args: argparse.Namespace, /) -> int:
        """Do it; return the exit status."""


def page() -> Console:
    """Return a console on stdout: plain and never cut to a width where no terminal is."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, color_system=None, width=1 << 14, soft_wrap=True)
