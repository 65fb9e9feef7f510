"""Our folders lie where the environment says, are private, and a stranger's is refused."""

import os
import stat
from pathlib import Path

import pytest

from ptywrap import paths


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_without_xdg_variables_everything_is_below_home(home: Path) -> None:
    assert paths.config_file() == home / ".config/ptywrap/config.toml"
    assert paths.history_file() == home / ".local/share/ptywrap/history.duckdb"
    assert paths.spool_folder("d") == home / ".local/state/ptywrap/d/spool"


def test_a_relative_xdg_variable_is_ignored_as_its_specification_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative/folder")

    assert paths.data_folder() == home / ".local/share/ptywrap"


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir(mode=0o755)

    assert paths.private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")

    assert not paths.private(tmp_path / "link")


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="gives a folder away: run as root")
def test_a_folder_of_somebody_else_is_no_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 65534, 65534)

    assert not paths.private(folder)


@pytest.mark.linux
def test_marks_hold_no_text_outside_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_mounts", list)

    assert paths.marks_folder() == paths.Marks(home / ".local/state/ptywrap/marks", text=False)
