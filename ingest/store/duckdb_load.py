"""Batches into DuckDB: numpy columns, those certainly new as they come, the others staged.

A row may have been told before: then it is staged, and put in the place of what it replaces. Who
knows is `duckdb_keys`, so that nothing is sought in the big tables for rows that are new.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy
from duckdb import DuckDBPyConnection

from ingest.store import duckdb_roll
from ingest.store.base import Batch, Progress
from ingest.store.duckdb_columns import array, columns, moments, present
from ingest.store.duckdb_file import TYPES, statement
from ingest.store.duckdb_keys import Keys, key_of
from ingest.store.tables import CHILDREN, SHAPES, kinds

# A moment beyond these would overflow a sum with a clock: about the years 1824 and 2116.
_MOMENT_MOST = 1 << 62
_TICKS_MOST = 549_755_813_888
_TICK_NS = 10_000_000
_DAY_NS = 86_400_000_000_000
# Many rows, no rollups and no lists of their own: they need not pass through a stage.
_STRAIGHT = ("processes", "samples")
_EARLIER_DAYS = 2
_ALWAYS = (-(10**5), 10**6)


class Loader:
    """Adds batches within a transaction of the caller's, and learns how that ended."""

    def __init__(self) -> None:
        self._keys = Keys()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Wrap the transaction: what it told is known from then on, or not where it failed."""
        try:
            yield
            self._keys.commit()
        finally:
            self._keys.roll_back()

    def add(
        self, cursor: DuckDBPyConnection, batches: Sequence[Batch], progress: Progress | None
    ) -> int:
        """Add the batches that are new, and what is counted with them; return how many were.

        What is registered and staged goes when the cursor is closed.
        """
        fresh = _fresh(cursor, batches)
        gained = {"commands": 0, "processes": 0}
        if fresh:
            loading = _Loading(cursor, fresh, self._keys)
            for name in SHAPES:
                rows = loading.load(name)
                if name in gained:
                    gained[name] += rows
        counted = progress or Progress(0, 0)
        position = (counted.number, counted.offset) if progress else (None, None)
        values = {
            **gained,
            "batches": len(fresh),
            "repeated": counted.repeated + (len(batches) - len(fresh) if progress else 0),
            "rejected": counted.rejected,
            "number": position[0],
            "offset": position[1],
        }
        if fresh or progress:
            cursor.execute(statement("count"), values)
        return len(fresh)


class _Loading:
    """One group on its way in."""

    def __init__(self, cursor: DuckDBPyConnection, batches: Sequence[Batch], keys: Keys) -> None:
        self._cursor = cursor
        self._batches = batches
        self._keys = keys
        self._rolled = any(batch.tenant for batch in batches)
        self._times = dict(moments(batches))
        cursor.register("fed_batches", _meta(batches))
        self._run("boots")
        self._run("batches")
        first = cursor.execute(statement("first")).fetchnumpy()
        self._times["first_at"] = first["first_at"]
        self._senders = first["sender"]

    def load(self, name: str) -> int:
        """Load one table and the lists in it; return how many rows it has more than before."""
        fed = columns(name, self._batches)
        if fed is None:
            return 0
        fed["day"] = self._days(name, fed)
        self._cursor.register(f"fed_{name}", fed)
        told, twice = self._told(name, fed)
        straight = name in _STRAIGHT
        fed["again"] = told | twice
        fed["staged"] = fed["again"] if straight else numpy.ones(len(told), numpy.bool_)
        self._cursor.register(f"fed_{name}", fed)
        names = ", ".join(_selected(name, present(name, self._batches)))
        gained = 0
        if straight and not fed["again"].all():
            gained = self._run("insert_fed", table=name, columns=names)
        if fed["staged"].any():
            self._run("stage", table=name, columns=names)
            if twice.any():
                key = ", ".join(f'"{one}"' for one in SHAPES[name].key)
                self._run("last_telling", table=name, key=key)
            gained += self._replace(name, fed["day"][told])
        return gained

    def _replace(self, name: str, days: Any) -> int:
        """Put what is staged in the place of what was told before, on the days given."""
        if len(days):
            self._former(name, days)
        else:
            self._run("no_former")
        if self._rolled:
            duckdb_roll.before(self._cursor, name)
        if name == "sessions":
            self._run("news")
        removed = self._run("replace", table=name) if len(days) else 0
        statement_name = "insert_commands" if name == "commands" else "insert"
        gained = self._run(statement_name, table=name) - removed
        if self._rolled:
            duckdb_roll.after(self._cursor, name)
        if name == "sessions":
            self._tell_sessions()
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                self._load_list(child_name, told_again=bool(len(days)))
        return gained

    def _former(self, name: str, days: Any) -> None:
        key = SHAPES[name].key
        equal = _equal("t", "s", zip(key, key, strict=True))
        bootless = self._times["bootless"].any()
        first, last = _ALWAYS if bootless else (int(days.min()), int(days.max()))
        text = statement("former", table=name, equal=equal)
        self._cursor.execute(text, {"first_day": first, "last_day": last}).fetchall()

    def _told(self, name: str, fed: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return which rows may have been told before, and which more than once in the group."""
        text = statement("fed_hashes", table=name, key=key_of(name, "f"))
        found = self._cursor.execute(text).fetchnumpy()
        hashes = numpy.empty(len(fed["place_fed"]), numpy.uint64)
        hashes[found["place_fed"]] = found["hash"]
        batch = fed["place_batch"]
        hashes ^= self._senders[batch]
        told = self._keys.told(self._cursor, name, fed["day"], hashes)
        # A segment without its header is of no boot, and may have other days than its facts.
        told |= self._times["bootless"][batch]
        order = numpy.argsort(hashes, kind="stable")
        same = hashes[order][1:] == hashes[order][:-1]
        twice = numpy.zeros(len(hashes), numpy.bool_)
        twice[order[1:][same]] = True
        twice[order[:-1][same]] = True
        return told, twice

    def _days(self, name: str, fed: Mapping[str, Any]) -> Any:
        """Return the day of each row: of its start since boot, on the boot's first wall clock.

        A segment without its header is of no boot: then the time is as it was told.
        """
        batch = fed["place_batch"]
        times = {what: values[batch] for what, values in self._times.items()}
        moment = SHAPES[name].moment or "started_at"
        at = times["wall_ns"]
        if moment in fed:
            told = fed[moment]
            values = numpy.ma.getdata(told)
            usable = (values < _MOMENT_MOST) & (values > -_MOMENT_MOST)
            usable &= ~numpy.ma.getmaskarray(told)
            at = numpy.where(usable, values, at)
        since_boot = at - times["boot_at"]
        if "start_ticks" in fed:
            ticks = numpy.ma.getdata(fed["start_ticks"])
            since_boot = numpy.minimum(ticks, _TICKS_MOST) * _TICK_NS
        at = numpy.where(times["bootless"], at, since_boot + times["first_at"])
        return (at // _DAY_NS).astype(numpy.int32)

    def _tell_sessions(self) -> None:
        """Put the user and shell of sessions into commands that came before them."""
        # All of it: a result that is not read to its end holds the connection.
        ((number, day),) = self._cursor.execute(statement("news_since")).fetchall()
        if number:
            first = int(day) - _EARLIER_DAYS if self._rolled else _ALWAYS[0]
            self._cursor.execute(statement("sessions_told"), {"first_day": first}).fetchall()

    def _load_list(self, name: str, *, told_again: bool) -> None:
        child = CHILDREN[name]
        keys = list(zip(child.key, child.parent_key, strict=True))
        words = {"table": name, "parent": child.parent}
        if told_again:
            self._run("children", **words, equal=_equal("t", "p", keys))
        fed = columns(name, self._batches)
        if fed is not None:
            self._cursor.register(f"fed_{name}", fed)
            there = ", ".join(f'f."{column}"' for column in kinds(name) if column in fed)
            equal = _equal("f", "p", keys)
            self._run("insert_children", **words, columns=there, equal=equal)

    def _run(self, name: str, **words: str) -> int:
        """Run statements; return how many rows the last one changed."""
        row = self._cursor.execute(statement(name, **words)).fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else 0


def _fresh(cursor: DuckDBPyConnection, batches: Sequence[Batch]) -> list[Batch]:
    ids = {"ids": [batch.id for batch in batches]}
    known = set(cursor.execute(statement("known"), ids).fetchall())
    told = {(batch.tenant, batch.device, batch.id): batch for batch in batches}
    return [batch for key, batch in told.items() if key not in known]


def _equal(left: str, right: str, keys: Any) -> str:
    return " AND ".join(f'{left}."{mine}" = {right}."{theirs}"' for mine, theirs in keys)


def _selected(name: str, there: Sequence[str]) -> Iterator[str]:
    all_kinds = kinds(name)
    for column in there:
        if all_kinds[column] == "texts":
            # NUL ends each text, which no argument can hold; what follows the last is dropped.
            yield f'string_split(f."{column}", chr(0))[:-2] AS "{column}"'
        else:
            yield f'CAST(f."{column}" AS {TYPES[all_kinds[column]]}) AS "{column}"'


def _meta(batches: Sequence[Batch]) -> Mapping[str, Any]:
    bounds = [_bounds(batch) for batch in batches]
    texts = {
        name: array("text", [getattr(batch, name) for batch in batches])
        for name in ("id", "tenant", "device", "person", "team", "boot")
    }
    numbers = {
        name: array("int", [getattr(batch, name) for batch in batches])
        for name in ("number", "wall_ns", "received_at", "skew_ns")
    }
    return {
        **texts,
        **numbers,
        "digest": array("bytes", [batch.digest for batch in batches]),
        "place_batch": numpy.arange(len(batches)),
        "boot_at": array("int", [batch.wall_ns - batch.boottime_ns for batch in batches]),
        "rows": array("int", [sum(t.rows for t in batch.tables.values()) for batch in batches]),
        "first_at": array("int", [first for first, _ in bounds]),
        "last_at": array("int", [last for _, last in bounds]),
    }


def _bounds(batch: Batch) -> tuple[int | None, int | None]:
    commands = batch.tables.get("commands")
    if commands is None:
        return None, None
    times = [at for at in commands.columns.get("started_at", ()) if at is not None]
    return min(times, default=None), max(times, default=None)
