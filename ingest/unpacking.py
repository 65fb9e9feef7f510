"""A batch as it travelled into one of the store: checked by whole columns, its clock corrected.

The front calls `examined` to answer how many rows are refused, the store process `unpacked` to load
the rest: what one promises the other does.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from ingest import decoding
from ingest.entries import Entry
from ingest.store.arrays import Ints, Values, Words
from ingest.store.base import Batch, Table
from ingest.store.tables import tables
from ptywrap import wire

AGE_NS = 400 * 86_400_000_000_000
"""How far from its arrival a moment may lie, to either side."""

_SKEW_NS = 120_000_000_000
_UNKNOWN = wire.Packed("c")
_NAMED = 8


class Clock(NamedTuple):
    """When the boot of a batch is believed to have begun, ns since the epoch, and how we know.

    `told`: its own clock, the sending or a later batch of the boot says so; else only the arrival.
    """

    boot_at: int
    shift_ns: int
    told: bool


class Examined(NamedTuple):
    """What is wrong with a batch: the rows that are refused, by table, and what is not known."""

    clock: Clock
    bounds: tuple[int, int]
    bad: Mapping[str, Any]
    rejected: int
    unknown: tuple[str, ...]
    unknown_rows: int


class Unpacked(NamedTuple):
    """A batch ready for the store, its losses among its rows, and how many rows were refused."""

    batch: Batch
    rejected: int
    unknown: tuple[str, ...]


def unpacked(batch: wire.Batch, entry: Entry, boot_at: int | None = None) -> Unpacked:
    """Return the rows of a batch that can be kept; Unreadable says what is wrong with all of it.

    `boot_at` is when the newest batch of the same boot says that it began.
    """
    found = examined(batch, entry, boot_at)
    held, cut = _tables(batch, found)
    missed = _losses(batch, entry, found, cut)
    if missed:
        held["losses"] = _with(held.get("losses"), missed)
    wall_ns = batch.clocks.wall_ns + found.clock.shift_ns
    unpacked_batch = Batch(
        id=batch.id,
        device=entry.device,
        boot=batch.boot,
        number=number(batch.id),
        wall_ns=wall_ns,
        boottime_ns=batch.clocks.boottime_ns,
        tables=held,
        digest=entry.digest,
        received_at=entry.received_at,
        skew_ns=skew_ns(entry),
        tenant=entry.tenant,
        person=entry.person,
        team=entry.team,
    )
    return Unpacked(unpacked_batch, found.rejected, found.unknown)


def examined(batch: wire.Batch, entry: Entry, boot_at: int | None = None) -> Examined:
    """Return what is wrong with a batch; Unreadable where that is all of it."""
    _check_name(batch, entry)
    clock = clock_of(batch, entry, boot_at)
    bounds = (entry.received_at - AGE_NS, entry.received_at + AGE_NS)
    bad: dict[str, Any] = {}
    unknown: list[str] = []
    unknown_rows = 0
    for name, table in batch.tables.items():
        specs = decoding.SPECS.get(name)
        if specs is None:
            unknown.append(name)
            unknown_rows += table.rows
            continue
        unknown += [
            f"{name}.{column}"
            for column in table.columns
            if column not in specs and not decoding.passed_over(name, column)
        ]
        rows = _bad(name, table, clock.shift_ns, bounds)
        if rows is not None:
            bad[name] = rows
    rejected = sum(int(rows.sum()) for rows in bad.values())
    return Examined(clock, bounds, bad, rejected, tuple(unknown), unknown_rows)


def clock_of(batch: wire.Batch, entry: Entry, boot_at: int | None = None) -> Clock:
    """Return when the boot of a batch began, by what knows it best (storage.md 3.7).

    A later batch of the boot, the clock of the sending where that was over two minutes off, the
    batch's own clock: the first that says what can be. Else it was the moment of the arrival.
    """
    wall_ns = batch.clocks.wall_ns
    own = wall_ns - batch.clocks.boottime_ns
    skew = skew_ns(entry)
    shifts = [skew if abs(skew) > _SKEW_NS else 0, 0]
    if boot_at is not None and abs(boot_at - own - shifts[0]) > _SKEW_NS:
        shifts.insert(0, boot_at - own)
    first, last = entry.received_at - AGE_NS, entry.received_at + _SKEW_NS
    for shift in shifts:
        if first <= wall_ns + shift <= last:
            return Clock(own + shift, shift, told=True)
    shift = entry.received_at - wall_ns
    return Clock(own + shift, shift, told=False)


def skew_ns(entry: Entry) -> int:
    """Return the arrival of a batch minus its sending, 0 where that was not told."""
    return entry.received_at - entry.sent_at if entry.sent_at else 0


def number(batch: str) -> int:
    """Return the number of a segment from its batch's id."""
    return int(batch.partition("-")[0])


def _check_name(batch: wire.Batch, entry: Entry) -> None:
    """Refuse an id of another device, or that is not the one it was announced with."""
    digits = batch.id.partition("-")[0]
    stem = batch.id
    while stem[-2:] in (".0", ".1"):
        stem = stem[:-2]
    if batch.device != entry.device:
        raise wire.Unreadable("device: not the one the token belongs to")
    if batch.id != entry.id:
        raise wire.Unreadable("batch: not the Idempotency-Key")
    numbered = digits.isascii() and digits.isdecimal() and len(digits) <= 18
    if not numbered or not stem.endswith(f"-{entry.device}"):
        raise wire.Unreadable("batch: no id of a segment of this device")


