"""Cache folders of tools: their sizes, as far as a budget of time reaches."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.host.caches import PLACES, Caches, sizes
from ptywrap.wire import Cache


def a_clock(step: int) -> Callable[[], int]:
    """Return a clock that goes on by one step whenever it is asked."""
    ticks = count(0, step)
    return lambda: next(ticks)


def test_a_folder_has_the_size_of_its_files_and_its_last_change(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one").write_bytes(bytes(10))
    (tmp_path / "a/b/two").write_bytes(bytes(5))
    os.utime(tmp_path / "a", ns=(7, 7))
    found = sizes([("pip", str(tmp_path / "a"))], a_clock(0), 1)
    assert found == [Cache(name="pip", bytes=15, changed_at=7)]


def test_a_folder_that_is_not_there_is_not_told(tmp_path: Path) -> None:
    assert sizes([("pip", str(tmp_path / "none"))], a_clock(0), 1) == []


def test_a_size_that_takes_too_long_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    (found,) = sizes([("npm", str(tmp_path))], a_clock(5), 5)
    assert (found.name, found.bytes) == ("npm", None)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/up").symlink_to(tmp_path)
    (tmp_path / "outside").write_bytes(bytes(1000))
    (found,) = sizes([("npm", str(tmp_path / "inside"))], a_clock(0), 1)
    assert (found.bytes or 0) < 1000


def test_a_file_in_the_place_of_a_folder_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    (found,) = sizes([("npm", str(tmp_path / "file"))], a_clock(0), 1)
    assert found.bytes == 0


def test_each_place_is_told_once() -> None:
    assert len({place.name for place in PLACES}) == len(PLACES)


def test_the_reader_never_takes_much_longer_than_its_budget() -> None:
    assert set(Caches().read()) == {"caches"}


@given(st.integers(1, 20), st.integers(0, 30))
def test_the_clock_is_asked_before_every_folder(step: int, budget: int) -> None:
    folders = [(str(number), "/proc/self/attr") for number in range(5)]
    known = [cache.bytes is not None for cache in sizes(folders, a_clock(step), budget)]
    assert known == sorted(known, reverse=True)
