"""The rows that say when boots began, sent first, and which batches are there, sent last."""

from collections.abc import Iterator, Mapping, Sequence

from ingest.store.clickhouse_columns import Columns, whole
from ingest.store.clickhouse_load import (
    Block,
    Boot,
    Item,
    block,
    clocks,
    each,
    keys,
    parts,
    received,
    texts,
)
from ingest.store.clickhouse_native import Column, Numbers

_DIGEST_BYTES = 32


def marks(items: Sequence[Item]) -> Iterator[Block]:
    """Yield the blocks of `batches` that say all else of these batches is there."""
    batches = [item.batch for item in items]
    days = clocks([received(item) for item in items])
    bounds = [_bounds(item) for item in items]
    columns: dict[str, Column] = {
        "day": Numbers(days),
        **texts(batches, ("tenant", "device", "id")),
        "digest": each([_digest(batch.digest) for batch in batches]),
        "rows": whole([item.rows for item in items]),
        "commands": whole([_ended(item) for item in items]),
        "processes": whole([_processes(item) for item in items]),
        "first_at": whole([first for first, _ in bounds]),
        "last_at": whole([last for _, last in bounds]),
        "received_at": whole([batch.received_at for batch in batches]),
        "skew_ns": whole([batch.skew_ns for batch in batches]),
        "version": whole([max(batch.number, 0) for batch in batches]),
    }
    yield from parts("batches", Columns(len(batches), columns), days, keys(items))


def boots(told: Mapping[Boot, tuple[int, int, int]]) -> Block:
    """Return the block of boots: when each began as first accepted and as now believed, version."""
    values = list(told.values())
    columns: dict[str, Column] = {
        name: each([key[place].encode() for key in told])
        for place, name in enumerate(("tenant", "device", "boot"))
    }
    for place, name in enumerate(("first_at", "believed_at", "version")):
        columns[name] = whole([value[place] for value in values])
    return block("boots", Columns(len(told), columns))


def _ended(item: Item) -> int:
    """Return how many commands a batch ends, for each is told when it begins as well."""
    commands = item.columns.get("commands")
    told = commands.columns.get("wall_ns") if commands else None
    if not isinstance(told, Numbers):
        return 0
    return len(told.values) - (0 if told.unknown is None else int(told.unknown.sum()))


def _processes(item: Item) -> int:
    return item.columns["processes"].rows if "processes" in item.columns else 0


def _digest(digest: bytes) -> bytes:
    return digest[:_DIGEST_BYTES].ljust(_DIGEST_BYTES, b"\0")


def _bounds(item: Item) -> tuple[int | None, int | None]:
    commands = item.columns.get("commands")
    said = commands.columns.get("started_at") if commands else None
    if not isinstance(said, Numbers):
        return None, None
    known = said.values if said.unknown is None else said.values[~said.unknown]
    return (int(known.min()), int(known.max())) if len(known) else (None, None)
