"""Row 26 for fish: each command is told once and exactly, and the user's world is as without us."""

import signal
from itertools import groupby

import pytest

from ptywrap import marks
from tests import account
from tests.e2e.hooked import Hooked, Launch, Told, forks, ok
from tests.e2e.places import Place, children
from tests.e2e.terminal import wait_for

pytestmark = pytest.mark.linux

LINES = (
    "echo one",
    "false | true",
    "for i in 1 2\recho $i\rend",
    "sh -c 'exit 4'",
    "function f; return 3; end",
    "f",
    "echo (echo two)",
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
    ok("for i in 1 2\necho $i\nend"),
    ok("sh -c 'exit 4'", 4),
    ok("function f; return 3; end"),
    ok("f", 3),
    ok("echo (echo two)"),
    ok("sleep 0 &"),
    ok("cd /"),
    ok("echo one"),
    ok("echo one"),
    ok(None, 127),
]
# fish draws its prompt as it likes, so hooks say to a file what they find.
HOOKS = """
function before --on-event fish_preexec
    echo before $status $pipestatus -- $argv >>~/found
end
function behind --on-event fish_postexec
    echo behind $status $pipestatus -- $argv >>~/found
    return 5
end
function at_prompt --on-event fish_prompt
    echo at prompt $status $pipestatus >>~/found
end
"""


