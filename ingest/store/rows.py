"""Rows of the store as facts again, and as what `log` answers."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

from msgspec import Struct, structs

from ingest.store.base import Row
from ptywrap import wire

Fact = TypeVar("Fact", bound=Struct)
Fields = Mapping[str, Any]
_LISTS = {
    "sessions": ("sensors",),
    "commands": ("wrappers", "git_settings", "prompt_processes", "other_busy"),
}
_TIMES = ("wall", "cpu_user", "cpu_sys")
_LEFT_OUT = frozenset({"program", "repo_name", "line_cut"})
# The launcher as it is installed, and as it lies in a checkout.
_OWN = frozenset({"ptywrap", "ptywrap.sh"})
# Numbers that are ids, which are shown as hex wherever they are shown.
_IDS = {
    "commands": ("id",),
    "processes": ("command",),
    "flows": ("id", "command"),
    "samples": ("command",),
    "daemons": ("command",),
    "other_reasons": ("command",),
}
_NESTED = frozenset({"other_reasons", "daemons", "context", "split", "download"})
ANSWERED = (
    *(name for name in wire.Command.__struct_fields__ if name not in _NESTED),
    *wire.Split.__struct_fields__,
    *(f"dl_{name}" for name in wire.Download.__struct_fields__),
    *("device", "user", "shell"),
)
"""The columns of `commands` that `answer` reads."""


def command(
    row: Fields, daemons: Iterable[Fields] = (), reasons: Iterable[Fields] = ()
) -> wire.Command:
    """Return the Command of a row of `commands` and of its rows in the two tables of lists."""
    row = _listed("commands", row)
    reasons_ns = {one["name"]: one["length_ns"] for one in reasons}
    parts: dict[str, Any] = {
        "split": split(row),
        "download": download(row),
        "context": _context(row),
        "daemons": [_of(wire.Daemon, one) for one in daemons] or None,
        "other_reasons": reasons_ns or None,
    }
    return wire.Command(**_fields(wire.Command, row, leave=parts), **parts)


def process(row: Fields) -> wire.Process:
    """Return the Process of a row of `processes`."""
    times: dict[str, Any] = {
        f"{name}_ns": None if row.get(f"{name}_us") is None else row[f"{name}_us"] * 1000
        for name in _TIMES
    }
    return wire.Process(**_fields(wire.Process, row, leave=times), **times)


def host(row: Fields, caches: Iterable[Fields] = ()) -> wire.Host:
    """Return the Host of a row of `hosts` and of its rows of `caches`."""
    fields = _fields(wire.Host, row, leave=("caches",))
    return wire.Host(**fields, caches=[_of(wire.Cache, one) for one in caches])


def session(row: Fields) -> wire.Session:
    """Return the Session of a row of `sessions`."""
    row = dict(_listed("sessions", row))
    row["boot_id"], row["version"] = row.get("boot"), row.get("program_version")
    return _of(wire.Session, row)


def sample(row: Fields) -> wire.Sample:
    """Return the Sample of a row of `samples`."""
    return _of(wire.Sample, {**row, "class_": row["class"]})


def flow(row: Fields) -> wire.Flow:
    """Return the Flow of a row of `flows`."""
    return _of(wire.Flow, row)


def loss(row: Fields) -> wire.Loss:
    """Return the Loss of a row of `losses`."""
    return _of(wire.Loss, row)


def answer(row: Fields) -> Row:
    """Return a row of `commands` as `log` answers it: ready for JSON, ids as hex."""
    row = _listed("commands", row)
    names = [name for name in wire.Command.__struct_fields__ if name in row]
    parts = (split(row), download(row))
    return {
        **{name: row[name] for name in names if name not in _LEFT_OUT},
        "id": wire.hexadecimal(row["id"]),
        "session": row["session"].hex(),
        "host": row["device"],
        "user": row.get("user"),
        "shell": row.get("shell"),
        "line_cut": bool(row.get("line_cut")),
        "split": structs.asdict(parts[0]) if parts[0] else None,
        "download": structs.asdict(parts[1]) if parts[1] else None,
    }


def exported(table: str, row: Fields) -> Row:
    """Return a row of any table as its owner is given it: what is known of it, ready for JSON."""
    out: Row = {}
    for name, value in row.items():
        if isinstance(value, bytes):
            out[name] = value.hex()
        elif isinstance(value, date):
            out[name] = value.isoformat()
        elif value is not None:
            out[name] = value
    for name in _IDS.get(table, ()):
        if row.get(name):
            out[name] = wire.hexadecimal(row[name])
    return out


def split(row: Fields) -> wire.Split | None:
    """Return the Split of a row of `commands`, None where it was never told."""
    if row.get("cpu_ns") is None:
        return None
    return _of(wire.Split, row)


def download(row: Fields) -> wire.Download | None:
    """Return the Download of a row of `commands`, None where it was never told."""
    if row.get("dl_active_ns") is None:
        return None
    names = wire.Download.__struct_fields__
    return _of(wire.Download, {name: row.get(f"dl_{name}") for name in names})


def own_verb(row: Fields) -> bool:
    """Say whether a command is one of our own verbs, or cannot be told from one.

    `ptywrap -- CMD` has CMD's template. A command not ended that has no words yet may be any.
    """
    words = row.get("template") or row.get("shape") or row.get("line")
    if words is None:
        return row.get("wall_ns") is None
    first, _, rest = words.partition(" ")
    return first.rsplit("/", 1)[-1] in _OWN and "--" not in rest.split()


def is_prefix(text: str) -> bool:
    """Say whether a text can begin an id: 1 to 16 hex digits."""
    return 0 < len(text) <= 16 and set(text) <= set("0123456789abcdef")


def of_repo(repo: str | None, asked: str, aliased: Collection[str] = ()) -> bool:
    """Say whether a repo's name holds what is asked for, or has it as an alias."""
    return repo is not None and (asked in repo or repo in aliased)


def shortest(ids: Iterable[int], others: Iterable[int]) -> int:
    """Return how many hex digits tell each of `ids` from all of `others`; at least 4."""
    digits = 4
    texts = sorted({wire.hexadecimal(one) for one in others} | {wire.hexadecimal(i) for i in ids})
    wanted = {wire.hexadecimal(one) for one in ids}
    for first, second in pairwise(texts):
        if first in wanted or second in wanted:
            same = next(place for place in range(16) if first[place] != second[place])
            digits = max(digits, same + 1)
    return digits


def _context(row: Fields) -> wire.Context | None:
    names = wire.Context.__struct_fields__
    known = {name: row[name] for name in names if row.get(name) is not None}
    return wire.Context(**known) if known else None


def _listed(table: str, row: Fields) -> Fields:
    texts = {name: row[name] for name in _LISTS[table] if row.get(name) is not None}
    lists = {name: text.split("\n") if text else [] for name, text in texts.items()}
    return {**row, **lists}


def _of(struct: type[Fact], row: Fields) -> Fact:
    return struct(**_fields(struct, row))


def _fields(struct: type[Struct], row: Fields, leave: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a row knows of a struct's fields; the rest keeps its default."""
    return {
        name: row[name]
        for name in struct.__struct_fields__
        if name not in leave and row.get(name) is not None
    }
