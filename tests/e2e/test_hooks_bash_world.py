"""Row 26 for bash, the other half: hooks, options, files and variables stay the user's own."""

import pytest

from tests.e2e.hooked import Hooked, Launch, Told, comma_locale, ok
from tests.e2e.places import Place

pytestmark = pytest.mark.linux

# Hooks of every kind, with the status each one finds.
HOOKS = r"""
PS0='<ps0>'
trap 'echo "debug $BASH_COMMAND"' DEBUG
trap 'echo "err $?"' ERR
first() { echo "first $? ${PIPESTATUS[*]} $_"; }
second() { echo "second $? ${PIPESTATUS[*]}"; return 5; }
"""


@pytest.mark.parametrize(
    "prompt_command",
    ["", "PROMPT_COMMAND=first", "PROMPT_COMMAND='first; second'", "PROMPT_COMMAND=(first second)"],
)
def test_hooks_of_the_user_see_and_print_what_they_do_without_us(
    place: Place, prompt_command: str
) -> None:
    lines = ("false | true", "", "(exit 4)", "echo $? ${PIPESTATUS[@]} $_", "trap -p", "history")
    launch = Launch(rc=HOOKS + prompt_command + "\n")
    bare = Hooked(place, launch._replace(hooked=False)).type(*lines)
    hooked = Hooked(place, launch._replace(rc=""))
    assert hooked.type(*lines) == bare
    assert [told.text for told in hooked.told()] == [line for line in lines if line]


@pytest.mark.parametrize(
    "option", ["set -u", "set -x", "set -f", "set -o posix", "set -C", "set -e; ! true"]
)
def test_no_option_of_the_shell_makes_us_seen(place: Place, option: str) -> None:
    lines = (option, "echo a", "! true", "echo b")
    bare = Hooked(place, Launch(hooked=False)).type(*lines)
    hooked = Hooked(place)
    assert hooked.type(*lines) == bare
    assert [told.text for told in hooked.told()] == list(lines)


def test_exporting_everything_exports_nothing_of_ours(place: Place) -> None:
    shell = Hooked(place)
    shell.type("set -a", "true", "env >during", "set +a", "env >after")
    for name in ("during", "after"):
        assert "__pw" not in (place.work / name).read_text()


def test_commands_inherit_four_variables_of_ours_and_no_more(place: Place) -> None:
    shell = Hooked(place, PTYWRAP_MARKS_TEXT="1")
    shell.type("env >env")
    names = {line.partition("=")[0] for line in (place.work / "env").read_text().splitlines()}
    ours = {name for name in names if name.startswith("PTYWRAP_")} - {"PTYWRAP_VENV"}
    assert ours == {"PTYWRAP_MARKS", "PTYWRAP_SESSION", "PTYWRAP_TTY", "PTYWRAP_KEEPER"}
    assert names.isdisjoint({"ENV", "PROMPT_COMMAND", "PS0", "POSIXLY_CORRECT"})


def test_a_shell_typed_inside_writes_nothing(place: Place) -> None:
    shell = Hooked(place)
    shell.type("bash", "echo inner", "exit")
    assert [told.text for told in shell.told()] == ["bash"]
    assert [path.name for path in shell.marks.iterdir()] == [shell.file.name]


def test_a_tool_that_puts_itself_first_comes_second_and_sees_the_same(place: Place) -> None:
    change = 'PROMPT_COMMAND="second; $PROMPT_COMMAND"'
    lines = ("false", "(exit 4) | true", "true")
    launch = Launch(rc=HOOKS + "PROMPT_COMMAND=first\n")
    bare = Hooked(place, launch._replace(hooked=False))
    hooked = Hooked(place, launch._replace(rc=""))
    for shell in (bare, hooked):
        shell.type(change)
    assert hooked.type(*lines) == bare.type(*lines)
    assert [told.text for told in hooked.told()] == [change, *lines]
    hooked.type("declare -p PROMPT_COMMAND >order")
    order = (place.work / "order").read_text()
    assert order.index("__pw_prompt") < order.index("second; first")


