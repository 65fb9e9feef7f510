"""Row 26 for bash: each command is told once and exactly, and the user's world is as without us."""

import signal

import pytest

from ptywrap import marks
from tests import account
from tests.e2e.hooked import SESSION, Hooked, Launch, Told, forks, ok
from tests.e2e.places import Place

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
    "",
    "no-such-program secret",
)
TOLD = [
    ok("echo one"),
    Told("false | true", 0, (1, 0)),
    ok("for i in 1 2; do echo $i; done"),
    ok("(exit 4)", 4),
    # A definition leaves PIPESTATUS as it was.
    Told("f() { return 3; }", 0, (4,)),
    ok("f", 3),
    ok("echo $(echo two)"),
    ok("sleep 0 &"),
    ok("cd /"),
    ok("echo one"),
    ok(None, 127),
]


def test_every_command_is_told_once_and_exactly(place: Place) -> None:
    shell = Hooked(place)
    shell.type(*LINES)
    assert shell.told() == TOLD


def test_an_ordinary_user_is_told_of_in_the_same_way(place: Place, second: account.Account) -> None:
    place.give(second.uid, second.gid)
    shell = Hooked(place, Launch(before=account.becoming(second)))
    shell.type(*LINES)
    assert shell.told() == TOLD
    assert shell.file.stat().st_uid == second.uid


def test_a_command_lasts_from_enter_to_its_end(place: Place) -> None:
    shell = Hooked(place)
    shell.type("sleep 0.3; cd /")
    (record,) = shell.records()
    assert isinstance(record, marks.Whole)
    assert record.started_us is not None
    assert record.at_us is not None
    assert 300_000 <= record.at_us - record.started_us < 30_000_000
    assert record.cwd == str(place.work)


def test_an_interrupted_command_is_told_and_an_interrupted_line_is_not(place: Place) -> None:
    shell = Hooked(place)
    shell.interrupt("echo abandoned quiz")
    shell.interrupt("sleep 60\r")
    assert shell.told() == [ok("sleep 60", 128 + signal.SIGINT)]


@pytest.mark.parametrize(
    ("control", "told", "private"),
    [
        ("", "echo a", False),
        ("ignoredups", None, False),
        ("ignoreboth", None, None),
        ("ignorespace", "echo a", False),
        ("ignorespace:erasedups", None, None),
    ],
)
def test_a_repeated_line_has_a_text_where_the_history_has_it_twice(
    place: Place, control: str, told: str | None, private: bool | None
) -> None:
    shell = Hooked(place, Launch(rc=f"HISTCONTROL={control}\n"))
    shell.type("echo a", "echo a")
    last = shell.records()[-1]
    assert isinstance(last, marks.Whole)
    assert (last.text, last.private) == (told, private)


@pytest.mark.parametrize(
    ("rc", "private"),
    [
        ("", True),
        ("HISTCONTROL=ignorespace", True),
        ("HISTCONTROL=ignoreboth", None),
        ("HISTCONTROL=ignorespace; HISTIGNORE=ls", None),
        ("set +o history", None),
    ],
)
def test_a_line_that_starts_with_a_space_has_no_text(
    place: Place, rc: str, private: bool | None
) -> None:
    shell = Hooked(place, Launch(rc=rc + "\n"))
    shell.type(" echo secret")
    (record,) = shell.records()
    assert isinstance(record, marks.Whole)
    assert (record.text, record.private) == (None, private)


def test_lines_pasted_together_are_one_command_with_all_of_them(place: Place) -> None:
    shell = Hooked(place, Launch(rc="bind 'set enable-bracketed-paste on'\n"))
    shell.window.send(b"\x1b[200~echo a\necho b\n\x1b[201~\r")
    shell.window.until(rb"b\r\n")
    shell.window.until(shell.ready)
    assert shell.told() == [ok("echo a\necho b")]


def test_what_a_line_holds_cannot_pass_for_a_record(place: Place) -> None:
    shell = Hooked(place)
    forged = "\x1eC\t1\t2\t3\t0\t0\t1-1\t/\t    1  forged\n\x1f3\x1f\n"
    # Ctrl-V makes readline take the next key as it is.
    line = f"echo '{forged}' | tr -dc a-z"
    shell.type("".join("\x16" + key if key < " " else key for key in line))
    assert shell.told() == [Told(line, 0, (0, 0))]


def test_the_directory_may_hold_any_byte(place: Place) -> None:
    shell = Hooked(place)
    shell.type(r"""mkdir $'a\tb\nc\\d\036\037' && cd a*""", "echo here")
    last = shell.records()[-1]
    assert last.cwd == f"{place.work}/a\tb\nc\\d\x1e\x1f"


def test_a_prompt_costs_no_fork(place: Place) -> None:
    shell = Hooked(place)
    shell.type("true")
    with forks(shell.pid) as found:
        shell.type("echo a", "cd /", "echo b", "", "false")
    assert found == []


def test_the_file_is_named_for_session_and_shell(place: Place) -> None:
    shell = Hooked(place)
    shell.type("true")
    assert [path.name for path in shell.marks.iterdir()] == [f"{SESSION}.{shell.pid}"]
