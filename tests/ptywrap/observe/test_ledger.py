"""The ledger tells of a child what its parent's sums grew by, where it can be no other's."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.lifecycle.base import Reaped
from ptywrap.observe.ledger import Ended, Ledger, Share

MS = 1_000_000
TICK = 10 * MS
HALF = 5
PARENT = 100
EVER = 1 << 62


def a_reading(at_ms: int, user_ms: int, sys_ms: int = 0) -> Reaped:
    """Return the sums of the parent; bytes have not grown, nobody waits to be reaped."""
    return Reaped(PARENT, 1, at_ms * MS, user_ms * MS, sys_ms * MS, 0, 0, frozenset())


def an_end(pid: int, born_ms: int, ended_ms: int, cpu_ms: int | None = None) -> Ended:
    """Return a process that ended; `cpu_ms` was told by something better."""
    return Ended(pid, pid, born_ms * MS, ended_ms * MS, None if cpu_ms is None else cpu_ms * MS)


def a_ledger(*ended: Ended) -> Ledger:
    """Return a ledger with one parent, born in sight, and children of its that ended."""
    ledger = Ledger(TICK)
    ledger.born(PARENT, 1)
    for one in ended:
        ledger.ended(one, PARENT)
    return ledger


def told(ledger: Ledger, until_ms: int | None = None) -> dict[int, int | None]:
    """Return what the ledger tells by now: user and system time together, ms."""
    shares = ledger.settle(EVER if until_ms is None else until_ms * MS)
    return {share.pid: total_ms(share) for share in shares}


def total_ms(share: Share) -> int | None:
    """Return user and system time together."""
    return None if share.user_ns is None else (share.user_ns + (share.sys_ns or 0)) // MS


def test_the_only_child_used_what_the_sums_grew_by() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 200, 40))
    (share,) = ledger.settle(EVER)
    # The first reading is cut to ticks from nothing: the middle of what it may have been.
    assert share == Share(5, 5, 205 * MS, 45 * MS, 0, 0)


def test_the_next_child_used_what_was_added_since() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 200))
    ledger.settle(EVER)
    ledger.ended(an_end(6, 301, 400), PARENT)
    ledger.read(a_reading(401, 280, 0))
    assert told(ledger) == {6: 80}


def test_a_reading_waits_until_all_is_known_that_happened_before() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 200))
    assert told(ledger, 300) == {}
    ledger.ended(an_end(6, 1, 298), PARENT)
    assert told(ledger, 301) == {5: None, 6: None}


def test_who_was_not_waited_for_is_in_the_next_reading() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 0)._replace(unreaped=frozenset({5})))
    assert told(ledger) == {}
    ledger.read(a_reading(900, 200))
    assert told(ledger) == {5: 205}


def test_who_ended_after_a_reading_is_in_the_next() -> None:
    ledger = a_ledger(an_end(5, 0, 300), an_end(6, 300, 400))
    ledger.read(a_reading(301, 200))
    ledger.read(a_reading(401, 290))
    assert told(ledger) == {5: 205, 6: 90}


def test_of_two_that_lived_long_nothing_is_told() -> None:
    ledger = a_ledger(an_end(5, 0, 300), an_end(6, 0, 290))
    ledger.read(a_reading(301, 200))
    assert told(ledger) == {5: None, 6: None}


def test_what_two_used_is_not_the_next_ones() -> None:
    ledger = a_ledger(an_end(5, 0, 300), an_end(6, 0, 290))
    ledger.read(a_reading(301, 200))
    ledger.settle(EVER)
    ledger.ended(an_end(7, 301, 400), PARENT)
    ledger.read(a_reading(401, 260))
    assert told(ledger) == {7: 60}


def test_one_of_two_that_is_known_leaves_the_other() -> None:
    ledger = a_ledger(an_end(5, 0, 300, cpu_ms=150), an_end(6, 0, 290))
    ledger.read(a_reading(301, 200))
    assert told(ledger) == {5: None, 6: 55}


def test_short_ones_used_no_more_than_they_lived() -> None:
    ledger = a_ledger(an_end(5, 0, 4), an_end(6, 4, 12))
    ledger.read(a_reading(13, 10))
    assert told(ledger) == {5: 4, 6: 8}


def test_short_ones_share_what_there_is_in_proportion_to_their_lives() -> None:
    ledger = a_ledger(*(an_end(pid, pid, pid + 15) for pid in range(5, 15)))
    ledger.read(a_reading(90, 30))
    assert set(told(ledger).values()) == {4}


def test_what_is_left_by_short_ones_is_the_one_others() -> None:
    ledger = a_ledger(an_end(5, 0, 300), an_end(6, 300, 306))
    ledger.read(a_reading(307, 200))
    assert told(ledger) == {5: 199, 6: 6}


def test_one_beside_too_many_short_ones_is_not_told() -> None:
    ledger = a_ledger(an_end(5, 0, 90), *(an_end(pid, pid, pid + 9) for pid in range(6, 16)))
    ledger.read(a_reading(91, 80))
    assert set(told(ledger).values()) == {None}


def test_one_that_lived_long_and_added_no_tick_used_something_unknown() -> None:
    ledger = a_ledger(an_end(5, 0, 5000))
    ledger.read(a_reading(5001, 0))
    assert told(ledger) == {5: None}


def test_what_a_child_had_shown_of_its_own_children_is_taken_off() -> None:
    ledger = a_ledger()
    ledger.born(5, 5)
    ledger.ended(an_end(6, 0, 100), 5)
    ledger.read(a_reading(101, 70)._replace(pid=5, start_ticks=5))
    ledger.ended(an_end(5, 0, 300), PARENT)
    ledger.read(a_reading(301, 170))
    assert told(ledger) == {6: 75, 5: 100}


def test_who_was_not_told_apart_below_is_not_told_above() -> None:
    ledger = a_ledger()
    ledger.born(5, 5)
    ledger.ended(an_end(6, 0, 100), 5)
    ledger.ended(an_end(5, 0, 300), PARENT)
    ledger.read(a_reading(301, 170))
    assert told(ledger) == {5: None, 6: None}


def test_a_short_one_below_is_told_with_its_parent() -> None:
    ledger = a_ledger()
    ledger.born(5, 5)
    ledger.ended(an_end(6, 0, 6), 5)
    ledger.ended(an_end(5, 0, 300), PARENT)
    ledger.read(a_reading(301, 170))
    assert told(ledger) == {5: 169, 6: 6}


def test_what_a_parent_had_reaped_before_it_was_found_is_nobodys() -> None:
    ledger = Ledger(TICK)
    ledger.found(a_reading(10, 5000, 700))
    ledger.ended(an_end(5, 20, 300), PARENT)
    ledger.read(a_reading(301, 5080, 700))
    assert told(ledger) == {5: 80}


def test_after_a_loss_the_sums_begin_anew() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.doubt()
    ledger.read(a_reading(301, 200))
    ledger.settle(EVER)
    ledger.ended(an_end(6, 301, 400), PARENT)
    ledger.read(a_reading(401, 280))
    assert told(ledger) == {6: 80}


def test_a_child_of_a_parent_in_doubt_is_not_told() -> None:
    ledger = a_ledger()
    ledger.born(5, 5)
    ledger.doubt()
    ledger.found(a_reading(10, 0))
    ledger.ended(an_end(5, 0, 300), PARENT)
    ledger.read(a_reading(301, 200))
    assert told(ledger) == {5: None}


def test_a_reading_of_another_process_of_the_same_pid_is_none() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 200)._replace(start_ticks=2))
    assert told(ledger) == {}


def test_without_an_account_nothing_is_told() -> None:
    ledger = Ledger(TICK)
    ledger.ended(an_end(5, 0, 300), PARENT)
    assert told(ledger) == {5: None}


def test_a_parent_that_is_forgotten_lets_go_of_its_children() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.forget(PARENT)
    assert (told(ledger), ledger.pids()) == ({5: None}, [])


def test_bytes_that_were_not_added_are_nobodys() -> None:
    ledger = a_ledger(an_end(5, 0, 300), an_end(6, 0, 300))
    ledger.read(a_reading(301, 200)._replace(write_bytes=4096))
    moved = [(share.read_bytes, share.write_bytes) for share in ledger.settle(EVER)]
    assert moved == [(0, None), (0, None)]


def test_bytes_of_the_only_child_are_exact() -> None:
    ledger = a_ledger(an_end(5, 0, 300))
    ledger.read(a_reading(301, 200)._replace(read_bytes=None, write_bytes=4096))
    (share,) = ledger.settle(EVER)
    assert (share.read_bytes, share.write_bytes) == (None, 4096)


@st.composite
def histories(draw: st.DrawFn) -> list[list[tuple[int, int]]]:
    """Draw children one after the other, in groups between readings: life and CPU time, us."""
    lives = st.integers(100, 80_000).flatmap(
        lambda life: st.tuples(st.just(life), st.integers(0, life))
    )
    return draw(st.lists(st.lists(lives, min_size=1, max_size=6), min_size=1, max_size=20))


def replay(groups: list[list[tuple[int, int]]]) -> tuple[list[Share], list[tuple[int, int]]]:
    """Return what the ledger tells of children whose parent is read after each group."""
    ledger = Ledger(TICK)
    ledger.born(PARENT, 1)
    now_ns = spent_ns = 0
    shares: list[Share] = []
    lives: list[tuple[int, int]] = []
    for group in groups:
        for life_us, cpu_us in group:
            pid = 1000 + len(lives)
            ledger.ended(Ended(pid, pid, now_ns, now_ns + life_us * 1000), PARENT)
            now_ns += life_us * 1000
            spent_ns += cpu_us * 1000
            lives.append((life_us * 1000, cpu_us * 1000))
        now_ns += 1000
        ledger.read(
            Reaped(PARENT, 1, now_ns, spent_ns // TICK * TICK, 0, 0, 0, frozenset()),
        )
        shares += ledger.settle(now_ns)
    return shares, lives


@given(histories())
def test_everyone_is_told_of_once(groups: list[list[tuple[int, int]]]) -> None:
    shares, lives = replay(groups)
    assert [share.pid for share in shares] == [1000 + place for place in range(len(lives))]


@given(histories())
def test_what_is_told_is_off_by_few_ticks_or_less_than_it_lived(
    groups: list[list[tuple[int, int]]],
) -> None:
    shares, lives = replay(groups)
    for share, (life_ns, cpu_ns) in zip(shares, lives, strict=True):
        if share.user_ns is None:
            continue
        off_ns = abs(share.user_ns + (share.sys_ns or 0) - cpu_ns)
        assert off_ns <= max(4 * TICK, cpu_ns // 8 + 2 * TICK) or off_ns < life_ns < 2 * TICK


@given(histories())
def test_all_together_used_no_more_than_the_sums(groups: list[list[tuple[int, int]]]) -> None:
    shares, lives = replay(groups)
    told_ns = sum((share.user_ns or 0) + (share.sys_ns or 0) for share in shares)
    assert told_ns <= sum(cpu_ns for _, cpu_ns in lives) + 3 * TICK


@given(histories())
def test_nobody_used_less_than_nothing(groups: list[list[tuple[int, int]]]) -> None:
    shares, _ = replay(groups)
    assert all((share.user_ns or 0) >= 0 and (share.sys_ns or 0) >= 0 for share in shares)
