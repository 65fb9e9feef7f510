"""Rule 7: which system this is gets asked in few places, and its files are reached through them."""

import ast
from pathlib import Path

from tests.house import source
from tests.house.source import File

# The `__init__` of a protocol's folder, which chooses by system.
CHOOSERS = {"netsniff.sources"} | {
    f"ptywrap.{folder}" for folder in ("lifecycle", "sampler", "host", "observe")
}
PLACES = frozenset({"ptywrap.paths"})
QUESTIONS = frozenset(
    {"sys.platform", "platform.system", "platform.uname", "os.uname", "posix.uname", "os.name"}
)


def asked_elsewhere(root: Path) -> list[str]:
    """Files that ask for the system though they are no chooser and assert none."""
    found = []
    for file in source.read(root).modules():
        if file.name in CHOOSERS | PLACES or asserted(file):
            continue
        found += [
            f"{file.path}:{line}: {name} is asked by choosers and paths.py alone"
            for line, name in source.used(file)
            if name in QUESTIONS
        ]
    return found


def reached_elsewhere(root: Path) -> list[str]:
    """Imports of a file for one system by anything but its chooser or a file of that system."""
    known = source.read(root)
    found = []
    for file in known.modules():
        for target, line in known.edges(file).items():
            system = asserted(known.files[target])
            chooser = file.name in CHOOSERS and target.startswith(f"{file.name}.")
            if system and not chooser and asserted(file) != system:
                found.append(f"{file.path}:{line}: {target} is for {system} alone")
    return found


def asserted(file: File) -> str:
    """The system a file asserts in its first statement after docstring and imports, or ''."""
    for node in file.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
            continue
        test = node.test if isinstance(node, ast.Assert) else None
        if (
            isinstance(test, ast.Compare)
            and ast.unparse(test.left) == "sys.platform"
            and isinstance(test.ops[0], ast.Eq)
            and isinstance(test.comparators[0], ast.Constant)
        ):
            return str(test.comparators[0].value)
        return ""
    return ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
