"""Mark files: whole records alone, blanked in place, while somebody goes on appending."""

import os
from pathlib import Path

import pytest

from ptywrap import marks
from ptywrap.observe.markfile import LIMIT_BYTES, MarkFile

FIRST = b"\x1eE\t9\t5\t0\t0\t/\tmake canary\x1f\n"
SECOND = b"\x1eE\t9\t6\t1\t1\t/\tmake test\x1f\n"


def a_file(folder: Path, content: bytes) -> Path:
    """Return a mark file."""
    path = folder / "session.9"
    path.write_bytes(content)
    return path


def texts(file: MarkFile) -> list[str | None]:
    """Return what was typed, of the records that are new."""
    return [record.text for record in file.read() if isinstance(record, marks.Ended)]


def test_each_record_is_read_once(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST)
    file = MarkFile(path, marks.shell_records)
    first = texts(file)
    with path.open("ab") as appending:
        appending.write(SECOND)
    assert [first, texts(file), texts(file)] == [["make canary"], ["make test"], []]


def test_a_record_that_is_not_whole_waits(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST + SECOND[:9])
    file = MarkFile(path, marks.shell_records)
    first = texts(file)
    with path.open("ab") as appending:
        appending.write(SECOND[9:])
    assert [first, texts(file)] == [["make canary"], ["make test"]]


def test_blanking_leaves_what_was_not_read_and_the_length(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST + SECOND[:9])
    file = MarkFile(path, marks.shell_records)
    file.read()
    file.blank()
    assert path.read_bytes() == bytes(len(FIRST)) + SECOND[:9]


def test_who_appends_meanwhile_is_not_disturbed(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST)
    file = MarkFile(path, marks.shell_records)
    file.read()
    with path.open("ab", buffering=0) as appending:
        appending.write(SECOND[:9])
        file.blank()
        appending.write(SECOND[9:])
    assert texts(file) == ["make test"]


def test_a_new_reader_goes_on_at_an_offset(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST + SECOND)
    assert texts(MarkFile(path, marks.shell_records, len(FIRST))) == ["make test"]


def test_an_offset_behind_the_end_is_of_another_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="another file"):
        MarkFile(a_file(tmp_path, FIRST), marks.shell_records, len(FIRST) + 1)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    a_file(tmp_path, FIRST)
    (tmp_path / "link").symlink_to("session.9")
    with pytest.raises(OSError, match=r"symbolic|levels"):
        MarkFile(tmp_path / "link", marks.shell_records)


def test_a_large_file_is_renamed_and_still_read_to_its_end(tmp_path: Path) -> None:
    path = a_file(tmp_path, FIRST * (LIMIT_BYTES // len(FIRST) + 1))
    file = MarkFile(path, marks.shell_records)
    late = os.open(path, os.O_WRONLY | os.O_APPEND)
    small = file.rotate()
    file.read()
    large = file.rotate()
    os.write(late, SECOND)
    os.close(late)
    assert [small, large, path.exists(), file.replaced()] == [False, True, False, True]
    assert texts(file) == ["make test"]
