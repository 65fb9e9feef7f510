"""Batches into DuckDB: numpy columns, each row written once, in the place of what it replaces.

Which rows may have been told before is known by `duckdb_keys`, so that nothing is sought in the big
tables for rows that are new.
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
from ingest.store.duckdb_keys import Known, key_of, last_of
from ingest.store.tables import CHILDREN, SHAPES, kinds

# A moment beyond these would overflow a sum with a clock: about the years 1824 and 2116.
_MOMENT_MOST = 1 << 62
_TICKS_MOST = 549_755_813_888
_TICK_NS = 10_000_000
_DAY_NS = 86_400_000_000_000
_ROLLED = tuple(duckdb_roll.STAGED)
_EARLIER_DAYS = 2
Span = tuple[int, int]
_ALWAYS: Span = (-(10**5), 10**6)


class Loader:
    """Adds batches within a transaction of the caller's, and learns how that ended."""

    def __init__(self) -> None:
        self._known = Known()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Wrap the transaction: what it told is known from then on, or not where it failed."""
        committed = False
        try:
            yield
            committed = True
        finally:
            self._known.end(committed=committed)

    def add(
        self, cursor: DuckDBPyConnection, batches: Sequence[Batch], progress: Progress | None
    ) -> int:
        """Add the batches that are new, and what is counted with them; return how many were.

        What is registered and staged goes when the cursor is closed.
        """
        fresh = _fresh(cursor, batches)
        gained = {"commands": 0, "processes": 0}
        if fresh:
            loading = _Loading(cursor, fresh, self._known)
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

    def __init__(self, cursor: DuckDBPyConnection, batches: Sequence[Batch], known: Known) -> None:
        self._cursor = cursor
        self._batches = batches
        self._keys = known.keys
        self._rolled = any(batch.tenant for batch in batches)
        cursor.register("fed_batches", _meta(batches))
        self._run("batches")
        self._times = {**moments(batches), "first_at": known.first(cursor, batches)}
        self._senders = known.senders(batches)

    def load(self, name: str) -> int:
        """Load one table and the lists in it; return how many rows it has more than before."""
        fed = columns(name, self._batches)
        if fed is None:
            return 0
        fed["day"] = self._days(name, fed)
        told, kept = self._told(name, fed)
        again = told & kept
        span = None
        if again.any():
            span = _span(fed["day"][again], always=bool(self._times["bootless"].any()))
            self._former(name, _rows(fed, again, SHAPES[name].key), span)
            found = self._cursor.execute(statement("newer")).fetchnumpy()
            kept[found["place_fed"]] = False
        elif name in _ROLLED:
            self._run("no_former")
        fed["kept"] = kept
        self._cursor.register(f"fed_{name}", fed)
        gained = self._replace(name, fed, span)
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                self._cursor.register(
                    f"parent_{name}", _rows(fed, kept, (*child.parent_key, "day"))
                )
                self._load_list(child_name, span)
        return gained

    def _replace(self, name: str, fed: Mapping[str, Any], span: Span | None) -> int:
        """Put what is kept in the place of what was told before, within some days."""
        rolled = self._rolled and name in _ROLLED
        if rolled:
            needed = ", ".join(_selected(name, duckdb_roll.STAGED[name].split(), fed))
            staged = statement("staged", table=name, columns=needed)
            self._run("stage", table=name, staged=staged)
            duckdb_roll.before(self._cursor, name, told=span is not None)
        if name == "sessions":
            self._tell_sessions(fed, told=span is not None)
        removed = self._run("remove", table=name) if span else 0
        names = ", ".join(_selected(name, present(name, self._batches), fed))
        staged = statement("staged", table=name, columns=names)
        into = "insert_commands" if name == "commands" else "insert"
        gained = self._run(into, table=name, staged=staged) - removed
        if rolled:
            duckdb_roll.after(self._cursor, name)
        return gained

    def _former(self, name: str, told: Mapping[str, Any], span: Span) -> None:
        """Find the rows that some keys have already."""
        self._cursor.register(f"told_{name}", told)
        key = SHAPES[name].key
        equal = _equal("t", "s", zip(key, key, strict=True))
        self._ask("former", span, table=name, equal=equal)

    def _told(self, name: str, fed: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return which rows may have been told before, and which are the last of their key."""
        every = numpy.ones(len(fed["place_fed"]), numpy.bool_)
        self._cursor.register(f"key_{name}", _rows(fed, every, SHAPES[name].key))
        text = statement("fed_hashes", table=name, key=key_of(name, "f"))
        found = self._cursor.execute(text).fetchnumpy()
        hashes = numpy.empty(len(every), numpy.uint64)
        hashes[found["place_fed"]] = found["hash"]
        batch = fed["place_batch"]
        hashes ^= self._senders[batch]
        told = self._keys.told(self._cursor, name, fed["day"], hashes)
        # A segment without its header is of no boot, and may have other days than its facts.
        told |= self._times["bootless"][batch]
        numbers = numpy.array([one.number for one in self._batches])[batch]
        keys = [numpy.ma.getdata(fed[column]) for column in SHAPES[name].key]
        return told, last_of(hashes, numbers, [*keys, self._senders[batch]])

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

    def _tell_sessions(self, fed: Mapping[str, Any], *, told: bool) -> None:
        """Put users and shells into commands that came before their sessions."""
        kept = numpy.array(fed["kept"])
        nothing = numpy.full(len(kept), None, dtype=object)
        news = {name: fed.get(name, nothing) for name in ("user", "shell")}
        former = self._cursor.execute(statement("former_sessions")).fetchall() if told else ()
        for place, user, shell in former:
            if (news["user"][place], news["shell"][place]) == (user, shell):
                kept[place] = False
        if kept.any():
            rows = {name: fed[name][kept] for name in ("id", "place_batch")}
            self._cursor.register("news", rows | {name: news[name][kept] for name in news})
            first = int(fed["day"][kept].min()) - _EARLIER_DAYS if self._rolled else _ALWAYS[0]
            self._ask("sessions_told", (first, _ALWAYS[1]))

    def _load_list(self, name: str, span: Span | None) -> None:
        child = CHILDREN[name]
        keys = list(zip(child.key, child.parent_key, strict=True))
        words = {"table": name, "parent": child.parent}
        if span:
            self._ask("children", span, **words, equal=_equal("t", "p", keys))
        fed = columns(name, self._batches)
        if fed is not None:
            self._cursor.register(f"fed_{name}", fed)
            there = ", ".join(f'f."{column}"' for column in kinds(name) if column in fed)
            equal = _equal("f", "p", keys)
            self._run("insert_children", **words, columns=there, equal=equal)

    def _ask(self, name: str, span: Span, **words: str) -> None:
        text = statement(name, **words)
        values = {"first_day": span[0], "last_day": span[1]}
        # A value that is not named in the statement is refused.
        values = {name: value for name, value in values.items() if f"${name}" in text}
        self._cursor.execute(text, values).fetchall()

    def _run(self, name: str, **words: str) -> int:
        """Run statements; return how many rows the last one changed."""
        found = self._cursor.execute(statement(name, **words)).fetchall()
        return int(found[0][0]) if found and isinstance(found[0][0], int) else 0


