"""Facts as rows of flat tables and back: the tables and columns that batches carry, in their order.

Split, download (`dl_*`) and context are columns of `commands`. A list inside a fact is a table of
its own, whose rows name their fact by its key and their place in it. Lengths of processes are whole
microseconds (`*_us`). Commits and the headers of segments are in no table: they never travel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, convert, structs

from ptywrap.facts import (
    Cache,
    Command,
    Context,
    Daemon,
    Download,
    Fact,
    Flow,
    Host,
    Loss,
    Process,
    Project,
    Sample,
    Session,
    Split,
)

Row = dict[str, Any]
Key = tuple[Any, ...]
Lists = dict[Key | None, list[Row]]
_US = 1000
_TIMES = ("wall_ns", "cpu_user_ns", "cpu_sys_ns")
_NESTED = ("split", "other_reasons", "download", "daemons", "context")
_DOWNLOAD = tuple(f"dl_{name}" for name in Download.__struct_fields__)


def _names(struct: type[Struct], leave: Iterable[str] = ()) -> tuple[str, ...]:
    return tuple(name for name in struct.__struct_fields__ if name not in leave)


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sessions": _names(Session),
    "commands": (
        *_names(Command, _NESTED),
        *_names(Split),
        *_DOWNLOAD,
        *_names(Context),
    ),
    "processes": (*_names(Process, _TIMES), *(f"{name[:-2]}us" for name in _TIMES)),
    "flows": _names(Flow),
    "samples": ("class", *_names(Sample, ("class_",))),
    "projects": _names(Project),
    "losses": _names(Loss),
    "hosts": _names(Host, ("caches",)),
    "daemons": ("session", "command", "place", *_names(Daemon)),
    "other_reasons": ("session", "command", "place", "name", "length_ns"),
    "caches": ("device", "at", "place", *_names(Cache)),
}
"""The columns of each table in the order they are packed."""

KEYS: Mapping[type[Struct], tuple[str, ...]] = {
    Session: ("id",),
    Command: ("session", "id"),
    Process: ("session", "pid", "start_ticks"),
    Flow: ("session", "id", "command"),
    Sample: ("session", "command", "at"),
    Project: ("repo", "alias"),
    Loss: ("session", "sensor", "since"),
    Host: ("device", "at"),
}
"""The fields that tell two facts apart; told again with the same ones, a fact replaces itself."""


def _order(names: tuple[str, ...]) -> Callable[[Fact], tuple[Any, ...]]:
    """Return what facts are sorted by: fields of which the first may be an unknown number."""
    first, *others = names

    def key(fact: Fact) -> tuple[Any, ...]:
        value = getattr(fact, first)
        return (0 if value is None else value, *(getattr(fact, name) for name in others))

    return key


_ORDERS: Mapping[type[Struct], Callable[[Fact], tuple[Any, ...]]] = {
    **{struct: _order(names) for struct, names in KEYS.items()},
    Session: _order(("started_at", "id")),
    Command: _order(("started_at", "session", "id")),
    Process: _order(("start_ticks", "pid", "session")),
    Flow: _order(("opened_at", "session", "id", "command")),
    Loss: _order(("since", "session", "sensor")),
}
_WITHIN = {
    "daemons": ("session", "command"),
    "other_reasons": ("session", "command"),
    "caches": ("device", "at"),
}
_HASHES = ("tree_hash", "argv_hash", "lockfile_hash", "network_id")

_TABLES: Mapping[type[Struct], str] = {
    Session: "sessions",
    Command: "commands",
    Process: "processes",
    Flow: "flows",
    Sample: "samples",
    Project: "projects",
    Loss: "losses",
    Host: "hosts",
}


class Told(NamedTuple):
    """One row and the table it is of."""

    table: str
    row: Row


def latest(facts: Iterable[Fact]) -> list[Fact]:
    """Return the last telling of each fact that travels, alike ones side by side.

    The order follows from the facts alone, so equal facts make equal batches in whatever order they
    were told; numbers that grow make columns that are small.
    """
    found: dict[tuple[Any, ...], Fact] = {}
    for fact in facts:
        names = KEYS.get(type(fact))
        if names is not None:
            found[(type(fact), *(getattr(fact, name) for name in names))] = fact
    kinds: dict[type[Struct], list[Fact]] = {struct: [] for struct in KEYS}
    for fact in found.values():
        kinds[type(fact)].append(fact)
    return [fact for struct, some in kinds.items() for fact in sorted(some, key=_ORDERS[struct])]


def rows(fact: Fact) -> Iterator[Told]:
    """Yield a fact's row, then those of the lists in it; none for what never travels."""
    table = _TABLES.get(type(fact))
    if table is None:
        return
    row = {name: getattr(fact, name) for name in fact.__struct_fields__}
    match fact:
        case Command():
            yield Told(table, _flat(fact, row))
            yield from _lists(fact)
        case Process():
            for name in _TIMES:
                length = row.pop(name)
                row[f"{name[:-2]}us"] = None if length is None else length // _US
            row["argv_cut"] = _said(cut=fact.argv_cut, of=fact.argv)
            yield Told(table, row)
        case Sample():
            row["class"] = row.pop("class_")
            yield Told(table, row)
        case Host():
            caches = row.pop("caches")
            yield Told(table, row)
            key = {"device": fact.device, "at": fact.at}
            yield from _placed("caches", key, map(structs.asdict, caches))
        case _:
            yield Told(table, row)


