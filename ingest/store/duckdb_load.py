"""Batches into DuckDB: numpy columns, each row written once, in the place of what it replaces.

Which rows may have been told before is known by `duckdb_keys`, so that nothing is sought in the big
tables for rows that are new.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
from duckdb import DuckDBPyConnection

from ingest.store import duckdb_roll
from ingest.store.arrays import Ints
from ingest.store.base import Batch, Progress
from ingest.store.duckdb_arrow import Relation
from ingest.store.duckdb_columns import Column, codes, column, columns, present
from ingest.store.duckdb_fed import Fed, rows_of, staged
from ingest.store.duckdb_file import statement
from ingest.store.duckdb_keys import Known
from ingest.store.tables import CHILDREN, SHAPES, kinds

_ROLLED = tuple(duckdb_roll.STAGED)
# What of a former telling is needed besides: the beginning of a command has no rollups and no
# lists; was a session's shell known.
_MORE = {"commands": "t.wall_ns IS NOT NULL AS ended", "sessions": 't."user", t.shell'}
_EARLIER_DAYS = 2
Span = tuple[int, int]
_ALWAYS: Span = (-(10**5), 10**6)


class Former(NamedTuple):
    """Rows that are there under keys of the group: where, of which row fed, and which stay.

    `span`: the days they are within; `ended`: one has more than a beginning.
    """

    rows: Any
    places: Any
    newer: Any
    span: Span
    ended: bool
    more: Sequence[Any] = ()

    def relation(self) -> Relation:
        """Return it as columns."""
        former, places, newer = map(Ints, (self.rows, self.places, self.newer))
        return Relation({"former": former, "place_fed": places, "newer": newer})


_NO_FORMER = Former(
    numpy.zeros(0, numpy.int64),
    numpy.zeros(0, numpy.int64),
    numpy.zeros(0, numpy.bool_),
    _ALWAYS,
    ended=False,
)


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
        self._fed = Fed(cursor, batches, known)
        self._run("batches")

    def load(self, name: str) -> int:
        """Load one table and the lists in it; return how many rows it has more than before."""
        fed = self._fed.tables.get(name)
        if fed is None:
            return 0
        told, kept = self._fed.told(name)
        again = told & kept
        former = self._former(name, fed, again) if again.any() else _NO_FORMER
        kept[former.places[former.newer]] = False
        if again.any() or name in _ROLLED:
            self._cursor.register("former", former.relation())
        gained = self._replace(name, kept, former)
        for child_name, child in CHILDREN.items():
            if child.parent == name:
                self._load_list(child_name, kept, former)
        return gained

    def _replace(self, name: str, kept: Any, former: Former) -> int:
        """Put what is kept in the place of what was told before."""
        fed = self._fed.tables[name]
        rolled = self._fed.fleet and name in _ROLLED
        if rolled:
            needed = duckdb_roll.STAGED[name].split()
            self._cursor.register(f"stage_{name}", Relation(staged(name, fed, kept, needed)))
            duckdb_roll.before(self._cursor, name, told=former.ended)
        if name == "sessions":
            self._tell_sessions(fed, kept, former)
        removed = self._run("remove", table=name) if len(former.places) else 0
        there = present(name, self._fed.batches)
        told = fed if kept.all() else {one: held.take(kept) for one, held in fed.items()}
        self._cursor.register(f"fed_{name}", Relation(told))
        gained = self._run(
            "insert_commands" if name == "commands" else "insert",
            table=name,
            names=", ".join(f'"{one}"' for one in there),
            columns=", ".join(_selected(name, there)),
        )
        if rolled:
            duckdb_roll.after(self._cursor, name)
        return gained - removed

    def _former(self, name: str, fed: Mapping[str, Column], again: Any) -> Former:
        """Find the rows that some keys have already."""
        key = SHAPES[name].key
        self._cursor.register(f"told_{name}", Relation(rows_of(fed, again, key)))
        equal = _equal("t", "s", zip(key, key, strict=True))
        text = statement("former", table=name, equal=equal, more=_MORE.get(name, "true AS ended"))
        span = self._span(name, codes(fed["day"])[again])
        values = {"first_day": span[0], "last_day": span[1]}
        found = self._cursor.execute(text, values).fetchnumpy()
        rest = [found[name] for name in ("user", "shell")] if name == "sessions" else []
        ended = "ended" in found and bool(found["ended"].any())
        return Former(found["former"], found["place_fed"], found["newer"], span, ended, rest)

    def _span(self, name: str, days: Any) -> Span:
        reach = self._fed.reach(name)
        return _ALWAYS if reach is None else (int(days.min()) - reach, int(days.max()) + reach)

    def _tell_sessions(self, fed: Mapping[str, Column], kept: Any, former: Former) -> None:
        """Put users and shells into commands that came before their sessions."""
        kept = numpy.array(kept)
        nothing = column("text", [None] * len(kept))
        news = {name: fed.get(name, nothing) for name in ("user", "shell")}
        users, shells = (news[name].tolist() for name in news)
        for place, user, shell in zip(former.places, *(former.more or [(), ()]), strict=True):
            known = tuple(None if value is numpy.ma.masked else value for value in (user, shell))
            if (users[place], shells[place]) == known:
                kept[place] = False
        if kept.any():
            rows = rows_of(fed, kept, ("id",))
            told = rows | {name: held.take(kept) for name, held in news.items()}
            self._cursor.register("news", Relation(told))
            days = codes(rows["day"])
            first = int(days.min()) - _EARLIER_DAYS if self._fed.fleet else _ALWAYS[0]
            self._cursor.execute(statement("sessions_told"), {"first_day": first}).fetchall()

    def _load_list(self, name: str, kept: Any, former: Former) -> None:
        child = CHILDREN[name]
        keys = list(zip(child.key, child.parent_key, strict=True))
        if former.ended:
            equal = _equal("t", "p", keys)
            text = statement("children", table=name, parent=child.parent, equal=equal)
            values = {"first_day": former.span[0], "last_day": former.span[1]}
            self._cursor.execute(text, values).fetchall()
        fed = columns(name, self._fed.batches)
        if fed is None:
            return
        self._cursor.register(f"fed_{name}", Relation(fed))
        whose = rows_of(self._fed.tables[child.parent], kept, child.parent_key)
        self._cursor.register(f"parent_{child.parent}", Relation(whose))
        there = [one for one in kinds(name) if one in fed]
        self._run(
            "insert_children",
            table=name,
            parent=child.parent,
            names=", ".join(f'"{one}"' for one in there),
            columns=", ".join(f'f."{one}"' for one in there),
            equal=_equal("f", "p", keys),
        )

    def _run(self, name: str, **words: str) -> int:
        """Run statements; return how many rows the last one changed."""
        # All of it: a result that is not read to its end holds the connection.
        found = self._cursor.execute(statement(name, **words)).fetchall()
        return int(found[0][0]) if found and isinstance(found[0][0], int) else 0


def _fresh(cursor: DuckDBPyConnection, batches: Sequence[Batch]) -> list[Batch]:
    ids = {"ids": [batch.id for batch in batches]}
    known = set(cursor.execute(statement("known"), ids).fetchall())
    told = {(batch.tenant, batch.device, batch.id): batch for batch in batches}
    return [batch for key, batch in told.items() if key not in known]


def _equal(left: str, right: str, keys: Any) -> str:
    return " AND ".join(f'{left}."{mine}" = {right}."{theirs}"' for mine, theirs in keys)


def _selected(name: str, there: Sequence[str]) -> Iterator[str]:
    all_kinds = kinds(name)
    for one in there:
        if all_kinds[one] == "texts":
            # NUL ends each text, which no argument can hold; what follows the last is dropped.
            yield f'string_split(f."{one}", chr(0))[:-2]'
        else:
            yield f'f."{one}"'
