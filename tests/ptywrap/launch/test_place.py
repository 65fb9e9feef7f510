"""The folder of mark files: in memory, private, ours; else without text; else none."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptywrap import paths
from ptywrap.launch import place

pytestmark = pytest.mark.linux


@pytest.fixture
def runtime() -> Iterator[Path]:
    """Yield a folder in memory."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def marks(**environ: str | Path) -> tuple[bytes, bool]:
    """Return the folder that an environment leads to."""
    return place.marks({name.encode(): os.fsencode(value) for name, value in environ.items()})


def test_the_runtime_folder_is_taken_when_it_is_in_memory(runtime: Path) -> None:
    assert marks(XDG_RUNTIME_DIR=runtime) == (os.fsencode(runtime / "ptywrap"), True)
    assert (runtime / "ptywrap").stat().st_mode & 0o777 == 0o700


def _spoiled(runtime: Path, how: str) -> None:
    ours = runtime / "ptywrap"
    match how:
        case "a file":
            ours.write_text("")
        case "a link":
            ours.symlink_to(runtime)
        case "open to others":
            ours.mkdir(mode=0o755)
        case "gone":
            runtime.rmdir()


@pytest.mark.parametrize("how", ["whole", "a file", "a link", "open to others", "gone"])
def test_the_rule_is_that_of_paths(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    _spoiled(runtime, how)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    folder, text = marks(XDG_RUNTIME_DIR=runtime)
    assert paths.marks_folder() == (Path(os.fsdecode(folder)), text)


def test_a_runtime_folder_on_disk_is_not_taken(tmp_path: Path) -> None:
    memory = {device for device, _point, kind in place._mounts() if kind == b"tmpfs"}
    if place._device(os.fsencode(tmp_path)) in memory:
        pytest.skip("the folder for temporary files is in memory: set TMPDIR to one on a disk")
    assert marks(XDG_RUNTIME_DIR=tmp_path) == (b"/dev/shm/ptywrap-%d" % os.getuid(), True)


@pytest.mark.root
def test_the_runtime_folder_of_another_user_is_not_taken(runtime: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to give a folder away: run the tests as root")
    os.chown(runtime, 12345, 12345)
    assert marks(XDG_RUNTIME_DIR=runtime)[0] == b"/dev/shm/ptywrap-0"
    assert not (runtime / "ptywrap").exists()


@pytest.mark.parametrize(
    ("path", "remote"),
    [(b"/mnt/run", True), (b"/mnt/run/deep", True), (b"/mnt/runner", False), (b"/run", False)],
)
def test_a_place_that_may_be_slow_is_known_by_its_name(path: bytes, remote: bool) -> None:
    mounts = [
        (b"8:1", b"/", b"ext4"),
        (b"0:30", b"/run", b"fuse.sshfs"),
        (b"0:31", b"/run", b"tmpfs"),
        (b"0:32", b"/mnt/run", b"fuse.sshfs"),
    ]
    assert place._remote(path, mounts) is remote


def test_a_link_in_its_place_is_not_followed(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir()
    (runtime / "ptywrap").symlink_to(runtime / "elsewhere")
    assert marks(XDG_RUNTIME_DIR=runtime)[0] == b"/dev/shm/ptywrap-%d" % os.getuid()


def test_a_folder_that_others_may_enter_is_closed_to_them(runtime: Path) -> None:
    (runtime / "ptywrap").mkdir(mode=0o755)
    marks(XDG_RUNTIME_DIR=runtime)
    assert (runtime / "ptywrap").stat().st_mode & 0o777 == 0o700


def test_without_memory_the_state_folder_serves_but_not_for_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_mounts", list)
    expected = (os.fsencode(tmp_path / "new/state/ptywrap/marks"), False)
    assert marks(XDG_STATE_HOME=tmp_path / "new/state") == expected
    assert (tmp_path / "new/state/ptywrap/marks").is_dir()


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "relative"}, {"HOME": "/proc/1/no"}])
def test_without_any_place_there_is_none(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_mounts", list)
    assert marks(**home) == (b"", False)
