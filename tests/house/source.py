"""A source root as the rules see it: its modules, their syntax trees and what they import."""

import ast
import functools
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("netsniff", "ptywrap", "ingest")
# Everything written in Python; the habits of house.md 3.8 hold outside the packages too.
FOLDERS = (*PACKAGES, "tests", "scripts")
# Literal tuples whose entries name a module of the same folder (house.md 3.4).
REGISTRIES = {"BACKENDS", "SOURCES", "SAMPLERS", "READERS", "ENGINES", "INSIGHTS", "FORGES"} | {
    "VERBS",
}


class Import(NamedTuple):
    """One name a file imports: where, and in full (`json.dumps`, `ptywrap.wire.decode`)."""

    line: int
    name: str


class Entry(NamedTuple):
    """What one entry of a registry names; empty where the entry names no module of ours."""

    line: int
    module: str
    member: str


class File(NamedTuple):
    """One Python file: its path from the root, its dotted name, its text and its tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The dotted name of the folder the file lies in."""
        return self.name if self.path.endswith("/__init__.py") else self.name.rpartition(".")[0]


class Source(NamedTuple):
    """All files of a root, by dotted name."""

    root: Path
    files: dict[str, File]

    def modules(self) -> Iterator[File]:
        """Yield the files of the three packages."""
        for name, file in self.files.items():
            if name.partition(".")[0] in PACKAGES:
                yield file

    def nearest(self, name: str) -> str | None:
        """The module of ours that a dotted name leads to: itself or the closest one above it."""
        if name.partition(".")[0] not in PACKAGES:
            return None
        while name and name not in self.files:
            name = name.rpartition(".")[0]
        return name or None

    def edges(self, file: File) -> dict[str, int]:
        """The modules of ours that a file imports, registries included, and on which line first."""
        named = [*imports(file), *(Import(e.line, e.module) for e in entries(file) or ())]
        found: dict[str, int] = {}
        for line, name in sorted(named):
            target = self.nearest(name)
            if target is not None and target != file.name:
                found.setdefault(target, line)
        return found


@functools.cache
def read(root: Path) -> Source:
    """Read every Python file under the folders that hold any."""
    files = {}
    for path in sorted(p for folder in FOLDERS for p in (root / folder).rglob("*.py")):
        relative = path.relative_to(root)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text()
        files[name] = File(relative.as_posix(), name, text, ast.parse(text, str(relative)))
    return Source(root, files)


def imports(file: File) -> list[Import]:
    """Everything a file imports anywhere in it: functions, conditionals and typing blocks too."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, file)
            found += [Import(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call):
            found += [Import(node.lineno, name) for name in _imported_by_call(node)]
    return found


def registries(file: File) -> Iterator[tuple[str, ast.expr]]:
    """Yield the registries a file assigns at its top level, with what it assigns."""
    for node in file.tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and target.id in REGISTRIES:
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            if node.value is not None:
                yield target.id, node.value


def entries(file: File) -> list[Entry] | None:
    """What the registries of a file name; None where one is not a literal tuple of tuples."""
    found = []
    for _name, value in registries(file):
        if not isinstance(value, ast.Tuple):
            return None
        for item in value.elts:
            if not isinstance(item, ast.Tuple):
                return None
            words = [e.value for e in item.elts if isinstance(e, ast.Constant)]
            texts = [word for word in words if isinstance(word, str)]
            at = next((i for i, t in enumerate(texts) if t.partition(".")[0] in PACKAGES), None)
            member = texts[at + 1] if at is not None and at + 1 < len(texts) else ""
            found.append(Entry(item.lineno, "" if at is None else texts[at], member))
    return found


def is_stdlib(name: str) -> bool:
    """Whether a dotted name belongs to the standard library."""
    return name.partition(".")[0] in sys.stdlib_module_names


def _base(node: ast.ImportFrom, file: File) -> str:
    dotted = "." * node.level + (node.module or "")
    return resolve_name(dotted, file.folder) if node.level else dotted


def _imported_by_call(node: ast.Call) -> list[str]:
    """The literal name in `import_module("...")` or `__import__("...")`."""
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called not in {"import_module", "__import__"} or not node.args:
        return []
    first = node.args[0]
    return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
