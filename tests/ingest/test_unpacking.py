"""Batches as they travelled become rows: checked by whole columns, their clock corrected."""

from typing import Any

import msgspec
import pytest

from ingest import unpacking
from ingest.entries import Entry
from ingest.inflate import plain
from ingest.store.base import Row, Table
from ingest.store.tables import tables
from ingest.unpacking import Unpacked
from ptywrap import wire
from tests import build
from tests.ingest import packed
from tests.ingest.batches import DAY_NS, a_command

LEADING_FACTS = (
    build.a_session(),
    a_command(1, daemons=[wire.Daemon(name="docker", shared=True)]),
    a_command(2, context=wire.Context(wrappers=["time", "nice"], targeted=False, major_faults=3)),
    a_command(3, repo=None, template=None, download=wire.Download(active_ns=5)),
    build.a_process(),
    build.a_process(pid=9, name=None, argv=None, exit_status=None, argv_cut=True),
    build.a_flow(),
    build.a_loss(),
    build.a_host(),
    wire.Sample(session=build.SESSION, command=a_command(1).id, at=build.AT, class_="cpu"),
    wire.Project(repo="example.org/ada/engine", alias="example.org/eve/engine"),
)


def _unpacked(entry: Entry, boot_at: int | None = None) -> Unpacked:
    return unpacking.unpacked(wire.unpack(plain(entry.body, entry.encoding)), entry, boot_at)


def _with(entry: Entry, change: Any) -> Entry:
    """Return an entry whose batch was changed as a hostile client may."""
    raw = msgspec.msgpack.decode(plain(entry.body, entry.encoding))
    change(raw)
    return entry._replace(body=msgspec.msgpack.encode(raw), encoding="")


def _rows(table: Table) -> list[Row]:
    """Return the rows in an order of their own: a batch may put them in another than they came."""
    names = sorted(table.columns)
    columns = [list(table.columns[name]) for name in names]
    rows = [zip(names, values, strict=True) for values in zip(*columns, strict=True)]
    return sorted(
        ({name: value for name, value in row if value is not None} for row in rows), key=str
    )


def _told(found: Unpacked, sensor: str) -> list[tuple[int | None, str]]:
    """Return what the losses of one sensor say."""
    losses = found.batch.tables.get("losses", Table(0, {}))
    return [(row.get("missed"), row["reason"]) for row in _rows(losses) if row["sensor"] == sensor]


def _starts(found: Unpacked) -> list[int]:
    return list(found.batch.tables["commands"].columns["started_at"])


def test_columns_hold_what_the_facts_row_by_row_would() -> None:
    found = _unpacked(packed.an_entry(7, *LEADING_FACTS)).batch.tables
    expected, _ = tables(LEADING_FACTS)
    assert {name: _rows(table) for name, table in found.items()} == {
        name: _rows(table) for name, table in expected.items()
    }


def test_a_batch_carries_who_sent_it_and_when() -> None:
    entry = packed.an_entry(7, build.a_loss(), sent_at=packed.RECEIVED - 5)
    batch = _unpacked(entry).batch
    assert (batch.id, batch.number, batch.tenant, batch.person, batch.team, batch.skew_ns) == (
        entry.id, 7, packed.TENANT, packed.PERSON, packed.TEAM, 5,
    )  # fmt: skip


def test_the_second_half_of_a_batch_has_the_number_of_its_segment() -> None:
    assert unpacking.number(f"{packed.named(12)}.1") == 12


@pytest.mark.parametrize("name", ["7", f"x-{build.DEVICE}", f"{packed.named(7, 'e' * 32)}", ""])
def test_a_batch_with_a_foreign_id_is_refused(name: str) -> None:
    entry = _with(packed.an_entry(7, build.a_loss()), lambda raw: raw.update(batch=name))
    with pytest.raises(wire.Unreadable, match="batch: no id"):
        _unpacked(entry._replace(id=name))


def test_a_batch_of_another_device_than_the_tokens_is_refused() -> None:
    entry = packed.an_entry(7, build.a_loss())._replace(device="e" * 32)
    with pytest.raises(wire.Unreadable, match="device: not the one"):
        _unpacked(entry)


def test_a_row_without_its_key_is_refused_alone_and_told() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["processes"]["cols"]["session"] = ["d", [build.SESSION, None], 1, b"\0\1"]

    entry = packed.an_entry(7, build.a_process(pid=1), build.a_process(pid=2))
    found = _unpacked(_with(entry, change))
    kept = list(found.batch.tables["processes"].columns["pid"])
    assert (kept, found.rejected, _told(found, "service.rows")[0][0]) == ([1], 1, 1)


def test_a_table_without_a_key_column_is_refused_row_by_row() -> None:
    def change(raw: dict[str, Any]) -> None:
        del raw["tables"]["processes"]["cols"]["pid"]

    entry = packed.an_entry(7, build.a_loss(), build.a_process(pid=1), build.a_process(pid=2))
    found = _unpacked(_with(entry, change))
    assert (found.rejected, "processes" in found.batch.tables) == (2, False)


def test_a_value_of_another_kind_costs_its_row() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["processes"]["cols"]["name"] = ["d", ["make", 5], 1, b"\0\1"]

    entry = packed.an_entry(7, build.a_process(pid=1), build.a_process(pid=2))
    found = _unpacked(_with(entry, change))
    assert (found.rejected, list(found.batch.tables["processes"].columns["name"])) == (1, ["make"])


