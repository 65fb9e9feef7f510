"""Rule 8: catching everything is for five named tops, once in each."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house import source

TOPS = {
    "ptywrap.launch.wrapper": "before the shell runs, any failure ends in exec of the real shell",
    "ptywrap.observe.observer": "the loop goes on; what failed is logged and told as a Loss",
    "ptywrap.cli": "the traceback goes to the log, one line to the user",
    "ingest.receive": "a 500 is a bug, and the service goes on",
    "ingest.drain": "the store's loop goes on",
}
BROAD = frozenset({"Exception", "BaseException"})


def catch_alls(root: Path) -> list[str]:
    """Catch-alls outside the five tops, and a second one in a top."""
    found = []
    for file in source.read(root).files.values():
        allowed = 1 if file.name in TOPS else 0
        found += [
            f"{file.path}:{line}: a catch-all is for the five tops, once in each"
            for line in sorted(_catch_alls(file.tree))[allowed:]
        ]
    return found


def _catch_alls(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = [node.type]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            kinds = [*node.args]
        else:
            continue
        if any(kind is None or _is_broad(kind) for kind in kinds):
            yield node.lineno


def _is_broad(kind: ast.expr) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(one) for one in kind.elts)
    return ast.unparse(kind).rpartition(".")[2] in BROAD
