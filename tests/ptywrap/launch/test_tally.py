"""`SESSION.pty`: the bytes of each record, and what happens when one cannot be written."""

import os
import resource
import struct
from pathlib import Path

import pytest

from ptywrap import marks
from ptywrap.launch import leader, tally

HEX = "00112233445566778899aabbccddeeff"


def body(record: bytes, kind: int, shape: str) -> tuple[int, ...]:
    """Return the fields of a record of one kind, its head checked."""
    length, found, zero = struct.unpack("<HBB", record[:4])
    assert (length, found, zero) == (len(record) - 4, kind, 0)
    return struct.unpack(shape, record[4:])


def a_tally(folder: Path) -> tally.Tally:
    """Return a tally that writes into the folder."""
    return tally.Tally(os.fsencode(folder), HEX)


def written(folder: Path) -> bytes:
    """Return what the tally has written."""
    return (folder / f"{HEX}.pty").read_bytes()


def test_keys_and_output_carry_their_first_and_last_time() -> None:
    assert body(tally.keys(1, 2, 3), 2, "<QQI") == (1, 2, 3)
    assert body(tally.output(4, 5, 6 << 33), 3, "<QQQ") == (4, 5, 6 << 33)


def test_the_small_records_are_as_agreed() -> None:
    assert body(tally.foreground(1, 77), 4, "<QI") == (1, 77)
    assert body(tally.screen(1, alternate=True), 5, "<QB") == (1, 1)
    assert body(tally.mode(1, canonical=False, echo=True), 6, "<QBB") == (1, 0, 1)
    assert body(tally.size(1, struct.pack("HHHH", 24, 80, 0, 0)), 7, "<QHH") == (1, 24, 80)
    assert body(tally.suspend(1), 8, "<Q") == (1,)
    assert body(tally.resume(1), 9, "<Q") == (1,)
    assert body(tally.end(1, 2, -1), 12, "<QQi") == (1, 2, -1)
    assert body(tally.lost(1, tally.NOT_HELD, 3), 13, "<QBI") == (1, 2, 3)


def test_a_number_too_large_for_its_field_is_the_largest() -> None:
    assert body(tally.keys(1, 2, 1 << 40), 2, "<QQI") == (1, 2, 0xFFFFFFFF)


def test_usage_is_whole_microseconds_and_bytes_less_what_was_used_before() -> None:
    fields = (0.5, 0.25, 2048, 0, 0, 0, 1, 2, 0, 3, 4, 0, 0, 0, 0, 0)
    used = leader.numbers(leader.measured(resource.struct_rusage(fields)))
    record = tally.rusage(9, used, (100_000, 300_000, 1, 1, 1))
    assert body(record, 11, "<QQQQQQ") == (9, 400_000, 0, 2048 << 10, 3 * 512, 4 * 512)


def test_begin_is_read_back_by_the_reader_of_marks() -> None:
    text = [b"/dev/pts/3", b"", b"/bin/bash", b"/home/ada", b"make", b"-j2"]
    record = tally.begin((tally.RUN, tally.INSIDE), (10, 11, 12), (13, 14), text)
    found, consumed = marks.pump_records(record)
    assert consumed == len(record)
    numbers = (2, 2, 10, 11, 12, 13, 14)
    assert found == [
        marks.Begin(*numbers, "/dev/pts/3", "", "/bin/bash", "/home/ada", ("make", "-j2"))
    ]


def test_begin_inside_a_session_names_launcher_and_who_called_it() -> None:
    text = [b"", b"c0ffee 21 20", b"/bin/sh", b"/home", b"true"]
    ((record,), _) = marks.pump_records(tally.begin((3, 2), (10, 11, 0), (13, 14), text))
    assert isinstance(record, marks.Begin)
    assert (record.parent, record.launcher_pid, record.above_pid) == ("c0ffee", 21, 20)


