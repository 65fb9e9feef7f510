"""What each sensor promises, from the promises its conformance suite holds it to."""

import sys
from importlib import import_module
from typing import Any

from netsniff.sources import SOURCES
from netsniff.sources.base import Promise as Kept
from ptywrap.lifecycle import BACKENDS
from ptywrap.lifecycle.base import Promise
from scripts.docs.markdown import table


def lifecycle() -> str:
    """The lifecycle backends, best first, and what each promises."""
    words = [promise.name.lower().replace("_", " ") for promise in Promise]
    rows = []
    for system, module, name in BACKENDS:
        backend = getattr(import_module(module), name)
        kept = ["yes" if promise in backend.promises else "" for promise in Promise]
        rows.append((f"`{backend.name}`", system, *kept, "yes" if backend.verified else "no"))
    meanings = "".join(f"- {p.name.lower().replace('_', ' ')}: {p.value}\n" for p in Promise)
    return table(("backend", "system", *words, "run here"), rows) + "\n" + meanings


def sources() -> str:
    """The sources of sockets, best first, and what each promises."""
    words = [promise.name.lower().replace("_", " ") for promise in Kept]
    rows = []
    for system, module, name in SOURCES:
        source = _source(system, module, name)
        kept = ["yes" if promise in source.promises else "" for promise in Kept]
        rows.append((f"`{source.name}`", system, *kept, "yes" if source.verified else "no"))
    meanings = "".join(f"- {p.name.lower().replace('_', ' ')}: {p.value}\n" for p in Kept)
    return table(("source", "system", *words, "run here"), rows) + "\n" + meanings


def _source(system: str, module: str, name: str) -> Any:
    """A class of another system, whose file says at import that it works on that one alone."""
    here, sys.platform = sys.platform, sys.platform if system == "any" else system
    try:
        return getattr(import_module(module), name)
    finally:
        sys.platform = here
