"""Checks of stores on what `log` is answered."""

import json

from ingest.store.base import LogQuestion
from ptywrap import wire
from tests import build
from tests.ingest.batches import Asked, a_command


def the_log_is_newest_first(engine: Asked) -> None:
    engine.tell(1, *(a_command(mark, line=f"line {mark}") for mark in (2, 3, 1)))
    assert engine.lines() == ["line 3", "line 2", "line 1"]


def the_log_holds_no_more_than_asked(engine: Asked) -> None:
    engine.tell(1, *(a_command(mark, line=f"line {mark}") for mark in (2, 3, 1)))
    assert engine.lines(limit=2) == ["line 3", "line 2"]


def the_log_begins_at_a_moment(engine: Asked) -> None:
    engine.tell(1, *(a_command(mark, line=f"line {mark}") for mark in (1, 2, 3)))
    assert engine.lines(since_at=build.AT + 2_000_000_000) == ["line 3", "line 2"]


def failed_is_a_status_but_0_or_a_signal(engine: Asked) -> None:
    engine.tell(
        1,
        a_command(1, line="status", exit_status=1),
        a_command(2, line="signal", exit_status=None, signal=9),
        a_command(3, line="fine", exit_status=0),
        a_command(4, line="running", exit_status=None, wall_ns=None),
    )
    assert engine.lines(failed=True) == ["signal", "status"]


def where_a_line_was_withheld_its_shape_is_searched(engine: Asked) -> None:
    engine.tell(1, a_command(1, line=None, shape="make …"))
    assert len(engine.log(text="MAKE")) == 1


def a_row_of_the_log_can_be_written_as_json(engine: Asked) -> None:
    engine.tell(1, build.a_session(), a_command(1))
    row = json.loads(json.dumps(engine.log()[0]))
    told = a_command(1)
    assert {
        "id": wire.hexadecimal(told.id),
        "session": build.SESSION.hex(),
        "line": "make test",
        "line_cut": False,
        "host": build.DEVICE,
        "exit_status": 2,
        "signal": None,
        "user": "ada",
        "shell": "bash",
    }.items() <= row.items()


def a_row_of_the_log_has_the_split_in_it(engine: Asked) -> None:
    engine.tell(1, a_command(1))
    assert engine.log()[0]["split"]["other_ns"] == 800_000_000


def a_session_told_after_its_commands_names_their_shell(engine: Asked) -> None:
    engine.tell(1, a_command(1))
    engine.tell(2, build.a_session(**{"shell": "zsh"}))
    assert engine.log()[0]["shell"] == "zsh"


def ids_are_told_apart_by_as_many_digits_as_needed(engine: Asked) -> None:
    ids = [0x1234_5678 << 32, 0x1234_567F << 32, 0x7000 << 48]
    engine.tell(1, *(a_command(mark, id=one) for mark, one in enumerate(ids)))
    asked = [engine.do(engine.store.unique(some)) for some in (ids[:1], ids[2:], ids)]
    assert asked == [8, 4, 8]


def the_log_says_how_many_digits_tell_its_commands_from_all(engine: Asked) -> None:
    ids = [0x1234_5678 << 32, 0x1234_567F << 32]
    engine.tell(1, *(a_command(mark, id=one) for mark, one in enumerate(ids)))
    assert engine.do(engine.store.log(LogQuestion(limit=1))).unique == 8


def what_usually_takes_how_long_is_the_median_of_three_or_more(engine: Asked) -> None:
    lengths = {"make": (10, 30, 20), "ls": (1, 2)}
    marks = iter(range(100))
    engine.tell(
        1,
        *(
            a_command(next(marks), template=name, wall_ns=ns + 5, suspended_ns=5, exit_status=0)
            for name, found in lengths.items()
            for ns in found
        ),
        a_command(50, template="make", wall_ns=9000, exit_status=1),
        a_command(-50, template="make", wall_ns=9000, exit_status=0),
    )
    assert engine.do(engine.store.usual(["make", "ls", "cc"], build.AT)) == {"make": 20}


def the_log_finds_a_repo_by_name_part_and_alias(engine: Asked) -> None:
    engine.tell(1, wire.Project(repo="example.org/ada/engine", alias="fork.example.org/engine"))
    engine.tell(2, a_command(1, line="here"), a_command(2, repo="x/y"), a_command(3, repo=None))
    asked = ("engine", "example.org/ada/engine", "fork.example.org/engine", "Engine")
    assert [engine.lines(repo=repo) for repo in asked] == [["here"], ["here"], ["here"], []]


def the_log_of_a_folder_holds_what_ran_in_it_and_below(engine: Asked) -> None:
    engine.tell(
        1,
        a_command(1, line="in it", cwd="/home/ada/engine"),
        a_command(2, line="below", cwd="/home/ada/engine/src"),
        a_command(3, line="beside", cwd="/home/ada/engine-2"),
        a_command(4, line="nowhere", cwd=None),
    )
    folders = ("/home/ada/engine", "/home/ada/engine/", "/home/ada/eng", "/")
    assert [engine.lines(cwd=folder) for folder in folders] == [
        ["below", "in it"],
        ["below", "in it"],
        [],
        ["beside", "below", "in it"],
    ]


def text_is_searched_as_it_is_in_any_case(engine: Asked) -> None:
    line = "echo 50%_of É [x]* '; DROP"
    engine.tell(1, a_command(1, line=line), a_command(2, line="echo 50 of"))
    texts = ("50%_OF", "é", "É", "[x]*", "'; drop", "50%of")
    assert [engine.lines(text=text) for text in texts] == [[line]] * 5 + [[]]


CHECKS = (
    the_log_is_newest_first,
    the_log_holds_no_more_than_asked,
    the_log_begins_at_a_moment,
    failed_is_a_status_but_0_or_a_signal,
    where_a_line_was_withheld_its_shape_is_searched,
    a_row_of_the_log_can_be_written_as_json,
    a_row_of_the_log_has_the_split_in_it,
    a_session_told_after_its_commands_names_their_shell,
    ids_are_told_apart_by_as_many_digits_as_needed,
    the_log_says_how_many_digits_tell_its_commands_from_all,
    what_usually_takes_how_long_is_the_median_of_three_or_more,
    the_log_finds_a_repo_by_name_part_and_alias,
    the_log_of_a_folder_holds_what_ran_in_it_and_below,
    text_is_searched_as_it_is_in_any_case,
)
