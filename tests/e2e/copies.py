"""A throw-away copy of the product with an environment of its own, to be broken at will."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

from tests.e2e.places import Place
from tests.e2e.terminal import PROMPT, ROOT, Terminal, exit_code, plain

PACKAGES = ("ptywrap", "netsniff", "ingest")
BYTECODE = shutil.ignore_patterns("__pycache__")


class Copy(NamedTuple):
    """Where the copy is."""

    root: Path

    @property
    def environment(self) -> Path:
        """Its environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter: a link, as in any environment."""
        return self.environment / "bin/python"

    @property
    def launcher(self) -> Path:
        """Its launcher."""
        return self.root / "ptywrap/launch/ptywrap.sh"

    def module(self, name: str) -> Path:
        """Return a module of ptywrap by its name with dots."""
        return self.root / "ptywrap" / f"{name.replace('.', '/')}.py"

    def open(self, place: Place, **changes: str | None) -> Terminal:
        """Open a window with a session of this copy."""
        environment = place.environment(PTYWRAP_VENV=None) | {}
        for name, value in changes.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        return place.open([str(self.launcher)], environment)


def a_copy(place: Place, name: str = "copy") -> Copy:
    """Copy the packages; the other packages are those of the tests' own environment."""
    copy = Copy(place.folder(name))
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy.root / package, ignore=BYTECODE)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = copy.environment / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    copy.python.parent.mkdir()
    base = Path(os.path.realpath(sys.executable))
    copy.python.symlink_to(base)
    (copy.environment / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n"
    )
    (site / "_ptywrap.pth").write_text(f"{copy.root}\n")
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return copy


def observed(window: Terminal) -> bool:
    """Tell whether the shell in the window is one of a session of ours."""
    window.line("echo sess''ion=${PTYWRAP_SESSION-}=")
    return b"session==" not in window.until(rb"session=\w*=")


def use(window: Terminal) -> None:
    """Use a new bash to its end: as `leave`, and at most one line before the first prompt."""
    if window.position == 0:
        window.until(PROMPT)
    assert bytes(window.output).partition(b"ready> ")[0].count(b"\n") <= 1, bytes(window.output)
    leave(window)


def leave(window: Terminal) -> None:
    """Use a bash at its prompt to its end: echo, a sane terminal, 37, one line of ours at most."""
    answer = plain(window.ask("echo $((6*7))''", rb"\b42\s"))
    assert b"echo $((6*7))''" in answer, answer
    modes = window.ask("stty -a; echo mo''des", rb"modes\s").replace(b";", b" ").split()
    assert {b"isig", b"icanon", b"echo", b"opost", b"onlcr", b"icrnl"} <= set(modes), modes
    window.line("exit 37")
    assert exit_code(window.finish()) == 37, bytes(window.output)
    assert window.attributes() == window.at_first
    assert bytes(window.output).count(b"ptywrap: ") <= 1, bytes(window.output)
