"""When to look: at a process that was just born, and at the table of all sockets."""

from hypothesis import given
from hypothesis import strategies as st

from netsniff.sources import schedule
from netsniff.sources.schedule import MS, Pace, Programs


def a_pace(*, event_ago: int = 10_000, fresh_ago: int = 10_000, cost_us: int = 100) -> Pace:
    """A pace at 20 s: the last event, the last new socket and the last reading, in ms ago."""
    pace = Pace(0)
    pace.event_ns = (20_000 - event_ago) * MS
    pace.fresh_ns = (20_000 - fresh_ago) * MS
    for _ in range(40):
        pace.read(20_000 * MS, cost_us * 1000)
    return pace


def due_ms(pace: Pace, *, rich: bool = True) -> int:
    """In how many milliseconds the table is due."""
    return round((pace.due_ns(20_000 * MS, rich=rich) - 20_000 * MS) / MS)


def test_a_program_not_known_is_looked_at_again_and_again_for_a_while() -> None:
    looks = schedule.plan(Programs().met(1))
    assert (looks[0], looks[-1], len(looks)) == (MS, 24 * MS, 12)


def test_a_program_that_opens_no_sockets_is_looked_at_less_and_less() -> None:
    programs = Programs()
    looked = [number for number in range(1, 100) if schedule.plan(programs.met(1))]
    assert looked == [1, 2, 3, 4, 5, 6, 8, 16, 32, 64]


def test_a_program_that_opens_one_is_looked_at_when_it_did_so_before() -> None:
    programs = Programs()
    schedule.opened(programs.met(1), 9 * MS, 5)
    schedule.opened(programs.met(1), 12 * MS, 5)
    looks = schedule.plan(programs.met(1))
    assert (looks[0], looks[-1], looks[1] - looks[0]) == (6 * MS, 17_200_000, 800_000)


