"""Every field of every fact, from the structs, with what it means from meanings.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import get_args

import msgspec

from ptywrap import wire
from scripts.docs.markdown import table

MEANINGS = Path(__file__).with_name("meanings.toml")
PARTS = (wire.Split, wire.Download, wire.Daemon, wire.Context, wire.Cache)


def facts() -> str:
    """A table for each fact and each part of one."""
    return "\n".join(_section(kind) for kind in (*get_args(wire.Fact), *PARTS))


@cache
def meanings() -> dict[str, dict[str, str]]:
    """What fields mean: those of one fact under its name, those of several under `any`."""
    with MEANINGS.open("rb") as file:
        return tomllib.load(file)


def _section(kind: type[msgspec.Struct]) -> str:
    name = kind.__name__
    known = meanings()["any"] | meanings().get(name.lower(), {})
    rows = []
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in known:
            raise KeyError(f"{name}.{field.encode_name} has no meaning in {MEANINGS.name}")
        rows.append((f"`{field.encode_name}`", _type(field.type), known[field.encode_name]))
    sentence = " ".join((kind.__doc__ or "").split())
    return f"### {name}\n\n{sentence}\n\n{table(('field', 'type', 'meaning'), rows)}"


def _type(kind: object) -> str:
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    return f"`{text.replace('ptywrap.facts.', '')}`"
