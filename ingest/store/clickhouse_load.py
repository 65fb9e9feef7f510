"""Batches as blocks for ClickHouse: one table, one month and at most 200,000 rows each, in order.

An insert of one block into one partition makes one part: it is there whole or not at all. The rows
of `batches` come last and are the mark: what has none is sent again, which replaces like by like.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from ingest.store import clickhouse_native as native
from ingest.store.base import Batch
from ingest.store.clickhouse_columns import Columns, joined, repeated
from ingest.store.clickhouse_native import Column, Numbers, Texts
from ingest.store.clickhouse_schema import SKETCHES, touching
from ingest.store.tables import CHILDREN, SHAPES

BLOCK_ROWS = 200_000
# Commands behind all that is of them, and before the mark.
ORDER = (
    *(name for name in SHAPES if name not in ("processes", "flows", "samples", "commands")),
    *("processes", "flows", "samples"),
    *CHILDREN,
    "commands",
)
# What is rolled up by day of which tables, beside the batches themselves: a flow has the template
# of its command.
ROLLED = {"commands": ("commands", "flows"), "flows": ("flows",)}
_DAY_NS = 86_400_000_000_000
_TICK_NS = 10_000_000
_MOST_TICKS = 1 << 39
# A moment beyond these would overflow a sum with a clock: about the years 1824 and 2116.
_MOMENT_MOST = 1 << 62
# What a Date of 18.16 can hold; its day 0 is no day.
_FIRST_DAY, _LAST_DAY = 1, 49_672
_MOST = (1 << 63) - 1
_MIXER = numpy.uint64(0x9E37_79B9_7F4A_7C15)
Boot = tuple[str, str, str]
Mark = tuple[str, str, str]


class Item(NamedTuple):
    """A batch whose columns have been checked; its tables are in `columns` alone."""

    batch: Batch
    columns: Mapping[str, Columns]

    @property
    def key(self) -> Mark:
        """Name the batch among those of all devices."""
        return self.batch.tenant, self.batch.device, self.batch.id

    @property
    def boot(self) -> Boot:
        """Name the boot it was made under."""
        return self.batch.tenant, self.batch.device, self.batch.boot

    @property
    def booted_at(self) -> int:
        """Return when that boot began by this batch's clocks."""
        return max(-_MOST, min(self.batch.wall_ns - self.batch.boottime_ns, _MOST))

    @property
    def rows(self) -> int:
        """Return how many rows it holds."""
        return sum(table.rows for table in self.columns.values())


class Block(NamedTuple):
    """What one insert sends, the batches that have rows in it, and its first and last day.

    Without columns `body` is a statement.
    """

    table: str
    columns: tuple[str, ...]
    rows: int
    body: bytes
    batches: tuple[Mark, ...] = ()
    days: tuple[int, int] = (0, 0)


class Group(NamedTuple):
    """Batches of one shard that are sent together, and what is the same in all rows of each."""

    items: Sequence[Item]
    numbers: NDArray[Any]
    walls: NDArray[Any]
    moved: NDArray[Any]
    first_at: NDArray[Any]


def group(items: Sequence[Item], boots: Mapping[Boot, int]) -> Group:
    """Return batches with their clocks; `boots` is when each boot began as first accepted."""
    # A segment without its header is of no boot: then the time is as it was told.
    first_at = [boots[item.boot] if item.batch.boot else item.booted_at for item in items]
    moved = [first - item.booted_at for first, item in zip(first_at, items, strict=True)]
    return Group(
        items,
        clocks([max(item.batch.number, 0) for item in items]),
        clocks([item.batch.wall_ns for item in items]),
        clocks(moved),
        clocks(first_at),
    )


def blocks(gathered: Group) -> Iterator[Block]:
    """Yield the blocks of a group in the order in which they are to be sent, but the marks."""
    touched: set[tuple[str, int]] = set()
    for name in ORDER:
        told = _told(name, gathered)
        if told is None:
            continue
        table, places = told
        days = _days(name, table, places, gathered)
        kept = _last(name, table, places, gathered)
        kept = kept[days[kept] > 0]
        if len(kept) < table.rows:
            table, places, days = table.cut(kept), places[kept], days[kept]
        batches = [item.batch for item in gathered.items]
        leading: dict[str, Column] = {"day": Numbers(days)}
        for field, text in texts(batches, ("tenant", "device", "person", "team", "id")).items():
            leading["batch" if field == "id" else field] = text.cut(places)
        leading["version"] = Numbers(gathered.numbers[places])
        whose = keys(gathered.items)[places]
        yield from parts(name, Columns(table.rows, leading | table.columns), days, whose)
        for kind in ROLLED.get(name, ()):
            touched |= {(kind, day) for day in numpy.unique(days).tolist()}
    touched |= {("batches", received(item)) for item in gathered.items}
    yield Block("touched_days", (), 0, touching(sorted(touched)).encode())


def _told(name: str, gathered: Group) -> tuple[Columns, NDArray[Any]] | None:
    """Return a table of all batches, and for each row the place of its batch."""
    there = [
        (place, item.columns[name])
        for place, item in enumerate(gathered.items)
        if name in item.columns
    ]
    if not there:
        return None
    sizes = [table.rows for _, table in there]
    places = numpy.repeat(numpy.array([place for place, _ in there], dtype=numpy.int64), sizes)
    return joined([table for _, table in there]), places


