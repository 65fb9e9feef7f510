"""A machine keeps its id, gets a new one for a damaged one, and one even where nothing is kept."""

import os
import threading
from pathlib import Path

import pytest

from ptywrap import device


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the id of this home is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "ptywrap" / "device"


def test_an_id_is_made_once(file: Path) -> None:
    first = device.identity()

    assert first == device.identity()
    assert file.read_text() == first + "\n"


def test_nothing_else_is_left_in_the_folder(file: Path) -> None:
    device.identity()

    assert os.listdir(file.parent) == ["device"]


@pytest.mark.parametrize("damaged", ["", "\n", "3f2a", "x" * 32, "é" * 32])
def test_a_damaged_id_is_made_anew(file: Path, damaged: str) -> None:
    file.parent.mkdir(mode=0o700)
    file.write_text(damaged)

    first = device.identity()

    assert file.read_text() == first + "\n"


def test_where_nothing_can_be_kept_the_id_is_the_same_next_time(file: Path) -> None:
    file.parent.write_text("a file stands in the folder's place")

    first = device.identity()

    assert (len(first), device.identity()) == (32, first)


def test_all_who_ask_first_at_once_agree(file: Path) -> None:
    told: list[str] = []
    threads = [threading.Thread(target=lambda: told.append(device.identity())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == [file.read_text().strip()] * 8
