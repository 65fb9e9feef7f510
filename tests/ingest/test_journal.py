"""The journal: what was acknowledged is read again, in order, whatever became of the files."""

import asyncio
import itertools
import random
from pathlib import Path

import pytest

from ingest import entries, journal
from ingest.journal import BODY_LIMIT, FRAME_LIMIT, Position
from ptywrap import wire
from tests.ingest import journals
from tests.ingest.journals import an_entry, ids

NAMES = [f"b{number}" for number in range(200)]


def _newest(folder: Path) -> Path:
    return journal.files(folder)[-1][1]


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES))
    assert ids(tmp_path) == NAMES


def test_those_who_wait_share_a_sync(tmp_path: Path) -> None:
    # 64 bodies a group: 200 take four.
    assert journals.write(tmp_path, map(an_entry, NAMES)) == 4


def test_a_group_has_at_most_eight_mebibytes(tmp_path: Path) -> None:
    large = [an_entry(name, bytes(BODY_LIMIT)) for name in NAMES[:20]]
    assert journals.write(tmp_path, large) == 3


def test_reading_goes_on_from_any_position(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES), file_bytes=4096)
    for place, (position, _) in enumerate(journal.read(tmp_path)):
        assert ids(tmp_path, position) == NAMES[place + 1 :]


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    for name in NAMES[:5]:
        journals.write(tmp_path, [an_entry(name)])
    assert [number for number, _ in journal.files(tmp_path)] == [1, 2, 3, 4, 5]
    assert ids(tmp_path) == NAMES[:5]


def test_no_number_comes_twice_even_when_all_files_are_gone(tmp_path: Path) -> None:
    journals.write(tmp_path, [an_entry("old")])
    _newest(tmp_path).unlink()
    journals.write(tmp_path, [an_entry("new")])
    assert ids(tmp_path, Position(1, 1 << 20)) == ["new"]


def test_bytes_behind_a_position_are_those_of_entries(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES), file_bytes=4096)
    *_, (middle, _) = itertools.islice(journal.read(tmp_path), 100)
    *_, (last, _) = journal.read(tmp_path)
    whole = journal.bytes_behind(tmp_path)
    one = len(wire.frame(0, entries.packed(an_entry("b0")), FRAME_LIMIT))
    assert (journal.bytes_behind(tmp_path, last), whole > 200 * one) == (0, True)
    assert 99 * one < journal.bytes_behind(tmp_path, middle) < 102 * one + 100


def test_the_largest_body_has_its_place_and_a_larger_one_has_none(tmp_path: Path) -> None:
    journals.write(tmp_path, [an_entry("large", bytes(BODY_LIMIT))])
    assert ids(tmp_path) == ["large"]
    with pytest.raises(ValueError, match="at most 1048576 bytes"):
        journals.write(tmp_path, [an_entry("larger", bytes(BODY_LIMIT + 1))])


def test_every_cut_of_the_newest_file_keeps_what_is_before_it(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES[:3]))
    whole = _newest(tmp_path).read_bytes()
    ends = [position.offset for position, _ in journal.read(tmp_path)]
    for end in range(len(whole)):
        _newest(tmp_path).write_bytes(whole[:end])
        assert len(ids(tmp_path)) == sum(one <= end for one in ends)


