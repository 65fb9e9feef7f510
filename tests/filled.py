"""Facts with every field filled, made by walking their structs: a new field is filled, too."""

import types
from collections.abc import Callable, Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct

from ptywrap import tabular, wire

FACTS: tuple[type[Struct], ...] = (
    wire.Segment,
    wire.Session,
    wire.Command,
    wire.Process,
    wire.Flow,
    wire.Sample,
    wire.Project,
    wire.Commit,
    wire.Loss,
    wire.Host,
)
TRAVELLING = tuple(tabular.KEYS)
_WORD = 1 << 63
_TIMES = ("wall_ns", "cpu_user_ns", "cpu_sys_ns")


def filled(struct: type[Struct], text: Callable[[str], str]) -> Any:
    """Return a fact with no field at its default; `text` gives a field's text by its name."""
    hints = get_type_hints(struct)
    return struct(**{name: _filled(hints[name], name, text) for name in struct.__struct_fields__})


def parts(struct: type[Struct]) -> Iterator[type[Struct]]:
    """Yield a struct and those within it."""
    yield struct
    for hint in get_type_hints(struct).values():
        for inner in _kinds(hint):
            if isinstance(inner, type) and issubclass(inner, Struct):
                yield from parts(inner)


def strategy(struct: type[Struct]) -> st.SearchStrategy[Any]:
    """Return facts with any values in any of their fields."""
    hints = get_type_hints(struct)
    fields = {
        name: _strategy(hints[name], f"{struct.__name__}.{name}")
        for name in struct.__struct_fields__
    }
    return st.fixed_dictionaries(fields).map(lambda values: struct(**values))


def facts() -> st.SearchStrategy[list[wire.Fact]]:
    """Return lists of facts of every kind that travels."""
    return st.lists(st.one_of([strategy(struct) for struct in TRAVELLING]), max_size=8)


def by_key(facts: list[wire.Fact]) -> dict[Any, wire.Fact]:
    """Return the last telling of each fact as a server has it: what holds nothing is not told."""
    out: dict[Any, wire.Fact] = {}
    for fact in facts:
        if type(fact) in tabular.KEYS:
            key = tuple(getattr(fact, name) for name in tabular.KEYS[type(fact)])
            out[type(fact), key] = _as_travelled(fact)
    return out


def _as_travelled(fact: wire.Fact) -> wire.Fact:
    if not isinstance(fact, wire.Command):
        return fact
    changes: dict[str, Any] = {}
    for name, empty in (("split", wire.Split()), ("context", wire.Context())):
        if getattr(fact, name) == empty:
            changes[name] = None
    changes |= {name: None for name in ("daemons", "other_reasons") if not getattr(fact, name)}
    values = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return wire.Command(**(values | changes))


def _kinds(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in get_args(hint):
        yield from _kinds(inner)


def _known(hint: Any) -> Any:
    """Return what a field holds where it is known."""
    if get_origin(hint) in (types.UnionType, Union):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _filled(hint: Any, name: str, text: Callable[[str], str]) -> Any:
    known = _known(hint)
    if get_origin(known) is list:
        return [_filled(get_args(known)[0], name, text)]
    if get_origin(known) is dict:
        return {text(name): 7_000}
    if known is str:
        return text(name)
    plain = {bool: True, int: 1_000_000 + 1000 * len(name), bytes: bytes(range(16))}
    return plain[known] if known in plain else filled(known, text)


def _strategy(hint: Any, path: str) -> st.SearchStrategy[Any]:
    known = _known(hint)
    found = _of(known, path)
    return found if known is hint else st.none() | found


def _of(known: Any, path: str) -> st.SearchStrategy[Any]:
    if get_origin(known) is list:
        return st.lists(_of(get_args(known)[0], path), max_size=3)
    if get_origin(known) is dict:
        return st.dictionaries(st.text(max_size=8), st.integers(-_WORD, _WORD - 1), max_size=3)
    if known is int and path.startswith("Process.") and path.endswith(_TIMES):
        return st.integers(-(1 << 40), 1 << 40).map(lambda length_us: length_us * 1000)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=12),
        bool: st.booleans(),
        int: st.integers(0, 300) | st.integers(-_WORD, _WORD - 1),
        bytes: st.sampled_from((bytes(16), bytes(range(16)))),
    }
    return plain[known] if known in plain else strategy(known)
