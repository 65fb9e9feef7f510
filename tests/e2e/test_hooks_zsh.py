"""Row 26 for zsh: each command is told once and exactly, and the user's world is as without us."""

import signal

import pytest

from ptywrap import marks
from tests import account
from tests.e2e.hooked import Hooked, Launch, Told, comma_locale, forks, ok
from tests.e2e.places import Place, children
from tests.e2e.terminal import wait_for

pytestmark = pytest.mark.linux

LINES = (
    "echo one",
    "false | true",
    "for i in 1 2\rdo echo $i\rdone",
    "(exit 4)",
    "f() { return 3; }",
    "f",
    "echo $(echo two)",
    "sleep 0 &",
    "cd /",
    "echo one",
    "echo one",
    "",
    " echo spaced",
    "no-such-program secret",
)
TOLD = [
    ok("echo one"),
    Told("false | true", 0, (1, 0)),
    ok("for i in 1 2\ndo echo $i\ndone"),
    ok("(exit 4)", 4),
    # A definition leaves pipestatus as it was.
    Told("f() { return 3; }", 0, (4,)),
    ok("f", 3),
    ok("echo $(echo two)"),
    ok("sleep 0 &"),
    ok("cd /"),
    ok("echo one"),
    ok("echo one"),
    ok(None, 127),
]
HOOKS = r"""
first() { print "first $? $pipestatus"; return 5; }
second() { print "second $? $pipestatus"; }
before() { print "before $1"; }
precmd() { print "precmd $? $pipestatus"; }
preexec() { print "preexec $1"; }
precmd_functions=(first second)
preexec_functions=(before)
"""


