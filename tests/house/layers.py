"""Rules 2 and 3: imports stay within their row, the borders of the packages hold, no cycles."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house import source
from tests.house.source import File, Source
from tests.house.table import rows_of

# The borders once more, by themselves: package -> what it may name of each other package.
BORDERS = {
    ("netsniff", "ptywrap"): (),
    ("netsniff", "ingest"): (),
    ("ptywrap", "ingest"): (),
    ("ingest", "netsniff"): (),
    ("ingest", "ptywrap"): ("ptywrap.wire",),
}
# What the process that moves the user's keystrokes may name of ours.
FOREGROUND = "ptywrap.launch"


def outside_the_row(root: Path) -> list[str]:
    """Imports of ours that the importing file's row does not allow."""
    known = source.read(root)
    found = []
    for file in known.modules():
        rows = rows_of(file.name)
        for target, line in known.edges(file).items():
            if rows and not rows[0].allows(target):
                found.append(f"{file.path}:{line}: {rows[0].layer} may not import {target}")
    return found


def across_a_border(root: Path) -> list[str]:
    """Imports that cross a border of house.md 2.2, whatever the table says."""
    known = source.read(root)
    found = []
    for file in known.modules():
        home = file.name.partition(".")[0]
        for target, line in known.edges(file).items():
            there = target.partition(".")[0]
            allowed = BORDERS.get((home, there))
            if allowed is not None and target not in allowed:
                found.append(f"{file.path}:{line}: {home} may not import {target}")
            elif f"{file.name}.".startswith(f"{FOREGROUND}.") and not f"{target}.".startswith(
                f"{FOREGROUND}."
            ):
                found.append(f"{file.path}:{line}: {FOREGROUND} may not import {target}")
    return found


def nobody_imports(root: Path) -> list[str]:
    """Imports of tests or scripts by a package: a product does not run on either."""
    return [
        f"{file.path}:{line}: a package may not import {name}"
        for file in source.read(root).modules()
        for line, name in source.imports(file)
        if name.partition(".")[0] in {"tests", "scripts"}
    ]


def registries(root: Path) -> list[str]:
    """Registry entries that are not literal, name nothing, or name what lies elsewhere."""
    known = source.read(root)
    found = []
    for file in known.modules():
        entries = source.entries(file)
        if entries is None:
            found.append(f"{file.path}: a registry is a literal tuple of tuples")
        for line, module, member in entries or ():
            problem = _problem(known, file, module, member)
            if problem:
                found.append(f"{file.path}:{line}: the registry {problem}")
    return found


def computed(root: Path) -> list[str]:
    """Imports of a name that no registry of the same file holds: no reader could follow them."""
    return [
        f"{file.path}:{line}: what is imported here is written nowhere"
        for file in source.read(root).modules()
        for line, name in source.calls(file)
        if name is None and not source.registries(file)
    ]


def cycles(root: Path) -> list[str]:
    """Every import cycle, each told once from the module that comes first."""
    known = source.read(root)
    graph = {file.name: sorted(known.edges(file)) for file in known.modules()}
    return [" -> ".join([*group, group[0]]) for group in _components(graph) if len(group) > 1]


def _problem(known: Source, file: File, module: str, member: str) -> str:
    if not module:
        return "has an entry that names no module of ours"
    if module not in known.files:
        return f"names {module}, which is not there"
    if module.rpartition(".")[0] != file.folder:
        return f"names {module}, which lies outside {file.folder}"
    if member and member not in set(_defined(known.files[module].tree)):
        return f"names {module}.{member}, which is not there"
    return ""


def _defined(tree: ast.Module) -> Iterator[str]:
    """The names a module defines at its top level."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _components(graph: dict[str, list[str]]) -> list[list[str]]:
    """The strongly connected components (Tarjan 1972), as lists in the order of their names."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            at = stack.index(node)
            found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found
