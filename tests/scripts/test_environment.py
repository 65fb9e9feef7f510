"""The environment of a checkout is made once, for every account that can read it."""

import stat
import subprocess
from pathlib import Path

import pytest

from tests import account
from tests import home as homes
from tests.scripts.checkout import ROOT, Checkout, a_checkout, an_environment


def made(checkout: Checkout, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the maker of environments."""
    script = checkout.root / "scripts/environment.sh"
    return checkout.run(
        "sh", script, checkout.root, *options, environ=homes.clean_environ() | environ
    )


def test_a_finished_environment_is_left_as_it_is(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    folder = an_environment(checkout.root / ".venv", checkout.root)
    done = made(checkout)
    assert (done.stdout, done.stderr) == (f"{folder}\n", "")


def test_settings_of_tools_do_not_make_an_environment_stale(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    an_environment(checkout.root / ".venv", checkout.root)
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("[tool.ruff]\nline-length = 100\n")
    assert made(checkout).stderr == ""


def test_a_developers_environment_stays_one(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    an_environment(checkout.root / ".venv", checkout.root, extras="dev,capture,server")
    assert made(checkout).stderr == ""


def test_the_installed_launcher_follows_the_checkouts(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    folder = an_environment(checkout.root / ".venv", checkout.root)
    (checkout.root / "ptywrap/launch/ptywrap.sh").write_text("exit 7\n")
    made(checkout)
    assert (folder / "bin/ptywrap").read_text() == "exit 7\n"


def test_a_place_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    done = made(checkout, PTYWRAP_VENV="/proc/nowhere/venv")
    assert done.returncode == 1
    assert done.stderr == (
        "ptywrap: its environment cannot be made: "
        "[Errno 2] No such file or directory: '/proc/nowhere'\n"
    )


@pytest.mark.root
def test_an_account_that_can_only_read_uses_what_is_there(
    second: account.Account, second_home: homes.Home
) -> None:
    checkout = a_checkout(second_home.folder / "checkout", maker=None)
    folder = an_environment(checkout.root / ".venv", checkout.root)
    script = [checkout.root / "scripts/environment.sh", checkout.root]
    environ = {name: value for name, value in second_home.environ.items() if "VENV" not in name}
    done = account.run_as(second, ["sh", *script], environ)
    assert (done.stdout, done.stderr) == (f"{folder}\n", "")


@pytest.mark.slow
@pytest.mark.root
def test_an_account_that_can_only_read_makes_its_own(
    second: account.Account, second_home: homes.Home
) -> None:
    checkout = a_checkout(second_home.folder / "checkout", maker=None)
    environ = {name: value for name, value in second_home.environ.items() if "VENV" not in name}
    done = account.run_as(second, [checkout.root / "scripts/ptywrap"], environ, input="")
    own = f"{environ['XDG_CACHE_HOME']}/ptywrap/venv{str(checkout.root).replace('/', '%')}"
    assert done.stdout == f"venv={own}\nargc=0\n", done.stderr


@pytest.mark.slow
def test_two_first_uses_at_once_make_one_environment(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    script = ["sh", str(checkout.root / "scripts/environment.sh"), str(checkout.root)]
    both = [
        subprocess.Popen(
            script, env=homes.clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in both]
    folder = f"{checkout.root / '.venv'}"
    assert [out.decode() for out, _err in said] == [f"{folder}\n"] * 2
    assert sorted(err.decode() for _out, err in said) == [
        "",
        f"ptywrap: making its environment in {folder}, once\n",
    ]
    installed = Path(folder, "bin/ptywrap")
    assert installed.read_text() == (checkout.root / "ptywrap/launch/ptywrap.sh").read_text()
    assert stat.S_IMODE(installed.stat().st_mode) == 0o755


@pytest.mark.slow
def test_a_release_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", maker=None)
    (checkout.root / "constraints.txt").write_text("hatchling==0.0.0.1\n")
    done = made(checkout)
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert told[0] == f"ptywrap: making its environment in {checkout.root / '.venv'}, once"
    assert told[1].startswith("ptywrap: its environment cannot be made: ERROR: ")
    assert len(told) == 2


def test_the_launcher_can_be_executed_where_it_lies() -> None:
    """A wheel keeps the mode of a shared script, and without it `ptywrap` would not be found."""
    assert (ROOT / "ptywrap/launch/ptywrap.sh").stat().st_mode & 0o111 == 0o111