@pytest.mark.parametrize("value", ["second", "(second)", "''"])
def test_a_tool_that_overwrites_us_keeps_what_it_wrote(place: Place, value: str) -> None:
    shell = Hooked(place, Launch(rc=HOOKS + "PROMPT_COMMAND=first\n"))
    shell.type("echo a", f"PROMPT_COMMAND={value}", "echo b", "echo c")
    output = shell.type("false")
    assert (b"first" in output, b"second" in output) == (False, "second" in value)
    told = [told.text for told in shell.told()]
    assert told[:1] + told[-2:] == ["echo a", "echo c", "false"]


def test_an_overwritten_ps0_is_kept_and_ours_comes_behind_it(place: Place) -> None:
    shell = Hooked(place)
    shell.type("PS0='<new>'", "echo a")
    assert b"\n<new>b\r\n" in shell.type("echo b")
    assert [told.text for told in shell.told()][-1] == "echo b"


@pytest.mark.parametrize("name", ["PROMPT_COMMAND", "PS0"])
def test_a_readonly_variable_makes_us_give_up_in_silence(place: Place, name: str) -> None:
    launch = Launch(rc=HOOKS + f"PROMPT_COMMAND=first\nreadonly {name}\n")
    bare = Hooked(place, launch._replace(hooked=False)).type("echo a", "false")
    hooked = Hooked(place, launch._replace(rc=""))
    assert hooked.type("echo a", "false") == bare
    assert hooked.records() == []


def test_a_prompt_command_made_readonly_later_is_left_alone(place: Place) -> None:
    shell = Hooked(place)
    shell.type("PROMPT_COMMAND='echo mine'; readonly PROMPT_COMMAND")
    assert b"readonly" not in shell.type("echo a", "echo b")


def test_nothing_of_ours_is_printed_where_prompts_are_not_expanded(place: Place) -> None:
    shell = Hooked(place)
    shell.type("shopt -u promptvars")
    assert shell.type("echo a") == b"echo a\r\na\r\nready> "
    shell.type("shopt -s promptvars", "true", "echo back")
    assert shell.told()[-1] == ok("echo back")


def test_functions_named_like_builtins_are_not_called(place: Place) -> None:
    rc = "".join(f"{name}() {{ echo fooled; }}\n" for name in ("printf", "history", "local"))
    shell = Hooked(place, Launch(rc=rc))
    assert b"fooled" not in shell.type("echo a")
    assert shell.told() == [ok("echo a")]


def test_a_separator_of_words_made_of_digits_changes_nothing(place: Place) -> None:
    shell = Hooked(place, Launch(rc="IFS=0123456789\n"))
    shell.type("false | true")
    assert shell.told() == [Told("false | true", 0, (1, 0))]


def test_a_locale_with_a_decimal_comma_changes_nothing(place: Place) -> None:
    shell = Hooked(place, **comma_locale(place.folder("locales")))
    assert b"\n,\r" in shell.type("echo $EPOCHREALTIME | tr -d 0-9")
    (record,) = shell.records()
    assert record.at_us is not None
    assert record.at_us > 1_700_000_000_000_000


@pytest.mark.parametrize("mask", ["000", "022", "277"])
def test_the_mark_file_is_for_its_owner_alone_and_the_umask_stays(place: Place, mask: str) -> None:
    shell = Hooked(place, Launch(rc=f"umask {mask}\n"))
    assert f"0{mask}\r\n".encode() in shell.type("true", "umask")
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_a_file_that_was_taken_away_is_made_again(place: Place) -> None:
    shell = Hooked(place)
    shell.type("echo a")
    shell.file.rename(shell.marks / "old")
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_without_its_folder_the_hook_is_silent_and_waits(place: Place) -> None:
    shell = Hooked(place)
    shell.marks.rmdir()
    assert shell.type("echo a") == b"echo a\r\na\r\nready> "
    shell.marks.mkdir(mode=0o700)
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]


