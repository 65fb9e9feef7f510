"""Rule 6: how long files and functions are; the spread of the latter is told and fails nothing."""

import ast
from pathlib import Path
from statistics import quantiles

from tests.house import source

FILE_LINES = 300
FUNCTION_LINES = 40
# A hook is read by everyone who wonders what happens in their prompt.
HOOK_LINES = 100
SUFFIXES = (".bash", ".fish", ".py", ".sh", ".sql", ".zsh")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_files(root: Path) -> list[str]:
    """Files beyond the limit, code of other languages included."""
    found = []
    for folder in source.FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root).as_posix()
            # A hook's name is the one its shell looks for (`.zshenv`), not always with a suffix.
            hook = relative.startswith("ptywrap/shell/") and path.suffix not in {".py", ".pyc"}
            if not path.is_file() or not (hook or path.suffix in SUFFIXES):
                continue
            limit = HOOK_LINES if hook else FILE_LINES
            lines = path.read_text().count("\n")
            if lines > limit:
                found.append(f"{relative}: {lines} lines, {limit} at most")
    return found


def long_functions(root: Path) -> list[str]:
    """Functions beyond the limit, from `def` to their last line."""
    return [
        f"{path}:{line}: {name} has {length} lines, {FUNCTION_LINES} at most"
        for path, line, name, length in _functions(root)
        if length > FUNCTION_LINES
    ]


def spread(root: Path) -> str:
    """The median, 90th and 99th percentile of function length in the packages, in words."""
    lengths = [
        length
        for path, _line, _name, length in _functions(root)
        if path.startswith(tuple(f"{package}/" for package in source.PACKAGES))
    ]
    if len(lengths) < 2:
        return f"{len(lengths)} functions"
    cuts = quantiles(lengths, n=100)
    return (
        f"{len(lengths)} functions: median {cuts[49]:.0f}, p90 {cuts[89]:.0f}, p99 {cuts[98]:.0f}"
    )


def _functions(root: Path) -> list[tuple[str, int, str, int]]:
    return [
        (file.path, node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for file in source.read(root).files.values()
        for node in ast.walk(file.tree)
        if isinstance(node, _Function)
    ]
