"""When to look: soon while young, seldom when old, never for more than our share of a core."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.looks import Budget, Looks
from ptywrap.observe.tree import Life
from tests.ptywrap.observe.events import SHELL, a_fork

MS = 1_000_000
SECOND = 1000 * MS
BORN = 100 * SECOND


def a_life() -> Life:
    """Return one that lives."""
    return Life(a_fork(5, SHELL, BORN))


def yes(pid: int) -> bool:
    """Say that everyone is part of a command that runs."""
    return pid > 0


def no(pid: int) -> bool:
    """Say that nobody is."""
    return pid < 0


def a_watch(*lives: Life) -> Looks:
    """Return looks that know of some births."""
    looks = Looks(Budget())
    for life in lives:
        looks.born(life.born_ns)
    return looks


def ages(until_ns: int) -> list[int]:
    """Return at which ages one is looked at by a loop that does as it is told."""
    life = a_life()
    looks = a_watch(life)
    found = []
    now_ns = looks.due_ns()
    while now_ns is not None and now_ns <= BORN + until_ns:
        if looks.take(now_ns, [life], yes):
            found.append(now_ns - BORN)
        now_ns = looks.due_ns()
    return found


def test_who_lives_for_a_tenth_of_a_second_is_looked_at() -> None:
    assert ages(100 * MS) == [100 * MS]


def test_the_young_are_looked_at_several_times_a_second() -> None:
    found = [at for at in ages(2 * SECOND) if at >= SECOND]
    assert 4 <= len(found) <= 10


@given(st.integers(SECOND, 10_000 * SECOND))
def test_what_comes_after_the_last_look_is_a_small_part_of_all(age_ns: int) -> None:
    last_ns = ages(age_ns)[-1]
    assert age_ns - last_ns <= max(age_ns // 16, 200 * MS)


def test_an_hour_costs_few_looks() -> None:
    assert len(ages(3600 * SECOND)) < 150


def test_who_is_part_of_no_command_is_not_looked_at_and_nothing_is_due() -> None:
    looks = a_watch(a_life())
    assert looks.take(BORN + 3 * SECOND, [a_life()], no) == []
    assert looks.due_ns() is None


def test_who_may_yet_turn_out_to_be_part_of_one_is_asked_about_again() -> None:
    looks = a_watch(a_life())
    assert looks.take(BORN + 100 * MS, [a_life()], no) == []
    due_ns = looks.due_ns()
    assert due_ns == BORN + 300 * MS
    assert looks.take(due_ns, [a_life()], yes) == [5]


def test_without_anybody_nothing_is_due() -> None:
    looks = a_watch(a_life())
    looks.take(BORN + 100 * MS, [], yes)
    assert looks.due_ns() is None


def test_looks_that_cost_too_much_wait_and_it_is_known_how_long() -> None:
    budget = Budget()
    looks = Looks(budget)
    looks.born(BORN)
    looks.take(BORN + SECOND, [a_life()], yes)
    budget.spend(BORN + SECOND, 30 * MS)
    assert looks.due_ns() == BORN + 3 * SECOND
    looks.take(BORN + 3 * SECOND, [a_life()], yes)
    assert looks.stretch_permille == 10_000


def test_looks_that_cost_little_are_not_stretched() -> None:
    looks = a_watch(a_life())
    looks.take(BORN + 100 * MS, [a_life()], yes)
    assert looks.stretch_permille == 1000


@given(st.lists(st.tuples(st.integers(0, SECOND), st.integers(0, 50 * MS)), max_size=50))
def test_no_more_than_a_hundredth_of_a_core_is_spent(steps: list[tuple[int, int]]) -> None:
    budget = Budget()
    now_ns = start_ns = 10 * SECOND
    spent_ns = last_ns = 0
    for pause_ns, cost_ns in steps:
        now_ns += pause_ns
        if budget.due_ns() <= now_ns:
            budget.spend(now_ns, cost_ns)
            spent_ns, last_ns = spent_ns + cost_ns, cost_ns
    # A second that was saved, and one more step that nobody could know the cost of.
    assert spent_ns - last_ns <= (now_ns - start_ns + SECOND) // 100 + 1