def _days(name: str, table: Columns, places: NDArray[Any], gathered: Group) -> NDArray[Any]:
    """Return the day of each row: on the boot's first wall clock, not on today's.

    A row of a list has the day of the fact it is of; 0 is that of a row whose fact is not there.
    """
    if name in CHILDREN:
        return _days_of_parents(name, table, places, gathered)
    if "start_ticks" in table.columns:
        ticks = numpy.minimum(_values(table, "start_ticks"), _MOST_TICKS)
        told = gathered.first_at[places] + ticks * _TICK_NS
        return _clamped(told // _DAY_NS)
    told = gathered.walls[places]
    moment = SHAPES[name].moment
    if moment is not None and moment in table.columns:
        said = table.columns[moment]
        assert isinstance(said, Numbers)
        within = (said.values < _MOMENT_MOST) & (said.values > -_MOMENT_MOST)
        if said.unknown is not None:
            within &= ~said.unknown
        told = numpy.where(within, said.values, told)
    return _clamped((told + gathered.moved[places]) // _DAY_NS)


def _days_of_parents(
    name: str, table: Columns, places: NDArray[Any], gathered: Group
) -> NDArray[Any]:
    child = CHILDREN[name]
    told = _told(child.parent, gathered)
    if told is None:
        return numpy.zeros(table.rows, numpy.int64)
    parent, there = told
    days = _days(child.parent, parent, there, gathered).tolist()
    found = dict(zip(_keys(parent, child.parent_key, there), days, strict=True))
    return clocks([found.get(key, 0) for key in _keys(table, child.key, places)])


def _keys(table: Columns, names: Sequence[str], places: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    columns = [_listed(table.columns[name]) for name in names]
    return zip(places.tolist(), *columns, strict=True)


def _last(name: str, table: Columns, places: NDArray[Any], gathered: Group) -> NDArray[Any]:
    """Return the rows that are the last telling of their key within the group, in their order."""
    sketch = SKETCHES[name]
    whose = texts([item.batch for item in gathered.items], ("tenant", "device"))
    codes = [whose[field].indexes[places] for field in ("tenant", "device")]
    for field in sketch.key:
        if field in table.columns:
            column = table.columns[field]
            codes.append(column.indexes if isinstance(column, Texts) else column.values)
    rows = numpy.arange(table.rows)
    mixed = numpy.zeros(table.rows, numpy.uint64)
    for code in codes:
        mixed = (mixed ^ code.astype(numpy.uint64)) * _MIXER
        mixed ^= mixed >> numpy.uint64(29)
    mixed.sort()
    if not (mixed[1:] == mixed[:-1]).any():
        return rows
    order = numpy.lexsort((rows, gathered.numbers[places], *codes))
    ends = numpy.zeros(table.rows, numpy.bool_)
    ends[-1] = True
    for code in codes:
        ends[:-1] |= code[order][1:] != code[order][:-1]
    return numpy.sort(order[ends])


def parts(name: str, table: Columns, days: NDArray[Any], whose: NDArray[Any]) -> Iterator[Block]:
    """Yield the rows of a table month by month; `whose` names the batch of each row."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(numpy.int64)
    for month in numpy.unique(months).tolist():
        rows = numpy.flatnonzero(months == month)
        for start in range(0, len(rows), BLOCK_ROWS):
            part = rows[start : start + BLOCK_ROWS]
            made = block(name, table if len(part) == table.rows else table.cut(part))
            batches = tuple(dict.fromkeys(whose[part].tolist()))
            inside = (int(days[part].min()), int(days[part].max()))
            yield made._replace(batches=batches, days=inside)


def block(name: str, table: Columns) -> Block:
    """Return rows as one block, in the order of the table's columns."""
    types = SKETCHES[name].columns
    names = tuple(column for column in types if column in table.columns)
    sent = [(column, types[column], table.columns[column]) for column in names]
    return Block(name, names, table.rows, native.block(sent, table.rows))


def keys(items: Sequence[Item]) -> NDArray[Any]:
    """Return what names each batch."""
    out = numpy.empty(len(items), dtype=object)
    out[:] = [item.key for item in items]
    return out


def texts(batches: Sequence[Batch], names: Sequence[str]) -> dict[str, Texts]:
    """Return fields of batches by name, one value a batch."""
    return {name: each([getattr(batch, name).encode() for batch in batches]) for name in names}


def each(values: Sequence[bytes | None]) -> Texts:
    """Return one text a row."""
    return repeated(values, [1] * len(values))


def _values(table: Columns, name: str) -> NDArray[Any]:
    column = table.columns[name]
    assert isinstance(column, Numbers)
    return column.values


def _listed(column: Column) -> list[Any]:
    if isinstance(column, Texts):
        return [column.distinct[place] for place in column.indexes.tolist()]
    values: list[Any] = column.values.tolist()
    return values


def clocks(values: Sequence[int]) -> NDArray[Any]:
    """Return moments as 64 bits; those beyond, which no clock says, at the edge."""
    return numpy.array([max(-_MOST, min(value, _MOST)) for value in values], dtype=numpy.int64)


def _clamped(days: NDArray[Any]) -> NDArray[Any]:
    clamped: NDArray[Any] = numpy.clip(days, _FIRST_DAY, _LAST_DAY)
    return clamped


def received(item: Item) -> int:
    """Return the day a batch arrived, as what a date can hold."""
    return max(_FIRST_DAY, min(item.batch.received_at // _DAY_NS, _LAST_DAY))