def _span(days: Any, *, always: bool) -> Span:
    """Return the first and last of some days; every day there can be where `always`."""
    return _ALWAYS if always else (int(days.min()), int(days.max()))


def _rows(fed: Mapping[str, Any], rows: Any, key: Sequence[str]) -> dict[str, Any]:
    """Return the keys of some rows, and whose they are."""
    return {name: fed[name][rows] for name in dict.fromkeys((*key, "place_batch", "place_fed"))}


def _fresh(cursor: DuckDBPyConnection, batches: Sequence[Batch]) -> list[Batch]:
    ids = {"ids": [batch.id for batch in batches]}
    known = set(cursor.execute(statement("known"), ids).fetchall())
    told = {(batch.tenant, batch.device, batch.id): batch for batch in batches}
    return [batch for key, batch in told.items() if key not in known]


def _equal(left: str, right: str, keys: Any) -> str:
    return " AND ".join(f'{left}."{mine}" = {right}."{theirs}"' for mine, theirs in keys)


def _selected(name: str, needed: Sequence[str], fed: Mapping[str, Any]) -> Iterator[str]:
    """Yield columns of what is fed; NULL where nobody told of one."""
    all_kinds = kinds(name)
    for column in needed:
        if column not in fed:
            yield f'CAST(NULL AS {TYPES[all_kinds[column]]}) AS "{column}"'
        elif all_kinds[column] == "texts":
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
