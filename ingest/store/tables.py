"""The tables of the store, column by column, and facts on their way in and out of them.

A list inside a fact is a table of its own whose rows go and come with their parent's. Process times
are whole microseconds here (`*_us`) and nanoseconds in facts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from msgspec import Struct

from ingest.store.base import Table
from ptywrap import wire

Getter = Callable[[Any], Any]
LEADING = ("day", "tenant", "device", "person", "team", "batch", "version")
_MOST = (1 << 63) - 1
_US = 1000


class Column(NamedTuple):
    """One column: `kind` is int, bool, text, bytes or texts (a list); `read` takes a fact."""

    name: str
    kind: str
    read: Getter


class Shape(NamedTuple):
    """One table: the struct it is of, its key below (tenant, device), and the time of a row."""

    fact: type[Struct]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    moment: str | None


class Child(NamedTuple):
    """A list inside a fact: `parent_key` names the parent's key columns as `key` names ours."""

    parent: str
    attribute: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    parent_key: tuple[str, ...]


def _kind(annotation: Any) -> str:
    text = str(annotation)
    if "list[" in text:
        return "lines"
    for kind in ("bool", "int", "bytes"):
        if kind in text:
            return kind
    return "text"


def _kinds(struct: type[Struct]) -> dict[str, str]:
    return {name: _kind(struct.__annotations__[name]) for name in struct.__struct_fields__}


def _lines(name: str) -> Getter:
    """Read a list of names as one text, a line each: what one groups by is sorted."""
    ordered = sorted if name in ("wrappers", "git_settings") else list
    read = attrgetter(name)

    def text(fact: Any) -> str | None:
        names = read(fact)
        return None if names is None else "\n".join(ordered(names)).replace("\0", "")

    return text


def _columns(
    struct: type[Struct], *, leave: Iterable[str] = (), rename: Mapping[str, str] | None = None
) -> list[Column]:
    rename = rename or {}
    out = []
    for name, found in _kinds(struct).items():
        if name in leave:
            continue
        kind = found
        read: Getter = attrgetter(name)
        if kind == "lines":
            kind, read = "text", _lines(name)
        elif name.endswith("_hash") or name == "network_id":
            read = _signed(name)
        out.append(Column(rename.get(name, name), kind, read))
    return out


def _part(attribute: str, struct: type[Struct], prefix: str = "") -> list[Column]:
    """Return the columns of a struct inside a fact; a missing one is unknown in all of them."""
    part = attrgetter(attribute)
    nothing = SimpleNamespace(**dict.fromkeys(_kinds(struct)))

    def within(read: Getter) -> Getter:
        return lambda fact: read(part(fact) or nothing)

    return [Column(prefix + name, kind, within(read)) for name, kind, read in _columns(struct)]


def _microseconds(name: str) -> Getter:
    read = attrgetter(name)

    def value(fact: Any) -> int | None:
        ns: int | None = read(fact)
        return None if ns is None else ns // _US

    return value


def _signed(name: str) -> Getter:
    """Read a 64-bit hash as the signed word a column holds."""
    read = attrgetter(name)

    def value(fact: Any) -> int | None:
        word: int | None = read(fact)
        return word - (1 << 64) if word is not None and word > _MOST else word

    return value


def _first_word(fact: Any) -> str | None:
    return fact.template.split(" ", 1)[0] if fact.template else None


def _last_part(fact: Any) -> str | None:
    return fact.repo.rstrip("/").rsplit("/", 1)[-1] if fact.repo else None


_LISTS = ("split", "other_reasons", "download", "daemons", "context")
_TIMES = ("wall_ns", "cpu_user_ns", "cpu_sys_ns")


def _commands() -> list[Column]:
    return [
        *_columns(wire.Command, leave=_LISTS),
        Column("program", "text", _first_word),
        Column("repo_name", "text", _last_part),
        *_part("split", wire.Split),
        *_part("download", wire.Download, "dl_"),
        *_part("context", wire.Context),
    ]


def _processes() -> list[Column]:
    return [
        *_columns(wire.Process, leave=(*_TIMES, "argv")),
        Column("argv", "texts", attrgetter("argv")),
        *(Column(name[:-2] + "us", "int", _microseconds(name)) for name in _TIMES),
    ]


def _shape(struct: type[Struct], columns: list[Column], key: str, moment: str | None) -> Shape:
    return Shape(struct, tuple(columns), tuple(key.split()), moment)