@pytest.mark.parametrize(
    ("column", "raw_column"),
    [
        ("name", ["n", 1, b"\1\2"]),
        ("pid", ["d", ["one", "two"], 1, b"\0\1"]),
        ("argv_cut", ["o", 0, 1, b"\1"]),
        ("session", ["c", "text"]),
    ],
)
def test_a_column_of_another_kind_refuses_the_batch_by_its_name(
    column: str, raw_column: list[Any]
) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["processes"]["cols"][column] = raw_column

    entry = packed.an_entry(7, build.a_process(pid=1), build.a_process(pid=2))
    with pytest.raises(wire.Unreadable, match=f"tables.processes.{column}"):
        _unpacked(_with(entry, change))


def test_an_unknown_table_is_a_loss_of_its_rows() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["gpus"] = raw["tables"].pop("losses")

    found = _unpacked(_with(packed.an_entry(7, build.a_loss()), change))
    assert (found.unknown, _told(found, "service.unknown")) == (
        ("gpus",),
        [(1, "not known here: gpus")],
    )


def test_an_unknown_column_is_a_loss_and_the_rest_is_kept() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["processes"]["cols"]["mood"] = ["c", "good"]

    found = _unpacked(_with(packed.an_entry(7, build.a_process()), change))
    assert (found.unknown, found.batch.tables["processes"].rows) == (("processes.mood",), 1)


def test_long_texts_are_cut_marked_and_counted() -> None:
    line = "é" * 4000
    argv = ["cc", "x" * 5000, "-o"]
    found = _unpacked(
        packed.an_entry(7, a_command(1, line=line), a_command(2), build.a_process(argv=argv))
    )
    commands, processes = found.batch.tables["commands"], found.batch.tables["processes"]
    assert (
        list(commands.columns["line"]),
        list(commands.columns["line_cut"]),
        list(processes.columns["argv"]),
        list(processes.columns["argv_cut"]),
        _told(found, "service.texts")[0][0],
    ) == (["é" * 2048, "make test"], [True, False], [["cc", "x" * 4092]], [True], 2)


def test_a_mark_of_the_laptop_stays_beside_ours() -> None:
    told = (a_command(1, line="x" * 5000), a_command(2, line="y", line_cut=True), a_command(3))
    commands = _unpacked(packed.an_entry(7, *told)).batch.tables["commands"]
    assert list(commands.columns["line_cut"]) == [True, True, False]


def test_a_moment_over_400_days_away_costs_its_row() -> None:
    far = a_command(1, started_at=packed.RECEIVED - 401 * DAY_NS)
    near = a_command(2, started_at=packed.RECEIVED - 399 * DAY_NS)
    found = _unpacked(packed.an_entry(7, far, near))
    assert (found.rejected, _starts(found)) == (1, [near.started_at])


def test_a_clock_that_is_a_minute_off_is_let_be() -> None:
    entry = packed.an_entry(7, a_command(1), sent_at=packed.RECEIVED - 60_000_000_000)
    assert _starts(_unpacked(entry)) == [a_command(1).started_at]


@pytest.mark.parametrize("days", [-3, 400, -20_000])
def test_a_clock_that_was_wrong_at_sending_too_is_corrected_by_that(days: int) -> None:
    off = days * DAY_NS
    told = a_command(1, started_at=build.AT + off)
    sent_at = packed.RECEIVED + off
    entry = packed.an_entry(7, told, wall_ns=build.AT + off, sent_at=sent_at)
    found = _unpacked(entry)
    assert (_starts(found), found.rejected, found.batch.wall_ns) == ([build.AT], 0, build.AT)


def test_a_correction_is_told_as_a_loss() -> None:
    off = 400 * DAY_NS
    entry = packed.an_entry(7, a_command(1), wall_ns=build.AT + off, sent_at=packed.RECEIVED + off)
    assert _told(_unpacked(entry), "service.clock") == [(None, "clock corrected by -34560000 s")]


def test_a_clock_that_was_put_right_before_the_sending_is_corrected_by_its_boot() -> None:
    wrong = 1_000_000_000
    told = a_command(1, started_at=wrong + 5)
    entry = packed.an_entry(7, told, wall_ns=wrong, sent_at=packed.RECEIVED)
    found = _unpacked(entry, boot_at=build.AT - 6_000_000_000)
    assert (_starts(found), found.batch.wall_ns) == ([build.AT + 5], build.AT)


def test_a_clock_that_nobody_puts_right_is_taken_for_that_of_the_arrival() -> None:
    told = a_command(1, started_at=1_000_000_005)
    entry = packed.an_entry(7, told, wall_ns=1_000_000_000, sent_at=packed.RECEIVED)
    assert _starts(_unpacked(entry)) == [packed.RECEIVED + 5]


def test_a_moment_that_was_told_right_under_a_wrong_header_stays() -> None:
    entry = packed.an_entry(7, a_command(1), wall_ns=1_000_000_000, sent_at=packed.RECEIVED)
    assert _starts(_unpacked(entry)) == [a_command(1).started_at]


def test_a_batch_thirty_days_late_keeps_its_times() -> None:
    late = packed.RECEIVED + 30 * DAY_NS
    found = _unpacked(packed.an_entry(7, a_command(1), received_at=late, sent_at=late - 9))
    assert (_starts(found), found.rejected) == ([a_command(1).started_at], 0)


def test_what_is_examined_is_what_is_refused() -> None:
    entry = packed.an_entry(7, a_command(1, started_at=5), a_command(2))
    batch = wire.unpack(plain(entry.body, entry.encoding))
    assert unpacking.examined(batch, entry).rejected == _unpacked(entry).rejected == 1


def test_a_moment_that_is_unknown_in_all_rows_refuses_none() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["tables"]["processes"]["cols"]["started_at"] = ["c", None]

    found = _unpacked(_with(packed.an_entry(7, build.a_process()), change))
    assert (found.rejected, found.batch.tables["processes"].rows) == (0, 1)
