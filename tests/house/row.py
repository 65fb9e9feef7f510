"""One line of the table of the house."""

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table."""

    layer: str
    files: str = ""
    may: str = ""
    third: str = ""
    pure: bool = False

    def names(self) -> list[str]:
        """The dotted names of the modules that the row names, `layer.*` for all that is left."""
        if not self.files:
            return [self.layer]
        return [self.layer if f == "." else f"{self.layer}.{f}" for f in self.files.split()]

    def allows(self, module: str) -> bool:
        """Whether a file of this row may import a module of ours."""
        # A lone module has no folder to share; a root package is its own __init__ and no more.
        own = [self.layer] if self.files and "." in self.layer else []
        return any(
            module == name or (name not in ROOTS and module.startswith(f"{name}."))
            for name in [*self.may.split(), *own]
        )


ROOTS = ("netsniff", "ptywrap", "ingest")
