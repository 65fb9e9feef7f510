"""Whatever a batch's columns hold, its rows are kept whole or refused, and nothing is raised."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import unpacking
from ingest.inflate import plain
from ingest.store.base import Table
from ptywrap import wire
from tests import build
from tests.ingest import packed
from tests.ingest.batches import DAY_NS

_ROWS = 3
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63) + 1, (1 << 63) - 1)
    | st.text(max_size=4)
    | st.sampled_from([build.SESSION, b"", "x" * 5000])
    | st.lists(st.text(max_size=3), max_size=3)
)
_KNOWN: st.SearchStrategy[list[bytes]] = st.just([]) | st.binary(min_size=1, max_size=1).map(
    lambda bits: [bits]
)
_WIDTHS = st.sampled_from([1, 2, 4, 8])


@st.composite
def _columns(draw: st.DrawFn) -> list[Any]:
    """Draw a column that is whole in itself, whatever it holds."""
    kind = draw(st.sampled_from("ncod"))
    width = draw(_WIDTHS)
    if kind == "c":
        return ["c", draw(_VALUES)]
    if kind == "d":
        values = draw(st.lists(_VALUES, min_size=1, max_size=4))
        indexes = draw(st.lists(st.integers(0, len(values) - 1), min_size=_ROWS, max_size=_ROWS))
        return ["d", values, 1, bytes(indexes)]
    size = width * (_ROWS if kind == "n" else _ROWS - 1)
    numbers = [width, draw(st.binary(min_size=size, max_size=size)), *draw(_KNOWN)]
    return ["n", *numbers] if kind == "n" else ["o", draw(st.integers(0, 9)), *numbers]


@given(
    table=st.sampled_from(sorted(wire.COLUMNS)),
    columns=st.lists(_columns(), min_size=80, max_size=80),
    skew=st.sampled_from([0, 5, 400 * DAY_NS]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_column_holds_it_is_kept_whole_or_refused(
    table: str, columns: list[list[Any]], skew: int
) -> None:
    entry = packed.an_entry(7, build.a_loss(), sent_at=packed.RECEIVED - skew)
    raw = msgspec.msgpack.decode(plain(entry.body, entry.encoding))
    cols = dict(zip(wire.COLUMNS[table], columns, strict=False))
    raw["tables"] = {table: {"n": _ROWS, "cols": cols}}
    try:
        found = unpacking.unpacked(wire.unpack(msgspec.msgpack.encode(raw)), entry)
    except wire.Unreadable:
        return
    sizes = {
        len(list(values)) == one.rows
        for one in found.batch.tables.values()
        for values in one.columns.values()
    }
    assert sizes <= {True}
    kept = found.batch.tables.get(table, Table(0, {})).rows
    assert found.rejected == _ROWS - kept or table == "losses"
