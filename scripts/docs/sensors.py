"""What each sensor promises, from the promises its conformance suite holds it to."""

from importlib import import_module

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
