"""A segment's bytes become a batch, whatever happened to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import segments
from ingest.store.base import Batch
from ptywrap import wire
from tests import build
from tests.ingest.batches import a_command

WRITTEN_AT = build.AT + 7


def _bytes(*facts: wire.Fact, header: wire.Segment | None = None) -> bytes:
    rows = [wire.encode(fact) for fact in (header or build.a_segment(), *facts)]
    return b"".join(wire.frame(seq, row) for seq, row in enumerate(rows))


def _read(data: bytes, facts: int | None = 2) -> Batch:
    named = segments.Name(3, "000000000003-abcdefabcdef", facts)
    return segments.read(named, data, build.DEVICE, WRITTEN_AT).batch


def _missed(batch: Batch) -> int | None:
    losses = batch.tables.get("losses")
    return next(iter(losses.columns["missed"])) if losses else None


@pytest.mark.parametrize(
    ("file_name", "read"),
    [
        ("000000000012-0123456789ab.n7.seg", (12, "000000000012-0123456789ab", 7)),
        ("000000000012-0123456789ab.open", (12, "000000000012-0123456789ab", None)),
        ("000000000012-0123456789ab.seg", None),
        ("000000000012-0123456789ab.n7.seg.rejected", None),
        ("000000000012-0123456789ab.nx.seg", None),
        ("counter", None),
        ("x-0123456789ab.n7.seg", None),
        ("٣-0123456789ab.n7.seg", None),
        ("", None),
    ],
)
def test_a_file_name_tells_number_stem_and_facts(
    file_name: str, read: tuple[int, str, int | None] | None
) -> None:
    assert segments.name(file_name) == read


def test_a_batch_has_the_segments_clocks_and_number() -> None:
    batch = _read(_bytes(a_command(1), build.a_process()))
    assert (batch.id, batch.number, batch.boot, batch.wall_ns, batch.boottime_ns) == (
        f"000000000003-abcdefabcdef-{build.DEVICE}",
        3,
        build.BOOT,
        build.AT,
        6_000_000_000,
    )


def test_a_whole_segment_has_no_loss() -> None:
    batch = _read(_bytes(a_command(1), build.a_process()))
    assert {name: table.rows for name, table in batch.tables.items()} == {
        "commands": 1,
        "other_reasons": 1,
        "processes": 1,
    }


def test_a_damaged_fact_is_counted_and_the_others_are_read() -> None:
    data = bytearray(_bytes(a_command(1), build.a_process()))
    data[-9] ^= 1
    batch = _read(bytes(data))
    assert ("processes" in batch.tables, _missed(batch), batch.tables["commands"].rows) == (
        False,
        1,
        1,
    )


def test_a_fact_of_a_kind_nobody_knows_is_counted() -> None:
    row = b"\x82\xa4fact\xa5dream\xa2id\x01"
    batch = _read(_bytes(a_command(1)) + wire.frame(2, row))
    assert (_missed(batch), batch.tables["commands"].rows) == (1, 1)


def test_a_number_no_column_can_hold_takes_its_own_row_only() -> None:
    batch = _read(_bytes(a_command(1), build.a_process(read_bytes=1 << 63)))
    assert (_missed(batch), batch.tables["commands"].rows, "processes" in batch.tables) == (
        1,
        1,
        False,
    )


def test_without_its_header_a_segment_is_of_the_device_whose_folder_it_is_in() -> None:
    data = bytearray(_bytes(a_command(1)))
    data[30] ^= 1
    batch = _read(bytes(data), 1)
    assert (batch.device, batch.boot, batch.wall_ns, batch.tables["commands"].rows) == (
        build.DEVICE,
        "",
        WRITTEN_AT,
        1,
    )


def test_a_segment_of_a_newer_version_is_counted_and_kept_for_later() -> None:
    data = _bytes(a_command(1), header=build.a_segment(version=wire.VERSION + 1))
    reading = segments.read(segments.Name(3, "stem", 9), data, build.DEVICE, WRITTEN_AT)
    assert (reading.readable, _missed(reading.batch), [*reading.batch.tables]) == (
        False,
        9,
        ["losses"],
    )


def test_a_newer_versions_loss_does_not_take_the_segments_own_id() -> None:
    data = _bytes(a_command(1), header=build.a_segment(version=wire.VERSION + 1))
    assert _read(data).id != _read(_bytes(a_command(1))).id


@given(data=st.binary(max_size=200))
def test_no_bytes_are_an_error(data: bytes) -> None:
    assert _missed(_read(data, 4)) == 4


@given(st.data())
def test_a_cut_loses_only_what_is_cut(data: st.DataObject) -> None:
    facts = [a_command(mark) for mark in range(4)]
    whole = _bytes(*facts)
    end = data.draw(st.integers(0, len(whole)))
    batch = _read(whole[:end], 4)
    commands = batch.tables.get("commands")
    assert (commands.rows if commands else 0) + (_missed(batch) or 0) == 4


def test_what_remains_without_some_facts_is_a_whole_segment() -> None:
    data = _bytes(a_command(1), build.a_process(), a_command(2))
    rest = segments.without(data, lambda fact: fact == a_command(1))
    assert rest is not None
    assert (rest.facts, list(segments.facts(rest.data)), _missed(_read(rest.data))) == (
        2,
        [build.a_process(), a_command(2)],
        None,
    )


def test_where_nothing_goes_a_segment_stays_byte_for_byte() -> None:
    data = _bytes(a_command(1), build.a_process())
    rest = segments.without(data, lambda _: False)
    assert rest is not None
    assert rest.data == data


def test_what_cannot_be_read_goes_too() -> None:
    secret = b"\x82\xa4fact\xa5dream\xa2id\x01"
    rest = segments.without(_bytes(a_command(1)) + wire.frame(2, secret), lambda _: False)
    assert rest is not None
    assert b"dream" not in rest.data


def test_where_everything_goes_nothing_remains() -> None:
    assert segments.without(_bytes(a_command(1)), lambda _: True) is None
