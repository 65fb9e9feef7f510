"""Every setting, from the fields of `Config` and the sentence below each."""

import ast
from pathlib import Path

from scripts.docs.markdown import table

ROOT = Path(__file__).resolve().parents[2]


def settings() -> str:
    """The settings with type, default and meaning."""
    return _settings("ptywrap/config.py", "Config")


def server() -> str:
    """The same of the ingest service."""
    return _settings("ingest/config.py", "ServerConfig")


def _settings(file: str, name: str) -> str:
    rows = []
    body = next(
        node.body
        for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            rows.append(
                (
                    f"`{ast.unparse(field.target)}`",
                    f"`{ast.unparse(field.annotation)}`",
                    _default(field.value),
                    meaning(below),
                )
            )
    return table(("setting", "type", "default", "meaning"), rows)


def meaning(below: ast.stmt | None) -> str:
    """The sentence below a field; a field without one is an error."""
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
        return " ".join(str(below.value.value).split())
    raise ValueError("a setting has no sentence below it")


def _default(value: ast.expr | None) -> str:
    if isinstance(value, ast.Name):  # a text of its own
        return "…"
    if isinstance(value, ast.Call):  # msgspec.field(default_factory=list)
        return {"list": "`[]`", "dict": "`{}`"}[ast.unparse(value.keywords[0].value)]
    text = ast.unparse(value) if value else ""
    shown = str(ast.literal_eval(text)) if text.isidentifier() or "'" in text else text
    return f"`{shown}`" if shown else ""