def test_when_its_processes_take_longer_there_is_more_time_from_look_to_look() -> None:
    program = Programs().met(1)
    steps = []
    for delay_ms in (8, 8, 24, 24, 24, 24):
        schedule.opened(program, delay_ms * MS, 5)
        looks = schedule.plan(program)
        steps.append((looks[1] - looks[0]) // 1000)
    assert (steps[0], steps[-1]) == (800, 1200)


def test_what_it_did_long_ago_is_forgotten() -> None:
    program = Programs().met(1)
    schedule.opened(program, 500 * MS, 5)
    for _ in range(24):
        schedule.opened(program, 3 * MS, 7)
    assert (schedule.plan(program)[0], program.descriptor) == (2 * MS, 7)


def test_one_that_never_had_a_second_socket_is_rarely_watched_for_one() -> None:
    program = Programs().met(1)
    watched = []
    for number in range(1, 25):
        schedule.opened(program, 9 * MS, 5)
        if schedule.goes_on(program):
            watched.append(number)
    assert watched == [1, 2, 3, 4, 5, 6, 8, 16, 24]


def test_one_that_had_a_second_socket_is_watched_for_it() -> None:
    program = Programs().met(1)
    for _ in range(9):
        schedule.opened(program, 9 * MS, 5)
    program.again = 1
    assert schedule.goes_on(program)


def test_programs_do_not_see_each_other() -> None:
    programs = Programs()
    schedule.opened(programs.met(1), 9 * MS, 5)
    assert schedule.plan(programs.met(2))[0] == MS


def test_the_oldest_program_is_forgotten_when_there_are_too_many() -> None:
    programs = Programs()
    schedule.opened(programs.met(0), 9 * MS, 5)
    for name in range(1, 1100):
        programs.met(name)
    assert programs.met(0).delays == []


@given(st.lists(st.integers(0, 10_000 * MS), min_size=1, max_size=60))
def test_a_plan_goes_forward_and_has_an_end(delays: list[int]) -> None:
    program = Programs().met(1)
    for delay in delays:
        schedule.opened(program, delay, 3)
    looks = schedule.plan(program)
    assert 0 < len(looks) <= 41
    assert list(looks) == sorted(looks)


def test_looks_at_different_processes_are_made_together() -> None:
    moments = [schedule.together(at_ns) for at_ns in (1, 799_999, 800_000, 800_001)]
    assert moments == [800_000, 800_000, 800_000, 1_600_000]


def test_the_kernel_is_asked_often_while_new_sockets_appear() -> None:
    assert due_ms(a_pace(event_ago=100, fresh_ago=100)) == 6


def test_the_kernel_is_asked_each_10_ms_for_two_seconds_after_an_event() -> None:
    assert [due_ms(a_pace(event_ago=ago)) for ago in (0, 1999, 2001)] == [10, 10, 100]


def test_the_kernel_is_asked_seldom_when_nothing_happens() -> None:
    assert due_ms(a_pace(event_ago=10_001)) == 250


def test_a_table_that_costs_much_is_read_less_often() -> None:
    costly = [a_pace(event_ago=10, fresh_ago=fresh, cost_us=5000) for fresh in (10, 5000)]
    assert [due_ms(each) for each in costly] == [30, 30]


def test_a_table_that_costs_much_in_full_is_read_so_seldom() -> None:
    pace = a_pace()
    pauses = []
    for cost_ms in (1, 40):
        pace.read(20_000 * MS, cost_ms * MS, full=True)
        pauses.append(pace.full_pause_ns // MS)
    assert (pauses, due_ms(pace)) == ([500, 2000], 250)


def test_asking_in_vain_costs_no_pause() -> None:
    pace = a_pace(event_ago=10, cost_us=1000)
    pace.asked(20_009 * MS)
    assert due_ms(pace) == 19


def test_a_table_that_is_wanted_is_read_then_but_not_all_the_time() -> None:
    pace, costly = a_pace(), a_pace(cost_us=3000)
    for each in (pace, costly):
        each.want(20_001 * MS)
    assert (due_ms(pace), due_ms(costly)) == (1, 6)


def test_the_earliest_wish_counts_and_is_fulfilled_once() -> None:
    pace = a_pace()
    pace.want(20_005 * MS)
    pace.want(20_002 * MS)
    pace.want(20_009 * MS)
    first = due_ms(pace)
    pace.read(20_000 * MS, 100_000)
    assert (first, due_ms(pace)) == (2, 250)


def test_with_no_time_left_to_spend_wishes_are_not_heard() -> None:
    pace = a_pace(event_ago=0, fresh_ago=0)
    pace.want(20_001 * MS)
    assert due_ms(pace, rich=False) == 250


def test_a_budget_is_spent_and_flows_in_again() -> None:
    budget = schedule.busy_budget(0, 0)
    spent = 600 * MS
    allowed = [budget.allows(at * MS, spent) for at in (0, 300, 400)]
    assert allowed == [False, False, True]


def test_a_budget_saves_up_no_more_than_its_most() -> None:
    budget = schedule.busy_budget(0, 0)
    assert budget.allows(10**15, 0)
    assert not budget.allows(10**15, 501 * MS)


def test_resting_one_may_spend_a_hundredth() -> None:
    budget = schedule.resting_budget(0, 5000 * MS)
    allowed = [
        budget.allows(at * MS, used * MS) for at, used in ((0, 5101), (90, 5101), (1101, 5101))
    ]
    assert allowed == [False, False, True]


def test_execs_of_no_interest_are_heard_of_later_and_later_but_never_after_4_ms() -> None:
    lull = schedule.Lull()
    assert [lull.after(interesting=False) // 1000 for _ in range(6)] == [
        *(250, 500, 1000, 2000, 4000, 4000)
    ]


def test_one_of_interest_makes_us_listen_at_once() -> None:
    lull = schedule.Lull()
    lull.after(interesting=False)
    assert (lull.after(interesting=True), lull.after(interesting=False)) == (0, 250_000)
