"""The tools agree: ruff, mypy for two systems, and shellcheck over every shell script."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Written for a shell that shellcheck does not read.
OTHER_SHELLS = (".fish", ".zsh")


def said_by(*argv: str | Path) -> str:
    """What a tool says on failure; empty when it is content."""
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def shell_scripts() -> list[Path]:
    """Every shell script of the checkout: by its suffix, or by its first line."""
    folders = [ROOT / name for name in (".ci", "scripts", "ptywrap", "tests")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in files if is_shell_script(path))


def is_shell_script(path: Path) -> bool:
    """Whether shellcheck should read a file."""
    if path.suffix in {".sh", ".bash"}:
        return True
    if path.suffix:
        return False
    first = path.read_bytes()[:80].partition(b"\n")[0]
    return first.startswith(b"#!") and first.endswith((b"sh", b"bash"))


def test_ruff_finds_nothing() -> None:
    assert said_by(sys.executable, "-m", "ruff", "check", "--quiet", ".") == ""


def test_every_file_is_formatted() -> None:
    assert said_by(sys.executable, "-m", "ruff", "format", "--check", "--quiet", ".") == ""


@pytest.mark.slow
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_every_type_holds(system: str) -> None:
    cache = f"--cache-dir={ROOT / '.mypy_cache' / system}"
    assert said_by(sys.executable, "-m", "mypy", f"--platform={system}", cache) == ""


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="without shellcheck: install the package shellcheck"
)
def test_every_shell_script_is_sound() -> None:
    assert said_by("shellcheck", *shell_scripts()) == ""


def test_the_scripts_that_users_call_are_among_those_read() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in shell_scripts()}
    assert {"scripts/ptywrap", "scripts/test", ".ci/run", "ptywrap/launch/ptywrap.sh"} <= found
