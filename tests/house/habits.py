"""Rule 9, for every file: docstrings, names, classes, imports and what a type checker is told."""

import ast
import builtins
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.house import source
from tests.house.source import File

BASES = frozenset({"Protocol", "NamedTuple", "Struct", "Enum", "Exception"})
NO_NOUNS = frozenset({"utils", "helpers", "common", "misc", "manager"})
# house.md 3.1 names this file; absolute imports keep it apart from the standard library's.
NAMED_ALIKE = frozenset({"ingest/trace.py"})
# One ignored line in so many, at most.
LINES_PER_IGNORE = 500
_IGNORE = re.compile(r"#\s*type:\s*ignore(?P<code>\[[^]]+\])?(?P<reason>.*)$")


def docstrings(root: Path) -> list[str]:
    """Files without a first sentence, and a `base.py` that does not say how to add one."""
    return _each(root, _docstring)


def names(root: Path) -> list[str]:
    """Files named for no noun of ours, or like a module of the standard library."""
    return _each(root, _name)


def classes(root: Path) -> list[str]:
    """Classes that inherit from anything but the few allowed bases."""
    return _each(root, _classes)


def typing_only(root: Path) -> list[str]:
    """Relative imports, TYPE_CHECKING blocks and postponed annotations."""
    return _each(root, _typing_only)


def ignores(root: Path) -> list[str]:
    """Type errors that are ignored without a code and a reason, or too many of them."""
    found = _each(root, _ignores)
    lines = hits = 0
    for file in source.read(root).modules():
        lines += file.text.count("\n")
        hits += sum(1 for line in file.text.splitlines() if _IGNORE.search(line))
    if hits > max(1, lines // LINES_PER_IGNORE):
        found.append(f"{hits} ignored type errors in {lines} lines: one in {LINES_PER_IGNORE}")
    return found


def _each(root: Path, rule: Callable[[File], list[str]]) -> list[str]:
    return [breach for file in source.read(root).files.values() for breach in rule(file)]


def _docstring(file: File) -> list[str]:
    text = ast.get_docstring(file.tree)
    if not file.tree.body:
        return []
    if text is None:
        return [f"{file.path}:1: no docstring"]
    if not text.split("\n\n")[0].rstrip().endswith((".", ":", "?")):
        return [f"{file.path}:1: the docstring does not begin with a sentence"]
    if file.path.endswith("/base.py") and "add" not in text.lower():
        return [f"{file.path}:1: the docstring of a base.py says how to add one"]
    return []


def _name(file: File) -> list[str]:
    stem = Path(file.path).stem
    if stem in NO_NOUNS:
        return [f"{file.path}: a noun of the domain is missing"]
    in_package = file.name.partition(".")[0] in source.PACKAGES
    if in_package and stem in sys.stdlib_module_names and file.path not in NAMED_ALIKE:
        return [f"{file.path}: the standard library has a module of that name"]
    return []


def _classes(file: File) -> list[str]:
    known = set(BASES) | {
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    found = []
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [ast.unparse(_bare(base)).rpartition(".")[2] for base in node.bases]
        found += [
            f"{file.path}:{node.lineno}: {node.name} inherits from {base}"
            for base in bases
            if base not in known
        ]
        # An exception of ours may be told apart further, in the file that defines it.
        if bases and all(base in known - BASES | {"Exception"} for base in bases):
            known.add(node.name)
    return found


def _bare(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _typing_only(file: File) -> list[str]:
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append(f"{file.path}:{node.lineno}: a relative import")
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            found.append(f"{file.path}:{node.lineno}: postponed annotations")
        elif (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING") or (
            isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING"
        ):
            found.append(f"{file.path}:{node.lineno}: a type worth importing is a real edge")
    return found


def _ignores(file: File) -> list[str]:
    found = []
    for number, line in enumerate(file.text.splitlines(), 1):
        match = _IGNORE.search(line)
        if match and not (match["code"] and match["reason"].strip(" #")):
            found.append(f"{file.path}:{number}: an ignored type error has a code and a reason")
    return found
