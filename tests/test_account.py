"""The second account is ordinary, can run the product, and leaves nothing running."""

import os
import subprocess
import sys

from tests import account
from tests import home as homes


def test_the_second_account_is_not_root(second: account.Account, second_home: homes.Home) -> None:
    done = account.run_as(second, ["id", "-un"], second_home.environ)
    assert done.stdout == "ptywraptest\n"


def test_the_second_account_imports_the_product(
    second: account.Account, second_home: homes.Home
) -> None:
    code = "import ptywrap; print(ptywrap.__version__)"
    done = account.run_as(second, [second.python, "-I", "-c", code], second_home.environ)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_second_account_writes_to_its_own_home(
    second: account.Account, second_home: homes.Home
) -> None:
    done = account.run_as(second, ["sh", "-c", 'echo x >"$XDG_STATE_HOME/x"'], second_home.environ)
    assert done.returncode == 0


def test_the_second_account_cannot_write_to_the_checkout(
    second: account.Account, second_home: homes.Home
) -> None:
    done = account.run_as(
        second, ["sh", "-c", f": >>{second.checkout}/pyproject.toml"], second_home.environ
    )
    assert done.returncode != 0


def test_a_process_left_in_a_home_is_named(home: homes.Home) -> None:
    left = subprocess.Popen(["sleep", "60"], env=home.environ, start_new_session=True)
    try:
        assert homes.leaks(home, patience_s=0) == [f"{left.pid} sleep 60"]
    finally:
        left.kill()
        left.wait()


def test_closing_a_home_ends_what_was_started_there(home: homes.Home) -> None:
    left = subprocess.Popen(["sleep", "60"], env=home.environ, start_new_session=True)
    homes.close(home)
    assert left.wait(timeout=10) == -9


def test_a_test_that_asks_for_no_home_is_not_in_the_developers() -> None:
    places = [value for name, value in os.environ.items() if name.startswith("XDG_")]
    assert all(value.startswith(os.environ["HOME"]) for value in places)


def test_nothing_says_that_ptywrap_is_switched_off_during_tests() -> None:
    assert [name for name in os.environ if name.startswith(("PTYWRAP_", "DO_NOT"))] == []


def test_the_tests_run_in_an_environment_of_the_checkout() -> None:
    assert sys.prefix != sys.base_prefix
