"""Chooses how to read sockets: the sources of this system that say they can be used, best first."""

import sys
from collections.abc import Iterator
from importlib import import_module

from netsniff.sources.base import Source

SOURCES: tuple[tuple[str, str, str], ...] = ()
"""System, module and class; best first; imported on demand."""


def here() -> tuple[Source, ...]:
    """Return one of each source of this system, none of them open, best first."""
    return tuple(_each())


def _each() -> Iterator[Source]:
    for system, module, name in SOURCES:
        if system in {"any", sys.platform}:
            yield getattr(import_module(module), name)()
