"""Compares what was told with what the kernel counted, without a false alarm and to the number."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff.sources.census import PERIOD_NS, Census

MOMENTS = itertools.count(PERIOD_NS, 2 * PERIOD_NS)


def compared(census: Census, opened: int, at_ns: int) -> int:
    """Count at a quiet moment: twice, a second apart, with a whole table between."""
    assert census.due(at_ns, 0)
    assert census.take(at_ns, opened) == 0
    assert not census.due(at_ns + 900_000_000, at_ns + 900_000_000)
    assert census.due(at_ns + 1_000_000_000, at_ns + 1_000_000_000)
    return census.take(at_ns + 1_000_000_000, opened)


def told(census: Census, *cookies: int) -> None:
    """Tell of connections that live and end."""
    for cookie in cookies:
        census.living({cookie})
        census.living({cookie})
        census.ended(cookie)


def minutes(census: Census, *opened: int) -> list[int]:
    """What is missed at each of some quiet moments, two minutes apart."""
    return [compared(census, each, next(MOMENTS)) for each in opened]


def test_what_was_there_before_is_not_missed() -> None:
    assert minutes(Census(0), 1000, 1000) == [0, 0]


def test_what_is_told_is_not_missed_however_often_it_is_told() -> None:
    census = Census(0)
    first = minutes(census, 1000)
    told(census, 1, 2, 3)
    assert first + minutes(census, 1003, 1003) == [0, 0, 0]


def test_what_ends_before_it_was_seen_to_live_is_told_all_the_same() -> None:
    census = Census(0)
    first = minutes(census, 1000)
    census.ended(1)
    census.living({2, 3})
    assert first + minutes(census, 1003, 1003) == [0, 0, 0]


def test_what_is_missing_is_told_with_its_number_once_it_was_met_twice() -> None:
    census = Census(0)
    first = minutes(census, 1000)
    told(census, 1, 2, 3)
    assert first + minutes(census, 1008, 1008, 1008) == [0, 0, 5, 0]


def test_what_is_told_late_is_not_missed() -> None:
    census = Census(0)
    minutes(census, 1000, 1003)
    told(census, 1, 2, 3)
    assert minutes(census, 1003, 1003) == [0, 0]


def test_attempts_that_were_told_though_they_failed_hide_nothing_later() -> None:
    census = Census(0)
    minutes(census, 1000)
    told(census, 1, 2)  # counted as begun and as failed
    minutes(census, 1000)
    assert minutes(census, 1001, 1001) == [0, 1]


def test_a_loss_that_was_told_otherwise_is_not_told_again() -> None:
    census = Census(0)
    minutes(census, 1000)
    census.begin_again()
    assert minutes(census, 1900, 1900, 1900) == [0, 0, 0]


def test_nothing_is_compared_while_connections_begin() -> None:
    census = Census(0)
    census.take(PERIOD_NS, 1000)
    assert census.take(PERIOD_NS + 2, 1001) == 0
    assert not census.due(PERIOD_NS + 3, PERIOD_NS + 3)


@pytest.mark.parametrize("missed", [1, 7])
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_any_traffic_misses_what_was_lost_and_nothing_else(missed: int, traffic: list[int]) -> None:
    census, opened, cookie = Census(0), 1000, 0
    found = minutes(census, opened)
    for number in traffic:
        told(census, *range(cookie, cookie + number))
        cookie += number
        opened += number
        found += minutes(census, opened)
    found += minutes(census, opened + missed, opened + missed)
    assert (sum(found[:-1]), found[-1]) == (0, missed)
