"""Which shell is the real one: never ourselves, and never what a wrong setting names."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.places import Place
from tests.e2e.terminal import LAUNCHER
from tests.ptywrap.launch.launches import configured, said, with_system

pytestmark = pytest.mark.linux
SHELL = "echo $0 ${PTYWRAP_SESSION-bare}"


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


@pytest.mark.parametrize(
    "text",
    [
        'shell = "/bin/dash"\n',
        "shell='/bin/dash'   # the small one\n",
        '# first\n\n  shell  =  "/bin/dash"\n[templates]\nshell = "/bin/zsh"\n',
        'enabled = true\nshell = "/bin/dash"',
    ],
)
def test_the_configured_shell_is_the_real_one(place: Place, text: str) -> None:
    configured(place, text)
    assert said(place, "-c", SHELL) == (0, "/bin/dash bare\n")


@pytest.mark.parametrize(
    "text", ['shell = ""\n', 'shell = "dash"\n', "shell = 7\n", '[x]\nshell = "/bin/dash"\n', "=\n"]
)
def test_a_shell_that_is_no_path_is_not_taken(place: Place, text: str) -> None:
    configured(place, text)
    assert said(place, "-c", SHELL) == (0, "/bin/bash bare\n")


def test_the_environment_wins_over_the_file(place: Place) -> None:
    configured(place, 'shell = "/bin/zsh"\n')
    assert said(place, "-c", SHELL, PTYWRAP_SHELL="/bin/dash") == (0, "/bin/dash bare\n")


def test_we_are_never_our_own_shell(place: Place) -> None:
    link = place.work / "any-name"
    link.symlink_to(LAUNCHER[0])
    status, answer = said(place, "-c", "echo $0", SHELL=str(link))
    assert (status, answer.strip() in ("/bin/zsh", "/bin/bash")) == (0, True)


def test_the_shell_that_was_ours_before_is_found_again(place: Place) -> None:
    saved = place.state / "ptywrap/former-shell"
    saved.parent.mkdir()
    saved.write_text("/bin/dash\n")
    assert said(place, "-c", SHELL, SHELL=LAUNCHER[0]) == (0, "/bin/dash bare\n")


WRONG = ["/nonexistent", "/bin", "/etc/passwd", "ptywrap", "nonexistent", "/bin/", " "]


@pytest.mark.parametrize("wrong", [*WRONG, LAUNCHER[0]])
def test_a_setting_that_names_no_shell_is_passed_over(place: Place, wrong: str) -> None:
    assert said(place, "-c", SHELL, PTYWRAP_SHELL=wrong) == (0, "/bin/bash bare\n")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_names_no_shell_is_passed_over(place: Place, wrong: str) -> None:
    configured(place, f'shell = "{wrong}"\n')
    assert said(place, "-c", SHELL) == (0, "/bin/bash bare\n")


def test_a_copy_of_us_is_no_shell_either(place: Place) -> None:
    copy = place.work / "ptywrap"
    shutil.copy(LAUNCHER[0], copy)
    assert said(place, "-c", SHELL, PTYWRAP_SHELL=str(copy)) == (0, "/bin/bash bare\n")


def test_a_shell_variable_that_names_no_shell_fails_as_it_does_without_us(place: Place) -> None:
    assert said(place, "-c", "echo $0", SHELL="/nonexistent") == (127, "")


def test_a_shell_variable_may_be_a_name(place: Place) -> None:
    assert said(place, "-c", SHELL, SHELL="dash") == (0, "dash bare\n")


def test_a_saved_shell_that_is_ourselves_is_passed_over(place: Place) -> None:
    saved = place.state / "ptywrap/former-shell"
    saved.parent.mkdir()
    saved.write_text(f"{LAUNCHER[0]}\n")
    status, answer = said(place, "-c", "echo $0", SHELL=LAUNCHER[0])
    assert (status, answer.strip() in ("/bin/zsh", "/bin/bash")) == (0, True)


LOCKS = {
    "table": 'shell = "/bin/dash"\n[locked]\nshell = true\n',
    "spaced": 'shell = "/bin/dash"\n\n [ locked ] # by us\n  shell=true # too\n',
    "dotted": 'shell = "/bin/dash"\nlocked.shell = true\n',
    "last": 'shell = "/bin/dash"\n[templates]\nshell = "x"\n[locked]\nargv = true\nshell = true\n',
}
OPEN = {
    "none": 'shell = "/bin/dash"\n',
    "another key": 'shell = "/bin/dash"\n[locked]\nargv = true\n',
    "another table": 'shell = "/bin/dash"\n[locked]\n[templates]\nshell = true\n',
    "unlocked": 'shell = "/bin/dash"\n[locked]\nshell = false\n',
}


def under(place: Place, system: str, **environ: str | None) -> str:
    """Return the shell that is launched under a system file; the user's file names bash."""
    configured(place, 'shell = "/bin/bash"\n[locked]\nshell = true\n')
    done = subprocess.run(
        with_system(place, system, [*LAUNCHER, "-c", "echo $0"]),
        env=place.environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.root
@pytest.mark.parametrize("name", LOCKS)
def test_a_locked_shell_is_no_later_layers_to_change(place: Place, name: str) -> None:
    assert under(place, LOCKS[name], PTYWRAP_SHELL="/bin/sh") == "/bin/dash"


@pytest.mark.root
@pytest.mark.parametrize("name", OPEN)
def test_a_shell_that_is_not_locked_is_the_users_to_change(place: Place, name: str) -> None:
    assert under(place, OPEN[name]) == "/bin/bash"


@pytest.mark.root
def test_the_systems_shell_is_the_real_one_where_nobody_changes_it(place: Place) -> None:
    system = with_system(place, OPEN["none"], [*LAUNCHER, "-c", "echo $0"])
    told = subprocess.check_output(system, env=place.environment(), text=True)
    assert told == "/bin/dash\n"
