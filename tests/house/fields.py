"""Rule 9, for facts: a number says its unit in its name, and none is a float."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house import source
from tests.house.source import File

FACTS = ("ptywrap.facts", "ptywrap.wire")
SUFFIXES = ("_ns", "_at", "_bytes", "_permille", "_ticks")
# Numbers that are no amount of anything with a unit: identities, keys, codes and counts.
IDENTITIES = {"id", "command", "pid", "ppid", "path_pid", "shell_pid", "version", "policy"}
HASHES = {"tree_hash", "argv_hash", "lockfile_hash", "network_id"}
MOMENTS = {"at", "since", "until"}
CODES = {"exit_status", "signal", "remote_port"}
COUNTS = {"connections", "process_count", "ready_threads", "major_faults", "compiler_runs"} | {
    *("changed_files", "tracked_files", "cores", "retransmits", "additions", "deletions"),
    *("files", "missed"),
}
# A cache's `bytes`, as interfaces.md names it, and a name's nanoseconds.
NAMED = {"bytes", "other_reasons"}
UNITLESS = IDENTITIES | HASHES | MOMENTS | CODES | COUNTS | NAMED


def unitless(root: Path) -> list[str]:
    """Integer fields of facts that do not say their unit."""
    return [
        f"{file.path}:{field.lineno}: {name} is a number without a unit in its name"
        for file, field, name, kinds in _fields(root)
        if "int" in kinds and not name.endswith(SUFFIXES) and name not in UNITLESS
    ]


def floats(root: Path) -> list[str]:
    """Fields of facts that hold a float."""
    return [
        f"{file.path}:{field.lineno}: {name} is a float"
        for file, field, name, kinds in _fields(root)
        if "float" in kinds
    ]


def _fields(root: Path) -> Iterator[tuple[File, ast.AnnAssign, str, set[str]]]:
    """Every annotated field of a Struct, and the names in its annotation."""
    for file in source.read(root).modules():
        if file.name not in FACTS:
            continue
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.ClassDef) or not any(
                ast.unparse(base).endswith("Struct") for base in node.bases
            ):
                continue
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    names = {n.id for n in ast.walk(field.annotation) if isinstance(n, ast.Name)}
                    yield file, field, field.target.id, names
