"""Says what a host reader is: one way to learn about the machine, as fields of the fact Host.

To add one: write one file in this folder, named for its mechanism, with a class that has the
methods of `Reader`; if it works on one system only, open it with `assert sys.platform == "..."`.
Add one line to `READERS` in `__init__.py`. What a reader cannot tell it leaves out.
"""

from typing import Any, NamedTuple, Protocol


class Probe(NamedTuple):
    """Whether a reader can be used here; if not, why, and what would help."""

    usable: bool
    reason: str = ""
    remedy: str = ""


class Reader(Protocol):
    """One way to learn about the machine."""

    name: str
    fields: frozenset[str]
    """The fields of Host it promises to give on a machine that has its mechanism."""

    def probe(self) -> Probe:
        """Says whether it could work here."""
        ...

    def read(self) -> dict[str, Any]:
        """Gives fields of Host; those it cannot tell are left out. Never raises, starts nothing."""
        ...
