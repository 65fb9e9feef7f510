"""The launcher and the verbs read the same off switches: one table, asked of both."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ptywrap import config
from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER
from tests.ptywrap.launch.launches import configured, with_system

pytestmark = pytest.mark.linux


class Case(NamedTuple):
    """The system's file, the user's, and the environment; whether we are off."""

    off: bool
    system: str = ""
    user: str = ""
    environ: dict[str, str] | None = None


CASES = {
    "nothing": Case(off=False),
    "disable": Case(off=True, environ={"PTYWRAP_DISABLE": "1"}),
    "disable=0": Case(off=False, environ={"PTYWRAP_DISABLE": "0"}),
    "disable=true": Case(off=False, environ={"PTYWRAP_DISABLE": "true"}),
    "do not track": Case(off=True, environ={"DO_NOT_TRACK": "1"}),
    "do not track=0": Case(off=False, environ={"DO_NOT_TRACK": "0"}),
    "do not track=false": Case(off=False, environ={"DO_NOT_TRACK": "false"}),
    "do not track=": Case(off=False, environ={"DO_NOT_TRACK": ""}),
    "variable": Case(off=True, environ={"PTYWRAP_ENABLED": "false"}),
    "variable=true": Case(off=False, environ={"PTYWRAP_ENABLED": "true"}),
    "variable=0": Case(off=False, environ={"PTYWRAP_ENABLED": "0"}),
    "variable=no": Case(off=False, environ={"PTYWRAP_ENABLED": "no"}),
    "user": Case(off=True, user="enabled = false\n"),
    "user, true": Case(off=False, user="enabled = true\n"),
    "user, packed": Case(off=True, user="enabled=false"),
    "user, aligned": Case(off=True, user="# ours\n\n  enabled\t =  false # for now\n"),
    "user, quoted": Case(off=True, user='"enabled" = false\n'),
    "user, single quotes": Case(off=True, user="'enabled' = false\n"),
    "user, carriage return": Case(off=True, user="enabled = false\r\n"),
    "user, a text": Case(off=False, user='enabled = "false"\n'),
    "user, a longer word": Case(off=False, user="enabled = falsehood\n"),
    "user, another table": Case(off=False, user="[templates]\nenabled = 'false'\n"),
    "user, commented": Case(off=False, user="# enabled = false\n"),
    "variable over user": Case(
        off=True, user="enabled = false\n", environ={"PTYWRAP_ENABLED": "true"}
    ),
    "user under variable": Case(
        off=True, user="enabled = true\n", environ={"PTYWRAP_ENABLED": "false"}
    ),
    "0 beside user": Case(off=True, user="enabled = false\n", environ={"DO_NOT_TRACK": "0"}),
    "system": Case(off=True, system="enabled = false\n"),
    "system, true": Case(off=False, system="enabled = true\n"),
    "user over system": Case(off=True, system="enabled = false\n", user="enabled = true\n"),
    "variable over system": Case(
        off=True, system="enabled = false\n", environ={"PTYWRAP_ENABLED": "true"}
    ),
    "locked on": Case(
        off=True, system="enabled = true\n[locked]\nenabled = true\n", user="enabled = false\n"
    ),
}


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


def runs(name: str) -> object:
    """Return a case as a parameter; one with a system file needs root for it."""
    marks = [pytest.mark.root] if CASES[name].system else []
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [runs(name) for name in CASES])
def test_the_launcher_is_off(place: Place, name: str) -> None:
    case = CASES[name]
    configured(place, case.user)
    argv = [*LAUNCHER, "--quiet", "--", "sh", "-c", "echo $PPID"]
    done = subprocess.run(
        with_system(place, case.system, argv) if case.system else argv,
        env=place.environment(**(case.environ or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=20,
    )
    # Switched off, the command stands in the launcher's own process.
    assert (done.stdout == f"{os.getpid()}\n") == case.off


@pytest.mark.parametrize("name", CASES)
def test_the_verbs_say_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case = CASES[name]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "ptywrap").mkdir()
    (tmp_path / "ptywrap/config.toml").write_text(case.user)
    (tmp_path / "system.toml").write_text(case.system)
    environ = case.environ or {}
    loaded = config.load(environ=environ, system=tmp_path / "system.toml")
    assert (config.off_switch(environ, loaded.config) is not None) == case.off