def test_every_command_is_told_once_and_exactly(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type(*LINES)
    assert shell.told() == TOLD


def test_every_told_command_has_been_told_to_start(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type(*LINES)
    assert [type(record) for record in shell.records()] == [marks.Started, marks.Ended] * len(TOLD)


def test_an_ordinary_user_is_told_of_in_the_same_way(place: Place, second: account.Account) -> None:
    place.give(second.uid, second.gid)
    shell = Hooked(place, Launch("zsh", before=account.becoming(second)))
    shell.type(*LINES)
    assert shell.told() == TOLD
    assert shell.file.stat().st_uid == second.uid


def test_a_command_lasts_from_enter_to_its_end(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type("sleep 0.3; cd /")
    started, ended = shell.records()
    assert started.at_us is not None
    assert ended.at_us is not None
    assert 300_000 <= ended.at_us - started.at_us < 30_000_000
    assert (started.cwd, ended.cwd) == (str(place.work), "/")


def test_a_running_command_is_told_before_it_ends(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.window.line("sleep 60")
    assert wait_for(lambda: bool(children(shell.pid)))
    assert [type(record) for record in shell.records()] == [marks.Started]
    assert b"sleep" not in shell.file.read_bytes()


def test_an_interrupted_command_is_told(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.interrupt("sleep 60\r")
    assert shell.told() == [ok("sleep 60", 128 + signal.SIGINT)]


def test_an_interrupted_line_is_not_told(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.interrupt("echo abandoned quiz")
    assert shell.records() == []


def test_a_line_that_starts_with_a_space_is_told_nowhere(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type(" echo secret")
    assert not shell.file.exists()


def test_a_line_and_a_directory_may_hold_any_byte(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    line = "mkdir $'a\\tb\\nc\\\\d\\036\\037' && cd a* && : '\x1f\t\x1eE'"
    # Ctrl-V makes the line editor take the next key as it is.
    shell.type("".join("\x16" + key if key < " " else key for key in line))
    shell.type("true")
    assert shell.told() == [ok(line), ok("true")]
    assert shell.records()[-1].cwd == f"{place.work}/a\tb\nc\\d\x1e\x1f"


def test_hooks_of_the_user_see_and_print_what_they_do_without_us(place: Place) -> None:
    lines = ("false | true", "", "(exit 4)", "echo $? $pipestatus", "fc -l 1")
    launch = Launch("zsh", rc=HOOKS)
    bare = Hooked(place, launch._replace(hooked=False)).type(*lines)
    hooked = Hooked(place, launch._replace(rc=""))
    assert hooked.type(*lines) == bare
    assert [told.text for told in hooked.told()] == [line for line in lines if line]


@pytest.mark.parametrize(
    "option",
    [
        "ksharrays",
        "shwordsplit",
        "nounset",
        "noclobber",
        "errreturn",
        "noglob",
        "warncreateglobal",
        "extendedglob",
        "histignorespace",
        "histignorealldups",
    ],
)
def test_no_option_of_the_shell_makes_us_seen(place: Place, option: str) -> None:
    lines = (f"setopt {option}", "echo a", "false | true", "echo b")
    bare = Hooked(place, Launch("zsh", hooked=False)).type(*lines)
    hooked = Hooked(place, Launch("zsh"))
    assert hooked.type(*lines) == bare
    assert hooked.told()[-3:] == [ok("echo a"), Told("false | true", 0, (1, 0)), ok("echo b")]


def test_exporting_everything_exports_nothing_of_ours(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type("setopt allexport", "true", "env >during", "unsetopt allexport", "env >after")
    for name in ("during", "after"):
        assert "__pw" not in (place.work / name).read_text()


def test_commands_inherit_four_variables_of_ours_and_no_more(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"), PTYWRAP_MARKS_TEXT="1")
    shell.type("env >env")
    names = {line.partition("=")[0] for line in (place.work / "env").read_text().splitlines()}
    ours = {name for name in names if name.startswith("PTYWRAP_")} - {"PTYWRAP_VENV"}
    assert ours == {"PTYWRAP_MARKS", "PTYWRAP_SESSION", "PTYWRAP_TTY", "PTYWRAP_KEEPER"}
    assert "ZDOTDIR" not in names


def test_a_shell_typed_inside_writes_nothing(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type("zsh", "echo inner", "exit")
    assert [told.text for told in shell.told()] == ["zsh"]
    assert [path.name for path in shell.marks.iterdir()] == [shell.file.name]


@pytest.mark.parametrize("name", ["precmd_functions", "preexec_functions"])
def test_overwritten_hooks_are_kept_and_ours_come_before_them(place: Place, name: str) -> None:
    shell = Hooked(place, Launch("zsh", rc=HOOKS))
    shell.type(f"{name}=(second)", "echo a", "echo b")
    assert b"second" in shell.type("echo c")
    assert [told.text for told in shell.told()][-2:] == ["echo b", "echo c"]
    shell.type(f"print -l ${name} >order")
    order = (place.work / "order").read_text().split()
    assert order == [f"__pw_{name.removesuffix('_functions')}", "second"]


def test_the_files_of_the_user_are_read_once_in_their_order(place: Place) -> None:
    for name in (".zshenv", ".zprofile", ".zlogin"):
        (place.home / name).write_text(f"print {name} ${{ZDOTDIR-none}} >>~/read\n")
    Hooked(place, Launch("zsh", login=True, rc="print .zshrc ${ZDOTDIR-none} >>~/read\n"))
    read = (place.home / "read").read_text().splitlines()
    assert read == [f"{name} none" for name in (".zshenv", ".zprofile", ".zshrc", ".zlogin")]


def test_a_folder_of_files_that_the_user_has_is_given_back(place: Place) -> None:
    other = place.folder("other")
    (other / ".zshrc").write_text("PS1='ready> '\nprint $ZDOTDIR >~/read\n")
    shell = Hooked(place, Launch("zsh"), ZDOTDIR=str(other))
    shell.type("echo a")
    assert (place.home / "read").read_text() == f"{other}\n"
    assert shell.told() == [ok("echo a")]


def test_a_folder_that_the_users_first_file_names_is_followed(place: Place) -> None:
    other = place.folder("other")
    (other / ".zshrc").write_text("PS1='ready> '\n")
    (place.home / ".zshenv").write_text(f"ZDOTDIR={other}\n")
    shell = Hooked(place, Launch("zsh", rc="print wrong\n"))
    assert b"wrong" not in shell.window.output
    shell.type("echo a")
    assert shell.told() == [ok("echo a")]


STATE = (
    "{ setopt; alias; umask; bindkey; ulimit -a; env; typeset +; print -l ${(ok)functions}; } 2>&1"
    " | grep -av 'PTYWRAP\\|^_=\\|__pw\\|epochtime\\|errnos\\|sysparams'"
    " | grep -v 'precmd\\|preexec\\|EPOCH'"
)


@pytest.mark.parametrize("login", [False, True])
def test_the_state_of_the_shell_is_that_of_the_bare_shell(place: Place, login: bool) -> None:
    for hooked in (False, True):
        shell = Hooked(place, Launch("zsh", login=login, hooked=hooked))
        shell.type(f"{STATE} >state-{hooked}")
    assert _state(place, "state-True") == _state(place, "state-False")


def _state(place: Place, name: str) -> list[str]:
    return sorted((place.work / name).read_text(errors="replace").splitlines())


def test_a_locale_with_a_decimal_comma_changes_nothing(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"), **comma_locale(place.folder("locales")))
    shell.type("echo a")
    assert all((record.at_us or 0) > 1_700_000_000_000_000 for record in shell.records())


@pytest.mark.parametrize("mask", ["000", "022"])
def test_the_mark_file_is_for_its_owner_alone_and_the_umask_stays(place: Place, mask: str) -> None:
    shell = Hooked(place, Launch("zsh", rc=f"umask {mask}\n"))
    assert f"{mask}\r\n".encode() in shell.type("true", "umask")
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_a_file_that_was_taken_away_is_made_again(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.type("echo a")
    shell.file.rename(shell.marks / "old")
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_without_its_folder_the_hook_is_silent_and_waits(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.marks.rmdir()
    assert b"zsh:" not in shell.type("echo a")
    shell.marks.mkdir(mode=0o700)
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]


def test_a_full_disk_is_not_told_to_the_user(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    shell.file.symlink_to("/dev/full")
    shell.type("echo a")
    assert b"space" not in shell.type("echo b")


def test_no_text_is_written_where_marks_are_not_in_memory(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"), PTYWRAP_MARKS_TEXT="0")
    shell.type("echo canary", "echo ${PTYWRAP_MARKS_TEXT-gone} >flag")
    assert [told.text for told in shell.told()] == [None, None]
    assert b"canary" not in shell.file.read_bytes()
    assert (place.work / "flag").read_text() == "gone\n"


def test_a_prompt_costs_no_fork(place: Place) -> None:
    shell = Hooked(place, Launch("zsh"))
    with forks(shell.pid) as found:
        shell.type("echo a", "cd /", "echo b", "", "false")
    assert found == []
