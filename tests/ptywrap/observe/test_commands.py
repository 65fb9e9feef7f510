"""Where commands begin and end: from marks first, from the foreground where there are none."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.commands import Commands, Ending, Finish, Start, Step

SHELL, INNER, JOB = 100, 200, 300
S = 1_000_000_000
DONE = Ending(0, (0,), "/there", "make")


def a_shell(name: str = "/bin/bash") -> Commands:
    """Return the commands of a fresh session."""
    return Commands(SHELL, name, "/here")


def finishes(steps: list[Step]) -> list[Finish]:
    """Return what ended."""
    return [step for step in steps if isinstance(step, Finish)]


def test_in_bash_the_foreground_gives_the_start_and_the_mark_the_rest() -> None:
    commands = a_shell()
    begun = commands.foreground(12, JOB)
    ended = commands.whole(SHELL, 1_000_010, (10, 50), DONE)
    assert begun == [Start(SHELL, 12, 12, "/here", "foreground")]
    assert ended == [
        Finish(
            Start(SHELL, 12, 10, "/there", "both"),
            50,
            0,
            (0,),
            "make",
            private=False,
            seen="mark",
        )
    ]


def test_a_short_command_of_bash_has_the_start_of_its_mark() -> None:
    ended = a_shell().whole(SHELL, 1_000_010, (10, 50), DONE)
    assert [(f.start.mark_ns, f.start.at_ns, f.end_ns) for f in finishes(ended)] == [
        (1_000_010, 10, 50)
    ]


def test_zsh_and_fish_mark_both() -> None:
    commands = a_shell("/usr/bin/zsh")
    begun = commands.started(SHELL, (1_000_010, 10), "/mine")
    commands.foreground(12, JOB)
    commands.foreground(48, SHELL)
    ended = commands.ended(SHELL, 50, DONE)
    assert begun == [Start(SHELL, 1_000_010, 10, "/mine", "mark")]
    assert [(f.start, f.end_ns, f.status) for f in finishes(ended)] == [(begun[0], 50, 0)]


def test_several_jobs_of_one_line_are_one_command() -> None:
    commands = a_shell()
    for at, group in [(12, JOB), (20, SHELL), (25, JOB + 1), (40, SHELL)]:
        commands.foreground(at, group)
    ended = commands.whole(SHELL, 1_000_010, (10, 50), DONE)
    assert [f.start.mark_ns for f in finishes(ended)] == [12]


def test_what_a_prompt_runs_is_no_command() -> None:
    commands = a_shell()
    commands.whole(SHELL, 1_000_010, (10, 50), DONE)
    commands.foreground(55, JOB)
    commands.foreground(60, SHELL)
    ended = commands.whole(SHELL, 1_000_100, (100, 150), DONE)
    assert [f.start.mark_ns for f in finishes(ended)] == [1_000_100]


def test_a_prompt_at_work_is_not_listed_as_running() -> None:
    commands = a_shell()
    commands.foreground(55, JOB)
    assert len(commands.open()) == 1
    commands.foreground(60, SHELL)
    assert commands.open() == []


def test_a_shell_without_hooks_goes_by_the_foreground_alone() -> None:
    commands = a_shell("/bin/dash")
    commands.foreground(10, JOB)
    ended = commands.foreground(50, SHELL)
    assert [(f.start.mark_ns, f.end_ns, f.status, f.seen) for f in finishes(ended)] == [
        (10, 50, None, "foreground")
    ]


def test_a_shell_whose_hooks_gave_up_goes_by_the_foreground_after_a_while() -> None:
    commands = a_shell()
    commands.foreground(10, JOB)
    commands.foreground(50, SHELL)
    steps = commands.foreground(5 * S, JOB + 1)
    assert [(f.end_ns, f.seen) for f in finishes(steps)] == [(50, "foreground")]
    assert steps[-1] == Start(SHELL, 5 * S, 5 * S, "/here", "foreground")


def test_a_command_without_an_end_ends_with_its_shell() -> None:
    commands = a_shell()
    commands.foreground(10, JOB)
    ended = commands.gone(SHELL, 70, 9)
    assert [(f.end_ns, f.status, f.seen) for f in finishes(ended)] == [(70, 9, "gone")]


def test_exec_in_the_shell_is_a_command_to_its_end() -> None:
    commands = a_shell()
    begun = commands.replaced(SHELL, 20)
    ended = commands.gone(SHELL, 70, 3 << 8)
    assert begun == [Start(SHELL, 20, 20, "/here", "exec")]
    assert [(f.start.by, f.status) for f in finishes(ended)] == [("exec", 3 << 8)]


def test_a_shell_inside_a_command_has_commands_of_its_own() -> None:
    commands = a_shell("/usr/bin/zsh")
    commands.started(SHELL, (1_000_010, 10), "/")
    commands.foreground(11, INNER)
    commands.started(INNER, (1_000_020, 20), "/")
    commands.foreground(22, JOB)
    inner = commands.ended(INNER, 30, DONE)
    commands.foreground(31, INNER)
    outer = commands.ended(SHELL, 90, DONE)
    assert [(f.start.shell_pid, f.start.at_ns, f.end_ns) for f in finishes(inner + outer)] == [
        (INNER, 20, 30),
        (SHELL, 10, 90),
    ]


def test_bash_says_where_a_line_was_typed() -> None:
    commands = a_shell()
    commands.foreground(2, JOB)
    ended = commands.whole(SHELL, 1, (1, 3), DONE)
    assert [f.start.cwd for f in finishes(ended)] == ["/there"]


def test_until_a_mark_says_better_a_command_starts_where_the_one_before_ended() -> None:
    commands = a_shell("/usr/bin/zsh")
    commands.started(SHELL, (1, 1), "/mine")
    commands.ended(SHELL, 2, DONE)
    assert commands.foreground(5, JOB) == [Start(SHELL, 5, 5, "/there", "foreground")]


def test_an_end_without_a_start_is_a_command_of_no_length() -> None:
    ended = a_shell("/usr/bin/zsh").ended(SHELL, 50, DONE)
    assert [(f.start.at_ns, f.end_ns) for f in finishes(ended)] == [(50, 50)]


def test_a_start_whose_end_was_lost_ends_at_the_next() -> None:
    commands = a_shell("/usr/bin/zsh")
    commands.started(SHELL, (1_000_010, 10), "/")
    steps = commands.started(SHELL, (1_000_050, 50), "/")
    assert [(f.start.at_ns, f.end_ns, f.status) for f in finishes(steps)] == [(10, 50, None)]


moves = st.one_of(
    st.tuples(st.just("foreground"), st.sampled_from([SHELL, INNER, JOB, JOB + 1])),
    st.tuples(st.just("started"), st.sampled_from([SHELL, INNER])),
    st.tuples(st.just("ended"), st.sampled_from([SHELL, INNER])),
    st.tuples(st.just("whole"), st.sampled_from([SHELL, INNER])),
    st.tuples(st.just("gone"), st.sampled_from([INNER, JOB])),
    st.tuples(st.just("replaced"), st.sampled_from([SHELL, INNER])),
)


def moved(commands: Commands, number: int, move: tuple[str, int]) -> list[Step]:
    """Apply one move at its own moment."""
    at, (kind, pid) = (number + 1) * S // 2, move
    match kind:
        case "foreground":
            return commands.foreground(at, pid)
        case "started":
            return commands.started(pid, (at + 7, at), None)
        case "ended":
            return commands.ended(pid, at, DONE)
        case "whole":
            return commands.whole(pid, at - 93, (at - 100, at), DONE)
        case "gone":
            return commands.gone(pid, at, 0)
    return commands.replaced(pid, at)


@given(st.lists(moves, max_size=30), st.integers(0, 30))
def test_who_goes_on_from_a_state_derives_the_same_commands(
    told: list[tuple[str, int]], cut: int
) -> None:
    straight, before = a_shell(), a_shell()
    expected = [step for n, move in enumerate(told) for step in moved(straight, n, move)]
    actual = [step for n, move in enumerate(told[:cut]) for step in moved(before, n, move)]
    after = a_shell()
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.state())))
    for number, move in enumerate(told[cut:], start=min(cut, len(told))):
        actual += moved(after, number, move)
    assert actual == expected


@given(st.lists(moves, max_size=30))
def test_no_order_of_records_breaks_it_and_no_command_ends_before_it_began(
    told: list[tuple[str, int]],
) -> None:
    commands = a_shell()
    steps = [step for n, move in enumerate(told) for step in moved(commands, n, move)]
    assert all(f.start.at_ns <= f.end_ns for f in finishes(steps))
