"""A group of batches as rows that are fed to DuckDB: their days, and which of them are new.

`fed_batches` is registered here; whatever else is goes when the cursor is closed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from duckdb import DuckDBPyConnection

from ingest.store.arrays import Ints
from ingest.store.base import Batch
from ingest.store.duckdb_arrow import Relation
from ingest.store.duckdb_columns import Column, codes, column, columns, moments
from ingest.store.duckdb_file import statement
from ingest.store.duckdb_keys import Known, Rows, key_of, last_of
from ingest.store.tables import SHAPES, kinds
from ptywrap import wire

# A moment beyond these would overflow a sum with a clock: about the years 1824 and 2116.
_MOMENT_MOST = 1 << 62
_TICKS_MOST = 549_755_813_888
_TICK_NS = 10_000_000
_DAY_NS = 86_400_000_000_000
_WHOSE = (
    ("tenant", "text", "tenant"),
    ("device", "text", "device"),
    ("person", "text", "person"),
    ("team", "text", "team"),
    ("batch", "text", "id"),
    ("version", "int", "number"),
)
# Their day follows from their key.
_EXACT = ("processes", "samples")


class Fed:
    """The tables of a group, column by column, and what is known of their rows."""

    def __init__(self, cursor: DuckDBPyConnection, batches: Sequence[Batch], known: Known) -> None:
        self.batches = batches
        # Those of a laptop have no tenant.
        self.fleet = any(batch.tenant for batch in batches)
        cursor.register("fed_batches", Relation(_meta(batches)))
        self._cursor = cursor
        self._keys = known.keys
        self._times = {**moments(batches), "first_at": known.first(cursor, batches)}
        found = {name: columns(name, batches) for name in SHAPES}
        self.tables = {name: fed for name, fed in found.items() if fed is not None}
        whose = {name: column(kind, [getattr(batch, field) for batch in batches])
                 for name, kind, field in _WHOSE}  # fmt: skip
        for name, fed in self.tables.items():
            fed["day"] = Ints(self._days(name, fed))
            fed |= {field: one.take(_batch(fed)) for field, one in whose.items()}
        self._hashes = self._hashed()

    def reach(self, name: str) -> int | None:
        """Return how far from a fact's day its former telling may be; None: anywhere.

        A laptop has few rows, a segment without its header is of no boot and so of any day.
        """
        if not self.fleet or SHAPES[name].fact is wire.Project or self._times["bootless"].any():
            return None
        return 0 if name in _EXACT else 1

    def told(self, name: str) -> tuple[Any, Any]:
        """Return which rows may have been told before, and which are the last of their key."""
        fed, hashes = self.tables[name], self._hashes[name]
        batch, days = _batch(fed), codes(fed["day"])
        rows = Rows(hashes, days, self.reach(name))
        told = self._keys.told(self._cursor, name, rows)
        numbers = numpy.array([one.number for one in self.batches])[batch]
        keys = [codes(fed[one]) for one in SHAPES[name].key]
        kept = last_of(hashes, numbers, [*keys, self._senders[batch]])
        if name == "projects":
            # There is nothing to a project but its key: told again, it is only kept for longer.
            kept &= self._keys.unsaid(hashes, days)
        return told, kept

    def _hashed(self) -> dict[str, Any]:
        """Return a hash of each row's key, by table, asked of the engine at once."""
        parts = [statement("senders")]
        for place, (name, fed) in enumerate(self.tables.items()):
            needed = ("place_fed", *SHAPES[name].key)
            self._cursor.register(f"key_{name}", Relation({one: fed[one] for one in needed}))
            parts.append(
                statement("fed_hashes", table=name, key=key_of(name, "f"), place=str(place))
            )
        found = self._cursor.execute(" UNION ALL ".join(parts)).fetchnumpy()
        senders = found["place_table"] == -1
        self._senders = numpy.empty(len(self.batches), numpy.uint64)
        self._senders[found["place_fed"][senders]] = found["hash"][senders]
        out = {}
        for place, (name, fed) in enumerate(self.tables.items()):
            of_table = found["place_table"] == place
            hashes = numpy.empty(len(fed["place_fed"]), numpy.uint64)
            hashes[found["place_fed"][of_table]] = found["hash"][of_table]
            out[name] = hashes ^ self._senders[_batch(fed)]
        return out

    def _days(self, name: str, fed: Mapping[str, Column]) -> Any:
        """Return the day of each row: of its start since boot, on the boot's first wall clock.

        A segment without its header is of no boot: then the time is as it was told.
        """
        batch = _batch(fed)
        times = {what: values[batch] for what, values in self._times.items()}
        moment = SHAPES[name].moment or "started_at"
        at = times["wall_ns"]
        told = fed.get(moment)
        if isinstance(told, Ints):
            usable = (told.values < _MOMENT_MOST) & (told.values > -_MOMENT_MOST)
            if told.known is not None:
                usable &= told.known
            at = numpy.where(usable, told.values, at)
        since_boot = at - times["boot_at"]
        if "start_ticks" in fed:
            ticks = codes(fed["start_ticks"])
            since_boot = numpy.minimum(ticks, _TICKS_MOST) * _TICK_NS
        at = numpy.where(times["bootless"], at, since_boot + times["first_at"])
        return (at // _DAY_NS).astype(numpy.int32)


def rows_of(fed: Mapping[str, Column], rows: Any, key: Sequence[str]) -> dict[str, Column]:
    """Return the keys of some rows, whose they are and where."""
    names = ("place_batch", "place_fed", "day", *(name for name, _, _ in _WHOSE), *key)
    return {name: fed[name].take(rows) for name in names}


def staged(
    name: str, fed: Mapping[str, Column], kept: Any, needed: Sequence[str]
) -> dict[str, Column]:
    """Return some columns of the rows that are kept, unknown in all where nobody told of one."""
    rows = rows_of(fed, kept, ())
    number = len(rows["day"])
    nothing = {kind: column(kind, [None] * number) for kind in ("int", "text")}
    all_kinds = kinds(name)
    return rows | {
        one: fed[one].take(kept) if one in fed else nothing[all_kinds[one]] for one in needed
    }


def _batch(fed: Mapping[str, Column]) -> Any:
    return codes(fed["place_batch"])


def _meta(batches: Sequence[Batch]) -> dict[str, Column]:
    bounds = [_bounds(batch) for batch in batches]
    texts = {
        name: column("text", [getattr(batch, name) for batch in batches])
        for name in ("id", "tenant", "device", "person", "team", "boot")
    }
    numbers = {
        name: column("int", [getattr(batch, name) for batch in batches])
        for name in ("number", "wall_ns", "received_at", "skew_ns")
    }
    return {
        **texts,
        **numbers,
        "digest": column("bytes", [batch.digest for batch in batches]),
        "place_batch": Ints(numpy.arange(len(batches))),
        "boot_at": column("int", [batch.wall_ns - batch.boottime_ns for batch in batches]),
        "rows": column("int", [sum(t.rows for t in batch.tables.values()) for batch in batches]),
        "first_at": column("int", [first for first, _ in bounds]),
        "last_at": column("int", [last for _, last in bounds]),
    }


def _bounds(batch: Batch) -> tuple[int | None, int | None]:
    commands = batch.tables.get("commands")
    if commands is None:
        return None, None
    told = commands.columns.get("started_at", ())
    if isinstance(told, Ints) and told.known is None and len(told):
        return int(told.values.min()), int(told.values.max())
    times = [at for at in told if at is not None]
    return min(times, default=None), max(times, default=None)
