"""Nothing is sent over a link that costs money, or on a battery that is low."""

import shutil
from pathlib import Path

import pytest

from ptywrap.ship.restraint import restraint


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lead PATH into a folder with nothing but a shell in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shell = shutil.which("sh")
    assert shell is not None
    (folder / "sh").symlink_to(shell)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _battery(supplies: Path, **words: str) -> Path:
    folder = supplies / "BAT0"
    folder.mkdir(parents=True)
    values = {"type": "Battery", "status": "Discharging", "capacity": "19", **words}
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
    return supplies


def _says(programs: Path, answer: str) -> None:
    """Put a busctl in place that answers as the real one would."""
    program = programs / "busctl"
    program.write_text(f"#!{programs / 'sh'}\necho '{answer}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "the battery is below 20 %"),
        ({"capacity": "20"}, None),
        ({"status": "Charging"}, None),
        ({"type": "Mains"}, None),
        ({"scope": "Device"}, None),
        ({"capacity": "what"}, None),
    ],
)
def test_a_low_battery_waits(
    tmp_path: Path, programs: Path, words: dict[str, str], why: str | None
) -> None:
    assert programs.is_dir()
    assert restraint(_battery(tmp_path / "supplies", **words)) == why


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("u 1", "the link is metered"),
        ("u 3", "the link is metered"),
        ("u 2", None),
        ("u 4", None),
        ("u 0", None),
        ("", None),
    ],
)
def test_a_metered_link_waits(tmp_path: Path, programs: Path, answer: str, why: str | None) -> None:
    _says(programs, answer)

    assert restraint(tmp_path / "none") == why


def test_where_nobody_can_say_nothing_speaks_against_it(tmp_path: Path, programs: Path) -> None:
    assert programs.is_dir()
    assert restraint(tmp_path / "none") is None
