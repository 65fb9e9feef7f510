"""A shell is led to our hooks where it asks for nothing else, and left alone everywhere else."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.launch import inject

HOOKS = b"/opt/hooks"
ENVIRON = {b"HOME": b"/home/ada", b"PTYWRAP_MARKS": b"/run/marks"}


def changed(
    shell: bytes, *flags: bytes, login: bool = False, environ: dict[str, bytes] | None = None
) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Return argv and what is new in the environment of a shell."""
    first = b"-" + shell if login else b"/usr/bin/" + shell
    before = ENVIRON | {name.encode(): value for name, value in (environ or {}).items()}
    argv, after = inject.injected(b"/usr/bin/" + shell, [first, *flags], before, HOOKS, login)
    assert before.items() >= ENVIRON.items()
    return argv, dict(after.items() - before.items())


def test_bash_reads_our_file_instead_of_its_own() -> None:
    assert changed(b"bash") == ([b"/usr/bin/bash", b"--rcfile", b"/opt/hooks/ptywrap.bash"], {})


def test_a_flag_stays_behind_the_long_option() -> None:
    assert changed(b"bash", b"-i")[0][1:] == [b"--rcfile", b"/opt/hooks/ptywrap.bash", b"-i"]


def test_a_login_bash_reads_our_file_by_env() -> None:
    assert changed(b"bash", login=True) == (
        [b"-bash", b"--posix"],
        {b"ENV": b"/opt/hooks/ptywrap.bash"},
    )


@pytest.mark.parametrize("flag", [b"-l", b"--login", b"-il"])
def test_a_login_flag_makes_a_login_bash(flag: bytes) -> None:
    assert changed(b"bash", flag)[0] == [b"/usr/bin/bash", b"--posix", flag]


def test_a_value_of_the_user_waits_in_a_variable_of_ours() -> None:
    assert changed(b"bash", login=True, environ={"ENV": b"mine"})[1] == {
        b"ENV": b"/opt/hooks/ptywrap.bash",
        b"PTYWRAP_ENV": b"mine",
    }
    assert changed(b"zsh", environ={"ZDOTDIR": b""})[1] == {
        b"ZDOTDIR": b"/opt/hooks/zsh",
        b"PTYWRAP_ZDOTDIR": b"",
    }


def test_a_value_that_waited_in_another_session_is_forgotten() -> None:
    environ = ENVIRON | {b"PTYWRAP_ZDOTDIR": b"old"}
    assert (
        b"PTYWRAP_ZDOTDIR" not in inject.injected(b"zsh", [b"zsh"], environ, HOOKS, login=False)[1]
    )


def test_zsh_is_led_to_a_folder() -> None:
    assert changed(b"zsh", login=True) == ([b"-zsh"], {b"ZDOTDIR": b"/opt/hooks/zsh"})


@pytest.mark.parametrize(
    ("folders", "led"),
    [
        ({}, b"/opt/hooks"),
        ({"XDG_DATA_DIRS": b""}, b"/opt/hooks:"),
        ({"XDG_DATA_DIRS": b"/a:/b"}, b"/opt/hooks:/a:/b"),
    ],
)
def test_fish_finds_our_folder_first(folders: dict[str, bytes], led: bytes) -> None:
    assert changed(b"fish", environ=folders) == ([b"/usr/bin/fish"], {b"XDG_DATA_DIRS": led})


@pytest.mark.parametrize(
    ("shell", "flags"),
    [
        (b"bash", (b"--norc",)),
        (b"bash", (b"--rcfile", b"/mine")),
        (b"bash", (b"--init-file", b"/mine")),
        (b"bash", (b"--noprofile", b"-l")),
        (b"bash", (b"--posix",)),
        (b"bash", (b"-c", b"ls")),
        (b"bash", (b"script",)),
        (b"zsh", (b"-f",)),
        (b"zsh", (b"-o", b"norcs")),
        (b"fish", (b"--no-config",)),
        (b"fish", (b"-N",)),
        (b"dash", ()),
        (b"nu", ()),
        (b"rbash", ()),
    ],
)
def test_a_shell_with_a_will_of_its_own_is_left_alone(
    shell: bytes, flags: tuple[bytes, ...]
) -> None:
    assert changed(shell, *flags) == ([b"/usr/bin/" + shell, *flags], {})


@pytest.mark.parametrize(
    "environ", [{"POSIXLY_CORRECT": b"y"}, {"SHELLOPTS": b"braceexpand:posix"}]
)
def test_a_bash_in_posix_mode_is_left_alone(environ: dict[str, bytes]) -> None:
    assert changed(b"bash", environ=environ) == ([b"/usr/bin/bash"], {})


def test_a_bash_named_sh_is_left_alone() -> None:
    assert inject.injected(b"/bin/bash", [b"-sh"], ENVIRON, HOOKS, login=True) == (
        [b"-sh"],
        ENVIRON,
    )


def test_without_a_place_for_marks_nothing_is_changed() -> None:
    assert inject.injected(b"/bin/bash", [b"bash"], {}, HOOKS, login=False) == ([b"bash"], {})


@given(
    st.binary(),
    st.lists(st.binary(), min_size=1),
    st.dictionaries(st.binary(), st.binary()),
    st.booleans(),
)
def test_the_callers_values_are_never_changed_in_place(
    shell: bytes, argv: list[bytes], environ: dict[bytes, bytes], login: bool
) -> None:
    before = (list(argv), dict(environ))
    inject.injected(shell, argv, environ, HOOKS, login)
    assert (argv, environ) == before


@pytest.mark.parametrize("name", ["ptywrap.bash", "zsh/.zshenv", "fish/vendor_conf.d/ptywrap.fish"])
def test_a_hook_file_is_where_the_shell_is_led_and_short(name: str) -> None:
    path = Path(inject.__file__).parents[1] / "shell" / name
    assert len(path.read_text().splitlines()) < 100


def test_it_runs_where_nothing_else_is_loaded() -> None:
    path = Path(inject.__file__)
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "import inject\n"
        "inject.injected(b'/bin/bash', [b'-bash'], {b'PTYWRAP_MARKS': b'/'}, b'/', True)\n"
        "sys.stdout.write(' '.join(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(path.parent)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "inject"