def test_a_full_disk_is_not_told_to_the_user(place: Place) -> None:
    shell = Hooked(place)
    shell.file.symlink_to("/dev/full")
    shell.type("echo a")
    assert b"space" not in shell.type("echo b")


def test_no_text_is_written_where_marks_are_not_in_memory(place: Place) -> None:
    shell = Hooked(place, PTYWRAP_MARKS_TEXT="0")
    shell.type("echo canary", "echo ${PTYWRAP_MARKS_TEXT-gone} >flag")
    assert [told.text for told in shell.told()] == [None, None]
    assert b"canary" not in shell.file.read_bytes()
    assert (place.work / "flag").read_text() == "gone\n"


def test_the_rc_file_is_read_once_and_no_profile(place: Place) -> None:
    for name in (".bash_profile", ".bash_login", ".profile"):
        (place.home / name).write_text(f"echo {name}\n")
    shell = Hooked(place, Launch(rc="echo bashrc\n"))
    seen = bytes(shell.window.output)
    assert (seen.count(b"bashrc"), seen.count(b"profile")) == (1, 0)


@pytest.mark.parametrize(
    ("present", "read"),
    [
        ((".bash_profile", ".bash_login", ".profile"), ".bash_profile"),
        ((".bash_login", ".profile"), ".bash_login"),
        ((".profile",), ".profile"),
    ],
)
def test_a_login_shell_reads_the_first_of_three_profiles(
    place: Place, present: tuple[str, ...], read: str
) -> None:
    for name in present:
        (place.home / name).write_text(f"echo {name} >>~/read; PS1='ready> '\n")
    shell = Hooked(place, Launch(login=True))
    shell.type("echo a")
    assert (place.home / "read").read_text() == f"{read}\n"
    assert shell.told() == [ok("echo a")]


STATE = (
    "{ set +o; shopt; trap -p; alias; umask; bind -pv; complete; ulimit -a; env; declare -p; }"
    " 2>&1 | grep -av 'EPOCH\\|RANDOM\\|PPID\\|BASHPID\\|PTYWRAP\\|__pw\\|^_=\\|declare -- _='"
)


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("env", [None, "/no/such/file"])
def test_the_state_of_the_shell_is_that_of_the_bare_shell(
    place: Place, login: bool, env: str | None
) -> None:
    (place.home / ".bash_profile").write_text("PS1='ready> '\n. ~/.bashrc\n")
    for hooked in (False, True):
        shell = Hooked(place, Launch(login=login, hooked=hooked), ENV=env)
        shell.type(f"unset HISTCMD; cd {place.work}; {STATE} >state-{hooked}")
    assert _state(place, "state-True") == _state(place, "state-False")


def _state(place: Place, name: str) -> list[str]:
    """Return what the shell said of itself, but for the two variables that are ours too."""
    lines = (place.work / name).read_text(errors="replace").splitlines()
    return [line for line in lines if "PROMPT_COMMAND" not in line and "PS0" not in line]


def test_a_login_shell_is_one_to_its_end(place: Place) -> None:
    (place.home / ".bash_profile").write_text("PS1='ready> '\n")
    (place.home / ".bash_logout").write_text("echo logged out\n")
    shell = Hooked(place, Launch(login=True))
    output = shell.type("echo $0 $(shopt -q login_shell && echo yes)")
    assert b"-bash yes" in output
    shell.window.line("logout")
    shell.window.until(b"logged out")


@pytest.mark.parametrize("rc", ["", "HISTTIMEFORMAT='%F '\n"])
def test_the_history_file_is_as_the_bare_shell_writes_it(place: Place, rc: str) -> None:
    written = []
    for hooked in (False, True):
        shell = Hooked(place, Launch(rc=rc, hooked=hooked))
        shell.type("echo a", "echo b | cat", "false")
        shell.window.line("exit")
        shell.window.finish()
        file = place.home / ".bash_history"
        written.append([line for line in file.read_text().splitlines() if line[0] != "#"])
        written.append([str(file.read_text().count("#"))])
        file.unlink()
        rc = ""
    assert written[:2] == written[2:]