def facts(tables: Mapping[str, list[Row]]) -> Iterator[Fact]:
    """Yield the facts that rows were made of, table by table; unknown columns are passed over.

    A row that is no fact, since a key or a type is missing, is a msgspec.ValidationError.
    """
    within = {table: _by_key(tables.get(table, ()), names) for table, names in _WITHIN.items()}
    for struct, table in _TABLES.items():
        for row in tables.get(table, ()):
            yield _fact(struct, row, within)


def _flat(fact: Command, row: Row) -> Row:
    parts: Row = {}
    for part in (fact.split, fact.context):
        parts |= {} if part is None else structs.asdict(part)
    for name in _HASHES:
        word = parts.get(name)
        if word is not None and word >= 1 << 63:
            parts[name] = word - (1 << 64)
    if fact.download is not None:
        parts |= {f"dl_{name}": value for name, value in structs.asdict(fact.download).items()}
    for name in _NESTED:
        del row[name]
    row["line_cut"] = _said(cut=fact.line_cut, of=fact.line)
    return row | parts


def _said(*, cut: bool, of: object) -> bool | None:
    """Return whether a text was cut; where no text is told there is nothing to say."""
    return cut or (None if of is None else False)


def _lists(fact: Command) -> Iterator[Told]:
    key = {"session": fact.session, "command": fact.id}
    yield from _placed("daemons", key, map(structs.asdict, fact.daemons or ()))
    reasons = (fact.other_reasons or {}).items()
    yield from _placed(
        "other_reasons", key, ({"name": name, "length_ns": ns} for name, ns in reasons)
    )


def _placed(table: str, key: Row, entries: Iterable[Row]) -> Iterator[Told]:
    for place, entry in enumerate(entries):
        yield Told(table, {**key, "place": place, **entry})


def _by_key(found: Iterable[Row], names: tuple[str, ...]) -> Lists:
    out: Lists = {}
    for row in found:
        key = _key(row, names)
        if key is not None:
            out.setdefault(key, []).append(row)
    return out


def _key(row: Row, names: tuple[str, ...]) -> Key | None:
    """Return the values that tell whose a row is, None where they cannot."""
    key = tuple(row.get(name) for name in names)
    return None if any(value is None or type(value) is list for value in key) else key


def _fact(struct: type[Struct], row: Row, within: Mapping[str, Lists]) -> Any:
    values = _known(struct, row)
    if struct is Process:
        for name in _TIMES:
            length = row.get(f"{name[:-2]}us")
            if type(length) is int:
                values[name] = length * _US
    if struct is Command:
        values |= _nested(row, within)
    if struct is Host:
        key = _key(row, ("device", "at"))
        values["caches"] = [_known(Cache, one) for one in within["caches"].get(key, ())]
    return convert(values | {"fact": struct.__struct_config__.tag}, struct)


def _nested(row: Row, within: Mapping[str, Lists]) -> Row:
    key = _key(row, ("session", "id"))
    parts = {
        "split": _known(Split, row),
        "download": _known(Download, {name[3:]: row.get(name) for name in _DOWNLOAD}),
        "context": _known(Context, row),
        "daemons": [_known(Daemon, one) for one in within["daemons"].get(key, ())],
        "other_reasons": {
            one["name"]: one.get("length_ns")
            for one in within["other_reasons"].get(key, ())
            if type(one.get("name")) is str
        },
    }
    return {name: part for name, part in parts.items() if part}


def _known(struct: type[Struct], row: Row) -> Row:
    """Return what a row knows of a struct's fields; the rest keeps its default."""
    return {
        name: row[name] for name in struct.__struct_encode_fields__ if row.get(name) is not None
    }
