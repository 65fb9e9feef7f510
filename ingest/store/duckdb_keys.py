"""Which keys a table may hold already: hashes in memory, so that the new need no search.

A fact told again has the day of its former telling or one beside it, so a day's hashes are read
from the table when the day is first touched, and kept while there is room. Two keys may share a
hash, and what was deleted is still among them: whoever is told of a key looks it up in the table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy
from duckdb import DuckDBPyConnection

from ingest.store.base import Batch
from ingest.store.duckdb_file import statement
from ingest.store.tables import SHAPES

MOST = 32_000_000
"""Hashes held in all, 8 bytes each."""

Boot = tuple[str, str, str]
Day = tuple[str, int | None]
_DRIFT_NS = 1_000_000_000
_MOST_BOOTS = 200_000
_MOST_SAID = 200_000


class Began(NamedTuple):
    """When a boot began, ns since the epoch: as first accepted, and as now believed."""

    first_at: int
    believed_at: int


class Rows(NamedTuple):
    """The hashes of rows' keys and their days; a former telling is within `reach` days of its own.

    None: it may be on any day.
    """

    hashes: Any
    days: Any
    reach: int | None


class Hashes:
    """A set of 64-bit hashes as a few sorted arrays, each at least twice the next."""

    def __init__(self) -> None:
        self._runs: list[Any] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, hashes: Any) -> None:
        """Add hashes in any order."""
        if len(hashes):
            self._runs.append(numpy.sort(hashes))
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            both = self._runs[-2:]
            self._runs[-2:] = [numpy.sort(numpy.concatenate(both), kind="stable")]

    def among(self, hashes: Any) -> Any:
        """Return which of the hashes are in the set."""
        order = numpy.argsort(hashes)
        sought = hashes[order]
        found = numpy.zeros(len(hashes), numpy.bool_)
        for run in self._runs:
            places = numpy.searchsorted(run, sought)
            places[places == len(run)] = 0
            found |= run[places] == sought
        out = numpy.empty_like(found)
        out[order] = found
        return out


class Keys:
    """The hashes of the days of all tables; what a transaction adds counts when it is committed."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._days: dict[Day, Hashes] = {}
        self._added: list[tuple[str, Rows]] = []
        self._said: set[tuple[int, int]] = set()

    def told(self, cursor: DuckDBPyConnection, table: str, rows: Rows) -> Any:
        """Return which rows may be in a table already, and remember all of them as told."""
        self._added.append((table, rows))
        if rows.reach is None:
            return self._day(cursor, table, None).among(rows.hashes)
        out = numpy.zeros(len(rows.hashes), numpy.bool_)
        for day in numpy.unique(rows.days).tolist():
            of_day = rows.days == day
            found = numpy.zeros(int(of_day.sum()), numpy.bool_)
            for near in range(day - rows.reach, day + rows.reach + 1):
                found |= self._day(cursor, table, near).among(rows.hashes[of_day])
            out[of_day] = found
        return out

    def unsaid(self, hashes: Any, days: Any) -> Any:
        """Return which rows were not told for their day since the store was opened."""
        pairs = list(zip(hashes.tolist(), days.tolist(), strict=True))
        out = numpy.array([pair not in self._said for pair in pairs])
        self._said |= set(pairs)
        return out

    def commit(self) -> None:
        """Keep what was told since the last time."""
        if len(self._said) > _MOST_SAID:
            self._said.clear()
        for table, rows in self._added:
            if (table, None) in self._days:
                self._days[table, None].add(rows.hashes)
            for day in numpy.unique(rows.days).tolist():
                if (table, day) in self._days:
                    self._days[table, day].add(rows.hashes[rows.days == day])
        self._added.clear()
        while len(self._days) > 1 and sum(map(len, self._days.values())) > self._most:
            del self._days[next(iter(self._days))]

    def roll_back(self) -> None:
        """Forget what was told since the last time: it did not come to be."""
        self._added.clear()
        self._said.clear()

    def _day(self, cursor: DuckDBPyConnection, table: str, day: int | None) -> Hashes:
        key = (table, day)
        found = self._days.pop(key, None)
        if found is None:
            found = Hashes()
            text = statement("hashes", table=table, key=key_of(table, "t"))
            found.add(cursor.execute(text, {"day": day}).fetchnumpy()["hash"])
        # The days last asked for are the last to go.
        self._days[key] = found
        return found


class Known:
    """What a loader need not ask the file for again: keys, and when boots began."""

    def __init__(self) -> None:
        self.keys = Keys()
        self._boots: dict[Boot, Began] = {}

    def first(self, cursor: DuckDBPyConnection, batches: Sequence[Batch]) -> Any:
        """Return when the boot of each batch began, as first accepted; write down what is news.

        `fed_batches` is registered.
        """
        told = _told(batches)
        if not told.keys() <= self._boots.keys():
            for *key, first_at, believed_at in cursor.execute(statement("boots")).fetchall():
                self._boots[key[0], key[1], key[2]] = Began(first_at, believed_at)
        new = {key: began for key, began in told.items() if key not in self._boots}
        moved = {
            key: Began(self._boots[key].first_at, began.believed_at)
            for key, began in told.items()
            if key not in new and abs(self._boots[key].believed_at - began.believed_at) > _DRIFT_NS
        }
        for name, boots in (("new_boots", new), ("moved_boots", moved)):
            if boots:
                cursor.register("told_boots", _relation(boots))
                cursor.execute(statement(name)).fetchall()
        self._boots |= new | moved
        return numpy.array([self._boots[_boot(batch)].first_at for batch in batches], numpy.int64)

    def end(self, *, committed: bool) -> None:
        """Keep what was told since the last time, or forget it: it did not come to be."""
        if committed:
            self.keys.commit()
        else:
            self.keys.roll_back()
        if not committed or len(self._boots) > _MOST_BOOTS:
            self._boots.clear()


def last_of(hashes: Any, numbers: Any, keys: Sequence[Any]) -> Any:
    """Return which rows are the last of their key: of the highest number, then the last in place.

    Rows of one key have one hash; `keys` tells those apart that share it by chance.
    """
    kept = numpy.ones(len(hashes), numpy.bool_)
    ordered = numpy.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        return kept
    order = numpy.lexsort((numbers, hashes))
    followed = numpy.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    rows, others = order[followed], order[followed + 1]
    same = numpy.ones(len(rows), numpy.bool_)
    for values in keys:
        same &= (values[rows] == values[others]).astype(numpy.bool_)
    kept[rows[same]] = False
    return kept


def key_of(table: str, alias: str) -> str:
    """Return the key columns of a table below (tenant, device) as SQL."""
    return ", ".join(f'{alias}."{column}"' for column in SHAPES[table].key)


def _told(batches: Sequence[Batch]) -> dict[Boot, Began]:
    """Return when each boot began by the oldest and by the newest of its batches."""
    out: dict[Boot, Began] = {}
    for batch in sorted(batches, key=lambda one: one.number):
        at = batch.wall_ns - batch.boottime_ns
        first = out.get(_boot(batch))
        out[_boot(batch)] = Began(first.first_at if first else at, at)
    return out


def _relation(boots: Mapping[Boot, Began]) -> dict[str, Any]:
    texts = {
        name: numpy.array([key[place] for key in boots], dtype=object)
        for place, name in enumerate(("tenant", "device", "boot"))
    }
    return texts | {
        "first_at": numpy.array([began.first_at for began in boots.values()], numpy.int64),
        "believed_at": numpy.array([began.believed_at for began in boots.values()], numpy.int64),
    }


def _boot(batch: Batch) -> Boot:
    return batch.tenant, batch.device, batch.boot
