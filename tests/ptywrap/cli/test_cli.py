"""Every verb keeps the contract of the command line: help, statuses, two lines on failure."""

import subprocess
import sys
from pathlib import Path

import pytest

from ptywrap import __version__, cli
from tests.home import Home

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environ(home: Home) -> dict[str, str]:
    """Give an environment in which nothing of ours exists yet."""
    return home.environ | {"PYTHONPATH": str(ROOT)}


def _ptywrap(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ptywrap", *words],
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def _in_bash(environ: dict[str, str], line: str) -> subprocess.CompletedProcess[str]:
    argv = ["bash", "-c", line]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [name for name, _ in cli.VERBS])
def test_every_verb_explains_itself_with_an_example(environ: dict[str, str], name: str) -> None:
    ran = _ptywrap(environ, name, "--help")

    assert ran.returncode == 0
    assert f"Example: ptywrap {name}" in ran.stdout


def test_without_a_word_every_verb_is_listed(environ: dict[str, str]) -> None:
    ran = _ptywrap(environ)

    listed = [line.split()[0] for line in ran.stdout.partition("verbs:\n")[2].splitlines()[:-2]]
    assert listed == [name for name, _ in cli.VERBS]


def test_the_version_is_printed(environ: dict[str, str]) -> None:
    assert _ptywrap(environ, "--version").stdout == f"ptywrap {__version__}\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "lgo",
            "ptywrap: `lgo` is no verb; did you mean `ptywrap log`?\n"
            "  to run it as a command: ptywrap -- lgo\n",
        ),
        ("make", "ptywrap: `make` is no verb\n  to run it as a command: ptywrap -- make\n"),
        (
            "--",
            "ptywrap: a run is `ptywrap [--json FILE] [--quiet] -- CMD`\n  see: ptywrap --help\n",
        ),
        ("--jsn", "ptywrap: `--jsn` is no option\n  see: ptywrap --help\n"),
    ],
)
def test_an_unknown_word_is_wrong_usage(environ: dict[str, str], word: str, said: str) -> None:
    ran = _ptywrap(environ, word)

    assert (ran.returncode, ran.stderr) == (2, said)


@pytest.mark.parametrize(
    "words",
    [["log", "-n", "0"], ["log", "-n", "9" * 30], ["log", "--nonsense"], ["show", "a", "b"]],
)
def test_wrong_arguments_are_wrong_usage(environ: dict[str, str], words: list[str]) -> None:
    assert _ptywrap(environ, *words).returncode == 2


def test_a_window_nobody_understands_fails_in_two_lines(environ: dict[str, str]) -> None:
    ran = _ptywrap(environ, "log", "--since", "soon")

    assert ran.returncode == 1
    assert ran.stderr == (
        "ptywrap: `soon` is no window of time\n  write 30m, 24h, 7d, 4w, a date, or all\n"
    )


def test_a_deleted_directory_is_told_in_two_lines(environ: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    ran = subprocess.run(
        ["sh", "-c", f"rmdir {gone}; exec {sys.executable} -m ptywrap log --here"],
        env=environ,
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr == ("ptywrap: this directory has been deleted\n  change to another one\n")


def test_config_names_each_settings_layer(environ: dict[str, str]) -> None:
    ran = _ptywrap(environ | {"PTYWRAP_STORE_IDLE_SECONDS": "5"}, "config")

    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["store_idle_seconds", "5", "PTYWRAP_STORE_IDLE_SECONDS"] in lines
    assert ["observer_idle_seconds", "300", "default"] in lines


def test_config_refuses_an_unknown_key_and_offers_the_nearest(
    environ: dict[str, str],
) -> None:
    file = Path(environ["XDG_CONFIG_HOME"]) / "ptywrap" / "config.toml"
    file.parent.mkdir()
    file.write_text("enable = false\n")

    ran = _ptywrap(environ, "config")

    assert (ran.returncode, ran.stderr) == (
        1,
        f"ptywrap: {file}: `enable` is no setting\n  did you mean `enabled`?\n",
    )


def test_pause_leaves_a_mark_and_resume_takes_it_away(
    environ: dict[str, str],
) -> None:
    mark = Path(environ["XDG_STATE_HOME"]) / "ptywrap" / "paused"

    assert _ptywrap(environ, "pause").returncode == 0
    assert mark.exists()
    assert _ptywrap(environ, "resume").returncode == 0
    assert not mark.exists()


@pytest.mark.linux
def test_output_that_finds_no_room_is_a_failure_in_two_lines(environ: dict[str, str]) -> None:
    ran = _in_bash(environ, f"{sys.executable} -m ptywrap --help >/dev/full")

    assert (ran.returncode, ran.stderr) == (
        1,
        "ptywrap: cannot print: No space left on device\n  make room, or print elsewhere\n",
    )


def test_without_an_output_a_verb_does_its_work(environ: dict[str, str]) -> None:
    ran = _in_bash(environ, f"{sys.executable} -m ptywrap pause >&-")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert (Path(environ["XDG_STATE_HOME"]) / "ptywrap" / "paused").exists()


def test_a_reader_that_leaves_early_is_no_failure(environ: dict[str, str]) -> None:
    ran = _in_bash(environ, f"{sys.executable} -m ptywrap --help | true; echo ${{PIPESTATUS[0]}}")

    assert (ran.stdout, ran.stderr) == ("0\n", "")
