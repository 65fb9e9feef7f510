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
    *("VERBS", "PAGES"),
}
IMPORTERS = {"importlib.import_module", "__import__", "pkgutil.resolve_name", "runpy.run_module"}


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
    return found + [Import(line, name) for line, name in calls(file) if name]


def registries(file: File) -> list[ast.expr]:
    """What a file assigns to registries at its top level."""
    found = []
    for node in file.tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name in REGISTRIES:
                found.append(value)
    return found


def entries(file: File) -> list[Entry] | None:
    """What the registries of a file name; None where one is not a literal tuple of tuples."""
    found = []
    for value in registries(file):
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


def calls(file: File) -> Iterator[tuple[int, str | None]]:
    """Yield the imports a file makes by a call: line and name, None where it is not literal."""
    known = _bound(file)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and _full(node.func, known) in IMPORTERS:
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    yield node.lineno, name
                case _:
                    yield node.lineno, None


def used(file: File) -> Iterator[tuple[int, str]]:
    """Yield every imported name a file uses, in full whatever it was imported as."""
    known = _bound(file)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield node.lineno, _full(node, known)


def _bound(file: File) -> dict[str, str]:
    """The names that imports bind in a file, and what each stands for."""
    known = {"__import__": "__import__"}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{_base(node, file)}.{alias.name}"
    return known


def _full(node: ast.expr, known: dict[str, str]) -> str:
    """A dotted name with its first part spelled out; empty where that was not imported."""
    first, _, rest = ast.unparse(node).partition(".")
    return f"{known[first]}.{rest}".rstrip(".") if first in known else ""