def test_a_frame_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES[:3]))
    path = _newest(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    *_, (position, _) = journal.read(tmp_path)
    path.write_bytes(whole)
    assert ids(tmp_path, position) == ["b2"]


def test_a_damaged_byte_costs_one_entry(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES[:50]))
    path = _newest(tmp_path)
    whole = path.read_bytes()
    chance = random.Random(7)  # noqa: S311 - which byte is damaged
    for _ in range(300):
        place = chance.randrange(wire.HEADER_BYTES, len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert len(ids(tmp_path)) == 49


def test_a_damaged_beginning_costs_no_entry(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES[:3]))
    path = _newest(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[9] ^= 1
    path.write_bytes(damaged)
    assert ids(tmp_path) == NAMES[:3]


def _forgery(seq: int) -> bytes:
    forged = an_entry("forged")._replace(tenant="another")
    return wire.frame(seq, entries.packed(forged), FRAME_LIMIT)


def test_frames_within_a_body_are_nobodys_entries(tmp_path: Path) -> None:
    hostile = b"".join(map(_forgery, range(200)))
    journals.write(tmp_path, [an_entry("first"), an_entry("hostile", hostile), an_entry("last")])
    path = _newest(tmp_path)
    whole = path.read_bytes()
    assert ids(tmp_path) == ["first", "hostile", "last"]
    # Torn within the hostile body, and damaged at its head: its insides lie open.
    path.write_bytes(whole[: whole.index(hostile) + len(hostile) // 2])
    assert ids(tmp_path) == ["first"]
    damaged = bytearray(whole)
    damaged[whole.index(b"hostile")] ^= 1
    path.write_bytes(damaged)
    assert ids(tmp_path) == ["first", "last"]


def test_entries_are_found_across_the_pieces_a_file_is_read_in(tmp_path: Path) -> None:
    bodies = [an_entry(name, bytes(900_000 + 7 * place)) for place, name in enumerate(NAMES[:30])]
    journals.write(tmp_path, bodies)
    assert [entry for _, entry in journal.read(tmp_path)] == bodies


def test_more_damage_than_a_frame_is_long_is_passed(tmp_path: Path) -> None:
    bodies = [an_entry(name, bytes(BODY_LIMIT)) for name in NAMES[:20]]
    journals.write(tmp_path, bodies)
    path = _newest(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[2 << 20 : 12 << 20] = b"\xff" * (10 << 20)
    path.write_bytes(damaged)
    assert ids(tmp_path) == ["b0", *NAMES[12:20]]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert ids(tmp_path / "none") == []


def test_files_of_others_are_passed_over(tmp_path: Path) -> None:
    journals.write(tmp_path, [an_entry("b0")])
    (tmp_path / "notes.journal").write_text("x")
    (tmp_path / "000000000009.txt").write_text("x")
    assert ids(tmp_path) == ["b0"]


async def _rested(folder: Path, seconds: float) -> None:
    writer = journal.Journal(folder, file_seconds=seconds)
    await writer.append(an_entry("b0"))
    await asyncio.sleep(4 * seconds)
    await writer.close()


def test_a_file_with_entries_is_followed_by_another_though_nothing_comes(tmp_path: Path) -> None:
    asyncio.run(_rested(tmp_path, 0.05))
    assert [number for number, _ in journal.files(tmp_path)] == [1, 2]
    assert ids(tmp_path) == ["b0"]


def test_a_file_is_passed_when_it_was_read_and_has_a_successor(tmp_path: Path) -> None:
    journals.write(tmp_path, map(an_entry, NAMES[:3]))
    *_, (before, _), (last, _) = journal.read(tmp_path)
    assert journal.passed(tmp_path, last) == []
    journals.write(tmp_path, [an_entry("next")])
    first = journal.files(tmp_path)[0][1]
    assert (journal.passed(tmp_path, before), journal.passed(tmp_path, last)) == ([], [first])
    *_, (next_file, _) = journal.read(tmp_path)
    assert journal.passed(tmp_path, next_file) == [first]


async def _after_closing(folder: Path) -> None:
    writer = journal.Journal(folder)
    await writer.close()
    await writer.append(an_entry("late"))


def test_nothing_is_taken_after_closing(tmp_path: Path) -> None:
    with pytest.raises(journal.Unwritten):
        asyncio.run(_after_closing(tmp_path))


async def _closed_at_once(folder: Path) -> None:
    writer = journal.Journal(folder)
    waiting = [asyncio.create_task(writer.append(an_entry(name))) for name in NAMES]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*waiting)


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    asyncio.run(_closed_at_once(tmp_path))
    assert ids(tmp_path) == NAMES


async def _left(folder: Path) -> None:
    writer = journal.Journal(folder)
    waiting = asyncio.create_task(writer.append(an_entry("left")))
    await asyncio.sleep(0)
    waiting.cancel()
    await writer.append(an_entry("next"))
    await writer.close()


def test_who_stops_waiting_does_not_stop_the_writer(tmp_path: Path) -> None:
    asyncio.run(_left(tmp_path))
    assert ids(tmp_path) == ["left", "next"]
