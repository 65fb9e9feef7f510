"""The journal's entries: what goes in comes out, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import entries
from ingest.entries import Entry
from ptywrap import wire

BATCH = Entry("batch", "t", "d" * 32, "p", "team", "id", b"\1" * 32, 5, 0, "zstd", b"body")


def test_an_entry_comes_back_as_it_was() -> None:
    assert entries.entry(entries.packed(BATCH)) == BATCH


def test_an_entry_is_an_array_of_eleven() -> None:
    assert entries.packed(BATCH)[:7] == b"\x9b\xa5batch"


@given(st.binary(max_size=200))
def test_any_other_bytes_are_unreadable_and_nothing_worse(payload: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        entries.entry(payload)


@given(st.integers(0, len(entries.packed(BATCH)) - 1))
def test_a_cut_entry_is_unreadable(end: int) -> None:
    with pytest.raises(wire.Unreadable):
        entries.entry(entries.packed(BATCH)[:end])