def test_every_record_is_read_back_by_the_reader_of_marks() -> None:
    stream = b"".join(
        [
            tally.keys(1, 2, 3),
            tally.output(1, 2, 3),
            tally.foreground(1, 2),
            tally.screen(1, alternate=True),
            tally.mode(1, canonical=True, echo=False),
            tally.size(1, struct.pack("HHHH", 24, 80, 0, 0)),
            tally.suspend(1),
            tally.resume(2),
            tally.rusage(1, (5, 4, 3, 2, 1), (0, 0)),
            tally.end(1, 2, 256),
            tally.lost(1, 1, 2),
        ]
    )
    found, consumed = marks.pump_records(stream)
    assert consumed == len(stream)
    kinds = "Keys Output Foreground Screen Mode Size Suspend Resume Rusage End Lost"
    assert [type(record).__name__ for record in found] == kinds.split()


@pytest.mark.parametrize(
    ("argv", "kept"),
    [
        ([b"ls", b"-l"], [b"ls", b"-l"]),
        ([b"x" * 5000, b"y"], [b"x" * 4096]),
        ([b"x" * 4000, b"y" * 200, b"z"], [b"x" * 4000, b"y" * 95]),
    ],
)
def test_an_argument_vector_is_cut_at_four_kilobytes(argv: list[bytes], kept: list[bytes]) -> None:
    assert tally.cut(argv) == kept


def test_nothing_is_written_before_begin(tmp_path: Path) -> None:
    records = a_tally(tmp_path)
    records.append(tally.suspend(1))
    assert written(tmp_path) == b""
    records.begin(tally.resume(0))
    records.append(tally.suspend(2))
    assert written(tmp_path) == tally.resume(0) + tally.suspend(1) + tally.suspend(2)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    a_tally(tmp_path)
    assert (tmp_path / f"{HEX}.pty").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    planted = tmp_path / "elsewhere"
    planted.write_bytes(b"")
    (tmp_path / f"{HEX}.pty").symlink_to(planted)
    records = a_tally(tmp_path)
    records.begin(tally.suspend(1))
    assert planted.read_bytes() == b""


def test_without_a_folder_everything_is_only_counted() -> None:
    records = tally.Tally(b"", HEX)
    records.begin(tally.suspend(1))
    records.append(tally.suspend(2))
    assert records.page.cells[tally.Page.LOST] >= 2


def test_totals_carry_what_was_counted(tmp_path: Path) -> None:
    records = a_tally(tmp_path)
    records.begin(tally.suspend(1))
    records.page.cells[tally.Page.INPUT] = 10
    records.page.cells[tally.Page.WRITTEN] = 20
    records.totals()
    found, _consumed = marks.pump_records(written(tmp_path))
    last = found[-1]
    assert isinstance(last, marks.Totals)
    assert (last.input_bytes, last.output_bytes, last.lost) == (10, 20, 0)


def test_what_a_dead_pump_had_read_is_told_as_lost() -> None:
    page = tally.Page()
    page.cells[tally.Page.READ], page.cells[tally.Page.WRITTEN] = 5000, 1000
    _at, reason, number = body(tally.in_flight(page), 13, "<QBI")
    assert (reason, number, page.cells[tally.Page.WRITTEN]) == (tally.DIED, 4000, 5000)


@pytest.mark.linux
def test_a_full_device_is_counted_and_told_when_there_is_room_again(tmp_path: Path) -> None:
    records = a_tally(tmp_path)
    records.begin(tally.suspend(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = len(written(tmp_path))
    # Python ignores SIGXFSZ, so a write beyond the limit is an error like that of a full device.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        records.append(tally.suspend(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    records.append(tally.suspend(3))
    found, _consumed = marks.pump_records(written(tmp_path))
    assert [type(record).__name__ for record in found] == ["Suspend", "Lost", "Suspend"]
    assert isinstance(found[1], marks.Lost)
    assert (found[1].reason, found[1].number) == (tally.NOT_WRITTEN, 1)
