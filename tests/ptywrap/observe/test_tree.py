"""Events become trees: whose a process is, and how it ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.lifecycle.base import Event
from ptywrap.observe.tree import Life, Tree, named
from tests.ptywrap.observe.events import SHELL, a_fork, a_usage, an_exec, an_exit

MS = 1_000_000
DEEP = 5000


def a_tree(*events: Event) -> Tree:
    """Return a tree with one shell, and what came of some events."""
    tree = Tree()
    tree.shell(SHELL)
    tree.apply(a_fork(SHELL, 1, 0, root=SHELL))
    for event in events:
        tree.apply(event)
    return tree


def ended(tree: Tree, *events: Event) -> list[Life]:
    """Return what some events ended."""
    return [life for event in events if (life := tree.apply(event)) is not None]


def test_a_process_that_ends_is_given_back_with_its_status() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    lives = ended(a_tree(fork, an_exec(fork, 11 * MS, "/bin/false")), an_exit(fork, 20 * MS, 256))
    assert [(life.name, life.status, life.ended_ns) for life in lives] == [("false", 256, 20 * MS)]


def test_everything_below_belongs_to_the_moment_its_topmost_ancestor_was_born() -> None:
    tree = a_tree(a_fork(5, SHELL, 10 * MS), a_fork(6, 5, 20 * MS), a_fork(7, 6, 30 * MS))
    assert {pid: (tree.live[pid].shell, tree.live[pid].top_ns) for pid in (5, 6, 7)} == {
        5: (SHELL, 10 * MS),
        6: (SHELL, 10 * MS),
        7: (SHELL, 10 * MS),
    }


def test_a_child_outlives_its_parent_and_stays_where_it_was() -> None:
    parent = a_fork(5, SHELL, 10 * MS)
    tree = a_tree(parent, a_fork(6, 5, 20 * MS), an_exit(parent, 30 * MS), a_fork(7, 6, 40 * MS))
    assert (tree.live[7].shell, tree.live[7].top_ns) == (SHELL, 10 * MS)


def test_what_is_found_reparented_hangs_below_its_root() -> None:
    tree = a_tree(a_fork(6, 1, 20 * MS, completeness="sampled"))
    assert tree.live[6].shell == SHELL


def test_strangers_are_nobodys() -> None:
    tree = a_tree(a_fork(6, 1, 20 * MS, root=6))
    assert tree.live[6].shell == 0


def test_a_reused_pid_closes_its_former_owner_with_status_unknown() -> None:
    first = a_fork(5, SHELL, 10 * MS)
    lives = ended(a_tree(first), a_fork(5, SHELL, 90 * MS))
    assert [(life.start_ticks, life.status, life.completeness) for life in lives] == [
        (first.start_ticks, None, "raced")
    ]


def test_a_birth_told_twice_is_one_process() -> None:
    tree = a_tree(a_fork(5, SHELL, 10 * MS))
    assert ended(tree, a_fork(5, SHELL, 10 * MS)) == []


def test_the_end_of_a_former_owner_of_a_pid_ends_nobody_else() -> None:
    first = a_fork(5, SHELL, 10 * MS)
    tree = a_tree(first, a_fork(5, SHELL, 90 * MS))
    assert (ended(tree, an_exit(first, 95 * MS)), 5 in tree.live) == ([], True)


def test_a_process_that_only_forked_is_called_like_its_parent() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    tree = a_tree(fork, an_exec(fork, 11 * MS, "bash"), a_fork(6, 5, 12 * MS))
    assert (tree.live[6].name, tree.live[6].argv) == ("bash", None)


@pytest.mark.parametrize(
    ("exe", "argv", "name", "expected"),
    [
        ("/usr/bin/dash", ("sh", "-c", "x"), "sh", "sh"),
        ("/usr/bin/bash", ("-bash",), "bash", "bash"),
        ("/usr/sbin/sshd", ("sshd: ada [priv]",), "sshd", "sshd"),
        ("/tmp/a (deleted)", None, None, "a"),
        (None, None, "kworker", "kworker"),
        (None, ("",), None, None),
        (None, None, None, None),
    ],
)
def test_a_process_is_called_as_it_was_called(
    exe: str | None, argv: tuple[str, ...] | None, name: str | None, expected: str | None
) -> None:
    assert named(exe, argv, name) == expected


def test_of_several_execs_the_last_one_names_a_process() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    tree = a_tree(fork, an_exec(fork, 11 * MS, "env", "make"), an_exec(fork, 12 * MS, "make"))
    assert (tree.live[5].argv, tree.live[5].execs) == (("make",), 2)


def test_an_exec_told_again_is_one_exec() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    tree = a_tree(fork, an_exec(fork, 11 * MS), an_exec(fork, 11 * MS, "make", exe="/bin/make"))
    assert (tree.live[5].name, tree.live[5].execs) == ("make", 1)


def test_a_program_found_by_a_walk_is_forgotten_for_the_one_that_was_seen() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    walked = an_exec(fork, 11 * MS, "python", completeness="sampled")
    tree = a_tree(fork, walked, an_exec(fork, 12 * MS, "make"))
    assert tree.live[5].completeness == "exact"


def test_a_cost_has_one_source_the_most_trusted() -> None:
    fork = a_fork(5, SHELL, 10 * MS)
    told = [a_usage(fork, "zombie", 1), a_usage(fork, "taskstats", 2), a_usage(fork, "look", 4)]
    cost = a_tree(fork, *told).live[5].cost
    assert (cost.user_ns, cost.source) == (2, "taskstats")


def test_a_run_belongs_to_what_it_starts() -> None:
    tree = a_tree(a_fork(5, SHELL, 10 * MS))
    tree.shell(5, run=True)
    tree.apply(a_fork(6, 5, 20 * MS))
    assert (tree.live[5].shell, tree.live[6].shell) == (5, 5)


def test_a_shell_inside_takes_what_it_has_forked() -> None:
    tree = a_tree(a_fork(5, SHELL, 10 * MS), a_fork(6, 5, 20 * MS), a_fork(7, 6, 30 * MS))
    tree.shell(5)
    assert [(tree.live[pid].shell, tree.live[pid].top_ns) for pid in (5, 6, 7)] == [
        (SHELL, 10 * MS),
        (5, 20 * MS),
        (5, 20 * MS),
    ]


def test_a_deep_tree_moves_without_recursion() -> None:
    tree = a_tree(*(a_fork(pid, pid - 1, pid * MS) for pid in range(SHELL + 1, SHELL + DEEP)))
    tree.shell(SHELL + 1)
    assert tree.live[SHELL + DEEP - 1].shell == SHELL + 1


def test_pids_nobody_finds_any_more_are_closed_unknown() -> None:
    tree = a_tree(a_fork(5, SHELL, 10 * MS), a_fork(6, SHELL, 20 * MS))
    gone = tree.lost({5, 77}, 50 * MS)
    assert [(life.pid, life.status, life.completeness) for life in gone] == [(5, None, "raced")]


events = st.lists(
    st.builds(
        lambda kind, pid, ppid, at: {
            "fork": a_fork(pid, ppid, at * MS),
            "exec": an_exec(a_fork(pid, 0, at * MS), at * MS, "x"),
            "exit": an_exit(a_fork(pid, 0, at * MS), at * MS),
        }[kind],
        st.sampled_from(["fork", "exec", "exit"]),
        st.integers(1, 12),
        st.integers(1, 12),
        st.integers(0, 400),
    ),
    max_size=80,
)


@given(events)
def test_no_order_of_events_breaks_it_and_each_birth_ends_once(told: list[Event]) -> None:
    tree = Tree()
    tree.shell(5)
    lives = ended(tree, *told)
    keys = [(life.pid, life.born_ns, id(life)) for life in lives]
    assert len(set(keys)) == len(keys)
    assert all(life.ended_ns is not None and life.ended_ns >= life.born_ns for life in lives)
    assert all(life.ended_ns is None for life in tree.live.values())
