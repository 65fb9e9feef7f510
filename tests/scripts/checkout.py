"""A made-up checkout: our scripts as they are, with a launcher that tells what it was given."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("ptywrap", "environment.sh", "environment.py")
# Says how it was run, then what it read, so that a test sees arguments and descriptors arrive.
LAUNCHER = """#!/bin/sh
printf '%s\\n' "venv=${PTYWRAP_VENV-}" "argc=$#" "$@"
cat
"""
# Stands in for the making of an environment, where a test asks only whether it was asked for.
MAKER = """#!/bin/sh
echo "made for $1" >>"$1/made"
echo "$1/.venv"
"""
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "ptywrap"
version = "0"
requires-python = ">=3.11"

[tool.hatch.build]
dev-mode-dirs = ["."]

[tool.hatch.build.targets.wheel]
packages = ["ptywrap"]

[tool.hatch.build.targets.wheel.shared-scripts]
"ptywrap/launch/ptywrap.sh" = "ptywrap"
"""


class Checkout(NamedTuple):
    """A folder with our scripts in it."""

    root: Path

    def run(
        self,
        *argv: str | Path,
        said: str = "",
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the checkout's ptywrap, with nothing of this test run's environment but the path."""
        return subprocess.run(
            argv or (self.root / "scripts/ptywrap",),
            input=said,
            cwd=cwd or self.root,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root / "home"), **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def made(self) -> bool:
        """Whether the making of an environment was asked for."""
        return (self.root / "made").exists()


def a_checkout(root: Path, maker: str | None = MAKER) -> Checkout:
    """Make a checkout; `maker` None leaves the real maker of environments in it."""
    for folder in ("scripts", "ptywrap/launch", "home"):
        (root / folder).mkdir(parents=True)
    for name in SCRIPTS:
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    if maker is not None:
        (root / "scripts/environment.sh").write_text(maker)
    (root / "ptywrap/__init__.py").write_text("")
    (root / "ptywrap/launch/ptywrap.sh").write_text(LAUNCHER)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "constraints.txt").write_text((ROOT / "constraints.txt").read_text())
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(root / name, (1, 1))
    return Checkout(root)


def an_environment(folder: Path, root: Path, extras: str = "") -> Path:
    """Make what looks like a finished environment of the checkout, without installing anything."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(Path(sys.executable).resolve())
    shutil.copy(root / "ptywrap/launch/ptywrap.sh", folder / "bin/ptywrap")
    pins = runpy.run_path(str(root / "scripts/environment.py"))["pins"](root)
    (folder / "ptywrap-stamp").write_text(f"{root}\n{pins}\n{extras}\n")
    return folder
