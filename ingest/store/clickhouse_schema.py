"""The tables in ClickHouse: their columns, keys and types, and the SQL that asks of them.

Every table of facts is a ReplacingMergeTree(version) by month; nothing in a key differs between
two tellings of a fact, nothing in it is nullable, and `day` is not in it. Types are those that
18.16 and modern versions share.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ingest.store.questions import Sums
from ingest.store.tables import CHILDREN, SHAPES, kinds

SCHEMA = 1
"""Raised when an older program must not write the tables any more; new columns do not raise it."""

TEXT, NUMBER, DAY = "String", "Int64", "Date"
SESSION, DIGEST, VERSION = "FixedString(16)", "FixedString(32)", "UInt64"
_TYPES = {"int": NUMBER, "bool": "UInt8", "text": TEXT, "texts": TEXT, "bytes": SESSION}
LEADING = {
    "day": DAY,
    "tenant": TEXT,
    "device": TEXT,
    "person": TEXT,
    "team": TEXT,
    "batch": TEXT,
    "version": VERSION,
}
# A session names the user and the shell of its commands when they are asked for.
_ASKED = frozenset({"user", "shell"})
_PARTITION = "toYYYYMM(day)"


class Sketch(NamedTuple):
    """A table: types by column, key and partition; the row of the highest version stands."""

    columns: dict[str, str]
    key: tuple[str, ...]
    partition: str = ""


def _facts(table: str) -> Sketch:
    keys = SHAPES[table].key if table in SHAPES else (*CHILDREN[table].key, "place")
    columns = dict(LEADING)
    for name, kind in kinds(table).items():
        if table == "commands" and name in _ASKED:
            continue
        columns[name] = _TYPES[kind] if name in keys else f"Nullable({_TYPES[kind]})"
    # A tree is read in the order of birth.
    keys = tuple(sorted(keys, key=_BIRTH.index)) if table == "processes" else keys
    return Sketch(columns, ("tenant", *keys, "device"), _PARTITION)


_BIRTH = ("session", "start_ticks", "pid")


def _own(columns: str, key: str, partition: str = "") -> Sketch:
    """Return a table of ours, told as words of `name:kind`, or `name` where it is a number."""
    kinds_of = {"day": DAY, "text": TEXT, "digest": DIGEST, "maybe": f"Nullable({NUMBER})"}
    told = (word.partition(":") for word in columns.split())
    types = {name: kinds_of.get(kind, NUMBER) for name, _, kind in told}
    return Sketch({**types, "version": VERSION}, tuple(key.split()), partition)


OWN = {
    "boots": _own("tenant:text device:text boot:text first_at believed_at", "tenant device boot"),
    "batches": _own(
        "day:day tenant:text device:text id:text digest:digest rows commands processes "
        "first_at:maybe last_at:maybe received_at skew_ns",
        "tenant device id",
        _PARTITION,
    ),
    "progress": _own("writer:text number offset repeated rejected", "writer"),
    "about": _own("name:text schema", "name"),
    "roll_day": _own(
        "day:day tenant:text person:text team:text repo:text template:text category:text "
        f"actor:text {' '.join(Sums._fields)}",
        "tenant day template repo team person category actor",
        _PARTITION,
    ),
    "hist_day": _own(
        "day:day tenant:text repo:text template:text bucket n",
        "tenant day template repo bucket",
        _PARTITION,
    ),
    "flow_day": _own(
        "day:day tenant:text person:text team:text remote_host:text template:text flows failed "
        "received_bytes sent_bytes connects connect_ns first_bytes first_byte_ns",
        "tenant day remote_host template team person",
        _PARTITION,
    ),
    "flow_hist": _own(
        "day:day tenant:text remote_host:text measure:text bucket n",
        "tenant day remote_host measure bucket",
        _PARTITION,
    ),
    "person_week": _own(
        "week:day tenant:text person:text team:text repo:text template:text runs failures "
        "wait_ns p50_ns p90_ns",
        "tenant week template repo team person",
        "toYYYYMM(week)",
    ),
    "batch_day": _own("day:day commands processes batches", "day"),
    # Of which days rows came, which rolls began, which stand, and of which days rows are gone.
    "touched_days": _own("kind:text day:day", "kind day"),
    "begun_days": _own("kind:text day:day", "kind day"),
    "rolled_days": _own("kind:text day:day", "kind day"),
    "rolled_weeks": _own("week:day", "week"),
    "horizons": _own("name:text day:day", "name"),
}
ROLLUPS = ("roll_day", "hist_day", "flow_day", "flow_hist", "person_week")
FACTS = {name: _facts(name) for name in (*SHAPES, *CHILDREN)}
SKETCHES = FACTS | OWN


def creation(table: str, *, synced: bool = False) -> str:
    """Return the statement that makes a table where there is none.

    `synced`: an insert is answered when it is on stable storage, which 18.16 cannot be told.
    """
    sketch = SKETCHES[table]
    made = statement(
        "create",
        {
            "table": table,
            "columns": ", ".join(f"`{name}` {kind}" for name, kind in sketch.columns.items()),
            "partition": f"PARTITION BY {sketch.partition}" if sketch.partition else "",
            "key": listed(sketch.key),
        },
    )
    return f"{made} {statement('synced')}" if synced else made


def listed(names: Iterable[str]) -> str:
    """Return names of columns, quoted, as a list of SQL."""
    return ", ".join(f"`{name}`" for name in names)


def statement(name: str, words: dict[str, str] | None = None, /, **values: Any) -> str:
    """Return the statement behind `-- name: NAME`, words in braces and values behind $ put in."""
    text = _statements()[name]
    for word, inserted in (words or {}).items():
        text = text.replace("{" + word + "}", inserted)
    return re.sub(r"\$(\w+)", lambda found: literal(values[found[1]]), text)


def touching(days: Iterable[tuple[str, int]]) -> str:
    """Return the statement that tells rollups of days, each by kind, that their rows changed."""
    listed = ", ".join(f"({literal(kind)}, toDate({day:d}))" for kind, day in days)
    return statement("touch", {"days": listed})


def literal(value: Any) -> str:
    """Return a value as SQL: a text, bytes, a number, a moment that is unknown, or a list."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
        return f"'{escaped}'"
    if isinstance(value, int):
        return str(int(value))
    parts: Sequence[Any] = list(value)
    return "(" + ", ".join(literal(part) for part in parts) + ")"


@cache
def _statements() -> dict[str, str]:
    files = ("clickhouse.sql", "clickhouse_rollups.sql")
    text = "".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in files)
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    bodies = (re.sub(r"^--.*\n", "", part, flags=re.MULTILINE).strip() for part in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))