def test_every_command_is_told_once_and_exactly(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.type(*LINES)
    assert shell.told() == TOLD


def test_every_told_command_has_been_told_to_start(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.type(*LINES)
    assert [type(record) for record in shell.records()] == [marks.Started, marks.Ended] * len(TOLD)


def test_an_ordinary_user_is_told_of_in_the_same_way(place: Place, second: account.Account) -> None:
    place.give(second.uid, second.gid)
    shell = Hooked(place, Launch("fish", before=account.becoming(second)))
    shell.type(*LINES)
    assert shell.told() == TOLD
    assert shell.file.stat().st_uid == second.uid


def test_without_a_clock_the_length_is_told(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.type("sleep 0.3; cd /")
    started, ended = shell.records()
    assert isinstance(ended, marks.Ended)
    assert ended.length_us is not None
    assert 300_000 <= ended.length_us < 30_000_000
    assert (started.at_us, ended.at_us) == (None, None)
    assert (started.cwd, ended.cwd) == (str(place.work), "/")


def test_a_running_command_is_told_before_it_ends(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.window.line("sleep 60")
    assert wait_for(lambda: bool(children(shell.pid)))
    assert [type(record) for record in shell.records()] == [marks.Started]
    assert b"sleep" not in shell.file.read_bytes()


def test_an_interrupted_command_is_told(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.interrupt("sleep 60\r")
    assert shell.told() == [ok("sleep 60", 128 + signal.SIGINT)]


def test_an_interrupted_line_is_not_told(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.interrupt("echo abandoned quiz")
    shell.type("true")
    assert shell.told() == [ok("true")]


@pytest.mark.parametrize(
    ("rc", "line"), [("", " echo secret"), ("set -g fish_private_mode 1\n", "echo secret")]
)
def test_a_private_line_is_told_nowhere(place: Place, rc: str, line: str) -> None:
    shell = Hooked(place, Launch("fish", rc=rc))
    shell.type(line)
    assert not shell.file.exists()


def test_a_line_and_a_directory_may_hold_any_byte(place: Place) -> None:
    shell = Hooked(place, Launch("fish", rc="bind \\cv 'commandline -i \\x1f\\t\\x1eE'\n"))
    shell.type("mkdir a\\tb\\nc\\\\d\\x1e\\x1f; cd a*; : '\x16'", "true")
    line = "mkdir a\\tb\\nc\\\\d\\x1e\\x1f; cd a*; : '\x1f\t\x1eE'"
    assert shell.told() == [ok(line), ok("true")]
    assert shell.records()[-1].cwd == f"{place.work}/a\tb\nc\\d\x1e\x1f"


def test_hooks_of_the_user_find_what_they_find_without_us(place: Place) -> None:
    lines = ("false | true", "", "sh -c 'exit 4'", "echo $status $pipestatus >>~/found")
    found = place.home / "found"
    launch = Launch("fish", rc=HOOKS)
    seen = []
    for hooked in (False, True):
        shell = Hooked(place, launch._replace(hooked=hooked))
        shell.type("rm ~/found", *lines, "true")
        # fish may tell of one prompt twice, and of the last one later.
        text = found.read_text().partition("before 0 0 -- true")[0]
        seen.append([line for line, _again in groupby(text.splitlines())])
        launch = launch._replace(rc="")
    assert seen[1] == seen[0]
    assert [told.text for told in shell.told()][1:] == [*filter(None, lines), "true"]


@pytest.mark.parametrize("folders", [None, "", "/no/such/folder", "/a:/usr/share"])
def test_the_folders_of_the_user_are_given_back(place: Place, folders: str | None) -> None:
    lines = (
        "env | grep '^XDG_DATA_DIRS' >>~/found",
        "set -S fish_function_path fish_complete_path >>~/found",
        "set -S __fish_vendor_confdirs XDG_DATA_DIRS | grep -v inherited >>~/found",
    )
    found = place.home / "found"
    seen = []
    for hooked in (False, True):
        Hooked(place, Launch("fish", hooked=hooked), XDG_DATA_DIRS=folders).type(*lines)
        seen.append(found.read_text())
        found.unlink()
    assert seen[1] == seen[0]


def test_a_folder_that_the_users_file_adds_stays(place: Place) -> None:
    conf = place.folder("config/fish/conf.d")
    (conf / "own.fish").write_text("set -gx XDG_DATA_DIRS $XDG_DATA_DIRS:/mine\n")
    shell = Hooked(place, Launch("fish"), XDG_DATA_DIRS="/a")
    shell.type("echo $XDG_DATA_DIRS >~/found")
    assert (place.home / "found").read_text() == "/a:/mine\n"


def test_commands_inherit_four_variables_of_ours_and_no_more(place: Place) -> None:
    shell = Hooked(place, Launch("fish"), PTYWRAP_MARKS_TEXT="1")
    shell.type("env >env")
    names = {line.partition("=")[0] for line in (place.work / "env").read_text().splitlines()}
    ours = {name for name in names if name.startswith("PTYWRAP_")} - {"PTYWRAP_VENV"}
    assert ours == {"PTYWRAP_MARKS", "PTYWRAP_SESSION", "PTYWRAP_TTY", "PTYWRAP_KEEPER"}
    assert names.isdisjoint({"XDG_DATA_DIRS", "__pw_file"})


def test_a_shell_typed_inside_writes_nothing(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.type("fish", "echo inner", "exit")
    assert [told.text for told in shell.told()] == ["fish"]
    assert [path.name for path in shell.marks.iterdir()] == [shell.file.name]


@pytest.mark.parametrize("login", [False, True])
def test_the_state_of_the_shell_is_that_of_the_bare_shell(place: Place, login: bool) -> None:
    state = "begin; set --names; functions --all --names; umask; env; bind; abbr; end"
    for hooked in (False, True):
        shell = Hooked(place, Launch("fish", login=login, hooked=hooked))
        shell.type(f"{state} | grep -v '__pw\\|PTYWRAP\\|^_=' | sort >state-{hooked}")
    assert (place.work / "state-True").read_text() == (place.work / "state-False").read_text()


@pytest.mark.parametrize("mask", ["0000", "0022"])
def test_the_mark_file_is_for_its_owner_alone_and_the_umask_stays(place: Place, mask: str) -> None:
    shell = Hooked(place, Launch("fish", rc=f"umask {mask}\n"))
    shell.type("true", "umask >~/mask")
    assert (place.home / "mask").read_text() == f"{mask}\n"
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_a_file_that_was_taken_away_is_made_again(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.type("echo a")
    shell.file.rename(shell.marks / "old")
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]
    assert shell.file.stat().st_mode & 0o7777 == 0o600


def test_without_its_folder_the_hook_is_silent_and_waits(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.marks.rmdir()
    output = shell.type("echo a")
    assert b"redirect" not in output
    shell.marks.mkdir(mode=0o700)
    shell.type("echo b")
    assert shell.told() == [ok("echo b")]


def test_a_full_disk_is_not_told_to_the_user(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    shell.file.symlink_to("/dev/full")
    shell.type("echo a")
    assert b"space" not in shell.type("echo b")


def test_no_text_is_written_where_marks_are_not_in_memory(place: Place) -> None:
    shell = Hooked(place, Launch("fish"), PTYWRAP_MARKS_TEXT="0")
    shell.type("echo canary", "set -q PTYWRAP_MARKS_TEXT; echo $status >flag")
    assert [told.text for told in shell.told()] == [None, None]
    assert b"canary" not in shell.file.read_bytes()
    assert (place.work / "flag").read_text() == "1\n"


def test_a_prompt_costs_no_fork(place: Place) -> None:
    shell = Hooked(place, Launch("fish"))
    with forks(shell.pid) as found:
        shell.type("echo a", "cd /", "echo b", "", "false")
    assert found == []
