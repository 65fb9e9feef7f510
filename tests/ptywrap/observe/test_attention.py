"""How long a person only waited."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.attention import KEYS_NS, Attention, covered

S = 1_000_000_000


def test_a_build_nobody_touches_is_waited_for() -> None:
    assert Attention().wait_ns(10 * S, 70 * S) == 60 * S


def test_the_enter_that_starts_a_command_is_no_use_of_it() -> None:
    attention = Attention()
    attention.keys(9 * S, 10 * S - 1)
    assert attention.wait_ns(10 * S, 70 * S) == 60 * S


def test_a_key_makes_fifteen_seconds_interactive() -> None:
    attention = Attention()
    attention.keys(20 * S, 20 * S)
    assert attention.wait_ns(10 * S, 70 * S) == 60 * S - KEYS_NS


def test_a_build_with_a_key_every_five_seconds_is_not_waited_for() -> None:
    attention = Attention()
    for at in range(10, 70, 5):
        attention.keys(at * S + S // 10, at * S + S // 10)
    assert attention.wait_ns(10 * S, 70 * S) == S // 10


def test_the_alternate_screen_is_used_not_waited_for() -> None:
    attention = Attention()
    attention.screen(20 * S, alternate=True)
    attention.screen(50 * S, alternate=False)
    assert attention.wait_ns(10 * S, 70 * S) == 30 * S


def test_a_raw_terminal_means_nothing_where_the_tool_is_known_to_wait() -> None:
    attention = Attention()
    attention.mode(20 * S, canonical=False)
    assert [attention.wait_ns(10 * S, 70 * S, rule) for rule in ("auto", "yes", "no")] == [
        10 * S,
        60 * S,
        0,
    ]


def test_a_suspended_session_waits_for_nothing() -> None:
    attention = Attention()
    attention.stopped(20 * S, stopped=True)
    attention.stopped(60 * S, stopped=False)
    assert attention.wait_ns(10 * S, 70 * S) == 20 * S


def test_what_no_command_to_come_needs_is_forgotten() -> None:
    attention = Attention()
    for at in range(100):
        attention.keys(at * S, at * S)
        attention.mode(at * S, canonical=True)
    attention.forget(1000 * S)
    assert (attention._keys, len(attention._raw)) == ([], 1)


def test_a_screen_that_went_on_before_is_remembered() -> None:
    attention = Attention()
    attention.screen(5 * S, alternate=True)
    attention.forget(10 * S)
    assert attention.wait_ns(10 * S, 70 * S) == 0


spans = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20)


@given(spans, st.integers(0, 50), st.integers(50, 100))
def test_a_union_is_counted_once(some: list[tuple[int, int]], since: int, until: int) -> None:
    moments = {t for first, last in some for t in range(first, last) if since <= t < until}
    assert covered(some, since, until) == len(moments)
