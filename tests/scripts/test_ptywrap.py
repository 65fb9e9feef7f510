"""scripts/ptywrap finds its checkout and environment, and hands everything on as it is."""

import os
import shutil
from pathlib import Path

import pytest

from tests.scripts.checkout import Checkout, a_checkout, an_environment


@pytest.fixture
def ready(tmp_path: Path) -> Checkout:
    """Return a checkout with a finished environment."""
    checkout = a_checkout(tmp_path / "checkout")
    an_environment(checkout.root / ".venv", checkout.root)
    return checkout


def test_arguments_arrive_as_they_are(ready: Checkout) -> None:
    done = ready.run("scripts/ptywrap", "--", "a b", "", "*", "$HOME")
    assert done.stdout == "venv=\nargc=5\n--\na b\n\n*\n$HOME\n"


def test_standard_input_arrives_as_it_is(ready: Checkout) -> None:
    assert ready.run(said="one\ntwo\n").stdout == "venv=\nargc=0\none\ntwo\n"


def test_a_fresh_environment_is_used_without_a_word(ready: Checkout) -> None:
    assert (ready.run().stderr, ready.made()) == ("", False)


@pytest.mark.parametrize(
    ("cwd", "call"),
    [
        (".", "./scripts/ptywrap"),
        (".", "scripts/ptywrap"),
        ("scripts", "./ptywrap"),
        ("home", "../scripts/ptywrap"),
        ("ptywrap/launch", "../../scripts/../scripts/ptywrap"),
    ],
)
def test_the_checkout_is_found_from_any_folder(ready: Checkout, cwd: str, call: str) -> None:
    done = ready.run(call, cwd=ready.root / cwd)
    assert (done.stdout, ready.made()) == ("venv=\nargc=0\n", False)


def test_the_checkout_is_found_through_a_link(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/p").symlink_to("../q")
    (tmp_path / "q").symlink_to(ready.root / "scripts/ptywrap")
    assert ready.run(tmp_path / "bin/p").stdout == "venv=\nargc=0\n"


def test_the_checkout_is_found_in_a_folder_with_a_space(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "a b")
    an_environment(checkout.root / ".venv", checkout.root)
    assert (checkout.run().stdout, checkout.made()) == ("venv=\nargc=0\n", False)


@pytest.mark.linux
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: install strace")
def test_a_fresh_environment_costs_no_process(ready: Checkout, tmp_path: Path) -> None:
    log = tmp_path / "log"
    trace = ["strace", "-f", "-o", str(log), "-e", "trace=execve,fork,vfork,clone,clone3"]
    launcher = ready.root / "ptywrap/launch/ptywrap.sh"
    launcher.write_text("exit 3\n")
    os.utime(launcher, (1000, 1000))
    assert ready.run(*trace, "scripts/ptywrap").returncode == 3
    calls = [line.split()[1].partition("(")[0] for line in log.read_text().splitlines()]
    assert calls == ["execve", "execve", "+++"]


def test_a_missing_environment_is_made(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout")
    assert (checkout.run().stdout, checkout.made()) == ("venv=\nargc=0\n", True)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "ptywrap/launch/ptywrap.sh"])
def test_changed_pins_or_a_changed_launcher_make_an_environment_stale(
    ready: Checkout, name: str
) -> None:
    os.utime(ready.root / name)
    os.utime(ready.root / ".venv/ptywrap-stamp", (1000, 1000))
    ready.run("scripts/ptywrap", "--", "true")
    assert ready.made()


@pytest.mark.parametrize("words", [[], ["-l"], ["-il"], ["--login"]], ids=str)
def test_a_shell_does_not_wait_for_a_stale_environment(ready: Checkout, words: list[str]) -> None:
    os.utime(ready.root / ".venv/ptywrap-stamp", (1000, 1000))
    os.utime(ready.root / "constraints.txt")
    done = ready.run("scripts/ptywrap", *words)
    said = "ptywrap: its environment is out of date; `ptywrap status` renews it\n"
    given = "".join(f"{word}\n" for word in words) if words else ""
    assert (done.stdout, done.stderr) == (f"venv=\nargc={len(words)}\n{given}", said)
    assert not ready.made()


def test_a_shell_takes_a_stale_environment_that_is_elsewhere(
    ready: Checkout, tmp_path: Path
) -> None:
    elsewhere = an_environment(tmp_path / "elsewhere", ready.root)
    os.utime(elsewhere / "ptywrap-stamp", (1000, 1000))
    os.utime(ready.root / "constraints.txt")
    done = ready.run(environ={"PTYWRAP_VENV": str(elsewhere)})
    assert (done.stdout, ready.made()) == (f"venv={elsewhere}\nargc=0\n", False)


def test_an_environment_without_its_interpreter_is_stale(ready: Checkout) -> None:
    (ready.root / ".venv/bin/python").unlink()
    ready.run()
    assert ready.made()


def test_an_environment_of_another_checkout_is_stale(ready: Checkout, tmp_path: Path) -> None:
    (ready.root / ".venv/ptywrap-stamp").write_text(f"{tmp_path}\nx\n\n")
    ready.run()
    assert ready.made()


def test_an_environment_elsewhere_is_used_and_named(ready: Checkout, tmp_path: Path) -> None:
    elsewhere = an_environment(tmp_path / "elsewhere", ready.root)
    done = ready.run(environ={"PTYWRAP_VENV": str(elsewhere)})
    assert (done.stdout, ready.made()) == (f"venv={elsewhere}\nargc=0\n", False)


def test_an_accounts_own_environment_is_found_again(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout")
    name = "venv" + str(checkout.root).replace("/", "%")
    own = an_environment(tmp_path / "cache/ptywrap" / name, checkout.root)
    done = checkout.run(environ={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (done.stdout, checkout.made()) == (f"venv={own}\nargc=0\n", False)


@pytest.mark.parametrize(
    "environ", [{}, {"PTYWRAP_DISABLE": "1"}, {"DO_NOT_TRACK": "1"}], ids=["-c", "ours", "all"]
)
def test_a_line_for_the_real_shell_makes_no_environment(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    checkout = a_checkout(tmp_path / "checkout")
    arguments = ["-l"] if environ else ["-c", "true"]
    checkout.run("scripts/ptywrap", *arguments, environ=environ)
    assert not checkout.made()


@pytest.mark.parametrize("option", ["-c", "-lc", "-ilc"])
def test_a_line_behind_clustered_options_makes_no_environment(tmp_path: Path, option: str) -> None:
    checkout = a_checkout(tmp_path / "checkout")
    checkout.run("scripts/ptywrap", option, "true")
    assert not checkout.made()


def test_a_verb_has_its_environment_even_while_switched_off(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout")
    checkout.run("scripts/ptywrap", "log", environ={"PTYWRAP_DISABLE": "1"})
    assert checkout.made()


def test_without_an_environment_two_lines_say_so_and_the_launcher_runs(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", "echo 'ptywrap: there is no Python' >&2; exit 1\n")
    done = checkout.run("scripts/ptywrap", "--", "true")
    assert done.stdout == "venv=\nargc=2\n--\ntrue\n"
    assert done.stderr == (
        "ptywrap: there is no Python\n"
        "ptywrap: going on without it; put that right and the next call tries again\n"
    )


def test_without_an_environment_a_verb_says_so_in_two_lines_and_fails(tmp_path: Path) -> None:
    checkout = a_checkout(tmp_path / "checkout", "echo 'ptywrap: there is no Python' >&2; exit 1\n")
    done = checkout.run("scripts/ptywrap", "log")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ptywrap: there is no Python\nptywrap: put that right and call it again\n"
    )