SHAPES: Mapping[str, Shape] = {
    "sessions": _shape(
        wire.Session,
        _columns(wire.Session, rename={"boot_id": "boot", "version": "program_version"}),
        "id",
        "started_at",
    ),
    "commands": _shape(wire.Command, _commands(), "session id", "started_at"),
    "processes": _shape(wire.Process, _processes(), "session pid start_ticks", None),
    "flows": _shape(wire.Flow, _columns(wire.Flow), "session id command", "opened_at"),
    "samples": _shape(
        wire.Sample,
        _columns(wire.Sample, rename={"class_": "class"}),
        "session command at",
        "at",
    ),
    "projects": _shape(wire.Project, _columns(wire.Project), "repo alias", None),
    "commits": _shape(wire.Commit, _columns(wire.Commit), "session commit", "at"),
    "losses": _shape(wire.Loss, _columns(wire.Loss), "session sensor since", "since"),
    "hosts": _shape(wire.Host, _columns(wire.Host, leave=("device", "caches")), "at", "at"),
}

CHILDREN: Mapping[str, Child] = {
    "daemons": Child(
        "commands",
        "daemons",
        {"name": "text", "peer": "text", "cpu_ns": "int", "shared": "bool"},
        ("session", "command"),
        ("session", "id"),
    ),
    "other_reasons": Child(
        "commands",
        "other_reasons",
        {"name": "text", "length_ns": "int"},
        ("session", "command"),
        ("session", "id"),
    ),
    "caches": Child(
        "hosts",
        "caches",
        {"name": "text", "bytes": "int", "changed_at": "int"},
        ("at",),
        ("at",),
    ),
}


def kinds(table: str) -> dict[str, str]:
    """Return the columns of a table behind the leading ones, and what each holds."""
    if table in SHAPES:
        own = {column.name: column.kind for column in SHAPES[table].columns}
        return own | {"user": "text", "shell": "text"} if table == "commands" else own
    child = CHILDREN[table]
    parent = kinds(child.parent)
    keys = {mine: parent[theirs] for mine, theirs in zip(child.key, child.parent_key, strict=True)}
    return keys | {"place": "int"} | dict(child.columns)


def tables(facts: Iterable[wire.Fact]) -> tuple[dict[str, Table], int]:
    """Return facts as tables, the last telling of each, and how many no column can hold."""
    names = {shape.fact: name for name, shape in SHAPES.items()}
    told: dict[str, dict[Any, Any]] = {}
    keys = {name: attrgetter(*_attributes(shape)) for name, shape in SHAPES.items()}
    for fact in facts:
        name = names.get(type(fact))
        if name is not None:
            told.setdefault(name, {})[keys[name](fact)] = fact
    out: dict[str, Table] = {}
    refused = 0
    for name, by_key in told.items():
        kept = list(by_key.values())
        columns, bad = _read(SHAPES[name].columns, kept)
        if bad:
            refused += len(bad)
            kept = [fact for place, fact in enumerate(kept) if place not in bad]
            columns, _ = _read(SHAPES[name].columns, kept)
        if kept:
            out[name] = Table(len(kept), columns)
            out |= _children(name, kept)
    return out, refused


def _attributes(shape: Shape) -> list[str]:
    renamed = {"sessions": "id"}
    return [renamed.get(name, name) for name in shape.key]


def _read(
    columns: Sequence[Column], facts: Sequence[Any]
) -> tuple[dict[str, Sequence[Any]], set[int]]:
    """Return the columns that know something, and the places of facts with too large a number."""
    out: dict[str, Sequence[Any]] = {}
    bad: set[int] = set()
    for name, kind, read in columns:
        values = list(map(read, facts))
        if all(value is None for value in values):
            continue
        out[name] = values
        if kind == "int":
            bad |= {
                place
                for place, value in enumerate(values)
                if value is not None and not -_MOST <= value <= _MOST
            }
    return out, bad


def _children(parent: str, facts: Sequence[Any]) -> dict[str, Table]:
    out = {}
    for name, child in CHILDREN.items():
        if child.parent != parent:
            continue
        rows = [
            (*(getattr(fact, key) for key in child.parent_key), place, *values)
            for fact in facts
            for place, values in enumerate(_entries(fact, child))
        ]
        if rows:
            columns = dict(zip(kinds(name), map(list, zip(*rows, strict=True)), strict=True))
            out[name] = Table(len(rows), columns)
    return out


def _entries(fact: Any, child: Child) -> list[tuple[Any, ...]]:
    entries = getattr(fact, child.attribute) or ()
    if isinstance(entries, dict):
        return [(name, _held(value)) for name, value in entries.items()]
    return [tuple(_held(getattr(entry, name)) for name in child.columns) for entry in entries]


def _held(value: Any) -> Any:
    return max(-_MOST, min(value, _MOST)) if isinstance(value, int) else value
