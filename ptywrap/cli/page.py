"""Chooses what verbs print through: colours in a terminal, plain lines for everything else."""

import importlib
import os
import sys
from typing import cast

from ptywrap.cli.base import Page

PAGES = (
    ("terminal", "ptywrap.cli.rich_page", "RichPage"),
    ("any", "ptywrap.cli.plain_page", "PlainPage"),
)
"""Where it can be used, module and class; best first; imported on demand: rich takes 25 ms."""


def choose(*, plain: bool = False) -> Page:
    """Return the page for stdout; plain too where NO_COLOR is set (no-color.org)."""
    colours = not plain and not os.environ.get("NO_COLOR") and sys.stdout.isatty()
    usable = {"any", "terminal"} if colours else {"any"}
    return next(
        cast(Page, getattr(importlib.import_module(module), name)())
        for where, module, name in PAGES
        if where in usable
    )
