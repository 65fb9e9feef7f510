"""Reads the machine's snapshot: what the system is, and what the caches of tools take up."""

import sys
from importlib import import_module
from typing import Any

from ptywrap import clock
from ptywrap.host.base import Reader
from ptywrap.wire import Host

READERS = (
    ("linux", "ptywrap.host.procfs", "Machine"),
    ("darwin", "ptywrap.host.sysctl", "Machine"),
    ("any", "ptywrap.host.caches", "Caches"),
)
"""System, module and class; imported on demand. Of two that give a field the first one counts."""


def here() -> tuple[Reader, ...]:
    """Return one of each reader of this system."""
    return tuple(
        getattr(import_module(module), name)()
        for system, module, name in READERS
        if system in {"any", sys.platform}
    )


def read(device: str) -> Host:
    """Return the fact Host of this moment."""
    found: dict[str, Any] = {}
    for reader in reversed(here()):
        if reader.probe().usable:
            found |= reader.read()
    return Host(device=device, at=clock.wall_ns(), **found)
