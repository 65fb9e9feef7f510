"""What leaves a machine, field by field: the rules of ptywrap/projection.py in words."""

from typing import get_args

from msgspec import Struct

from ptywrap import projection, wire
from scripts.docs.facts import PARTS
from scripts.docs.markdown import table


def leaves() -> str:
    """A table for each fact and each part of one; a fact without a rule never leaves."""
    return "\n".join(_section(kind) for kind in (*get_args(wire.Fact), *PARTS))


def _section(kind: type[Struct]) -> str:
    rules = projection.FIELDS.get(kind)
    title = f"### {kind.__name__}\n"
    if rules is None:
        return f"{title}\nNever leaves.\n"
    names = kind.__struct_fields__
    plain = [name for name in names if name in rules and rules[name] == projection.AS_IT_IS]
    told = [title]
    if plain:
        told.append(f"As they are: {', '.join(f'`{name}`' for name in plain)}.\n")
    rows = [
        (f"`{name.rstrip('_')}`", rules[name].how if name in rules else "never")
        for name in names
        if name not in plain
    ]
    if rows:
        told.append(table(("field", "leaves"), rows))
    return "\n".join(told)