def _bad(name: str, table: wire.Table, shift_ns: int, bounds: tuple[int, int]) -> Any:
    """Return the rows of a table that cannot be kept, None where all can."""
    specs = decoding.SPECS[name]
    for column in decoding.KEYS[name]:
        if column not in table.columns:
            return numpy.ones(table.rows, numpy.bool_)
    bad = None
    for column, packed in table.columns.items():
        spec = specs.get(column)
        if spec is None:
            continue
        rows = decoding.odd(packed, table.rows, spec, f"tables.{name}.{column}")
        bad = _or(bad, rows)
        if spec.own:
            moments = decoding.moved(packed, table.rows, shift_ns, bounds)
            bad = _or(bad, decoding.outside(moments, bounds))
    return bad if bad is not None and bad.any() else None


def _or(bad: Any, more: Any) -> Any:
    if more is None:
        return bad
    return more if bad is None else bad | more


def _tables(batch: wire.Batch, found: Examined) -> tuple[dict[str, Table], int]:
    """Return the rows that are kept, and how many texts were cut."""
    out: dict[str, Table] = {}
    cut = 0
    for name, table in batch.tables.items():
        specs = decoding.SPECS.get(name)
        if specs is None:
            continue
        columns: dict[str, Values] = {}
        for column, packed in table.columns.items():
            spec = specs.get(column)
            if spec is not None:
                cut += _add(columns, packed, table.rows, (spec, found))
        kept = _kept(Table(table.rows, columns), found.bad.get(name))
        if kept.rows:
            out[name] = _derived(kept) if name == "commands" else kept
    return out, cut


def _add(
    columns: dict[str, Values], packed: wire.Packed, rows: int, what: tuple[decoding.Spec, Examined]
) -> int:
    """Add a column, and mark what is cut in it; return how many rows that were."""
    spec, found = what
    if spec.moment and packed != _UNKNOWN:
        columns[spec.name] = decoding.moved(packed, rows, found.clock.shift_ns, found.bounds)
        return 0
    values, cut = decoding.decoded(packed, rows, spec)
    if values is not None:
        columns[spec.name] = _either(columns.get(spec.name), values)
    if cut is None:
        return 0
    if spec.name in ("line", "argv"):
        mark = f"{spec.name}_cut"
        columns[mark] = _either(columns.get(mark), Ints(cut))
    return int(cut.sum())


def _either(former: Values | None, values: Values) -> Values:
    """Return a mark of the laptop's and ours as one."""
    if isinstance(former, Ints) and isinstance(values, Ints):
        return Ints(former.values | values.values)
    return values


def _kept(table: Table, bad: Any) -> Table:
    if bad is None:
        return table
    kept = ~bad
    columns: dict[str, Values] = {
        name: values.take(kept)
        for name, values in table.columns.items()
        if isinstance(values, Ints | Words)
    }
    return Table(int(kept.sum()), columns)


def _derived(table: Table) -> Table:
    """Add the columns of commands that are made of others: program and repo_name."""
    columns = dict(table.columns)
    template, repo = columns.get("template"), columns.get("repo")
    if isinstance(template, Words):
        first = [text and text.split(" ", 1)[0] for text in template.distinct]
        columns["program"] = Words(first, template.indexes)
    if isinstance(repo, Words):
        last = [text and text.rstrip("/").rsplit("/", 1)[-1] for text in repo.distinct]
        columns["repo_name"] = Words(last, repo.indexes)
    return Table(table.rows, columns)


def _losses(batch: wire.Batch, entry: Entry, found: Examined, cut: int) -> list[wire.Loss]:
    """Return what was not kept as it came, as facts of the boot's host session."""
    names = ", ".join(found.unknown[:_NAMED])
    told = [
        ("service.rows", found.rejected, "refused: a key, a value or a moment that cannot be"),
        ("service.unknown", found.unknown_rows, f"not known here: {names}"),
        ("service.texts", cut, f"texts cut at {wire.TEXT_LIMIT} bytes"),
        ("service.clock", None, f"clock corrected by {found.clock.shift_ns // 10**9} s"),
    ]
    happened = (found.rejected, len(found.unknown), cut, found.clock.shift_ns)
    at = batch.clocks.wall_ns + found.clock.shift_ns
    session = wire.host_session(entry.device, batch.boot)
    return [
        wire.Loss(session=session, sensor=sensor, since=at, until=at, missed=missed, reason=reason)
        for (sensor, missed, reason), real in zip(told, happened, strict=True)
        if real
    ]


def _with(former: Table | None, losses: list[wire.Loss]) -> Table:
    """Return a table of losses with more of them behind it, as plain columns."""
    added = tables(losses)[0]["losses"]
    if former is None:
        return added
    rows = former.rows + added.rows
    nothing = {former.rows: [None] * former.rows, added.rows: [None] * added.rows}
    return Table(
        rows,
        {
            name: [
                *former.columns.get(name, nothing[former.rows]),
                *added.columns.get(name, nothing[added.rows]),
            ]
            for name in {**former.columns, **added.columns}
        },
    )
