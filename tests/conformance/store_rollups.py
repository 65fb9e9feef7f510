"""Checks of stores on rollups: weeks of people that outlive their rows, and whose they are."""

from ingest.store.base import Keep, Scope
from ingest.store.questions import ROLLUPS, Owner, Period, Sums
from tests import build
from tests.conformance.store_owners import ADA, BOB, tell
from tests.conformance.store_pages import MONDAY, a_window, near, on
from tests.ingest.batches import DAY_NS, Asked

_KEEP = Keep(MONDAY + 60, commands_days=30, details_days=7)
_SECOND = 10**9


def _told_weeks(engine: Asked) -> None:
    """Have two persons run a template in two weeks: Ada 1, 2 and 9 s, Bob 4 s, then Ada 3 s."""
    tell(engine, ADA, 1, *(on(day, day, seconds) for day, seconds in ((0, 1), (1, 2), (6, 9))))
    tell(engine, BOB, 1, on(6, 1, 4), on(0, 2, 5, wall_ns=None))
    tell(engine, ADA, 2, on(7, 1, 3))


def _weeks(engine: Asked) -> list[tuple[int, int, int, int, int]]:
    found = engine.do(engine.store.medians(a_window()))
    return [
        (
            one.week - MONDAY,
            one.people,
            one.runs,
            one.p50_ns // _SECOND,
            one.p90_ns // _SECOND,
        )
        for one in found
    ]


def _fold(engine: Asked, day: int) -> None:
    engine.do(engine.store.fold((MONDAY + day) * DAY_NS + 1))


def a_week_is_told_by_medians_of_people_once_it_is_over(engine: Asked) -> None:
    _told_weeks(engine)
    told = []
    for day in (6, 7, 14):
        _fold(engine, day)
        told.append(_weeks(engine))
    first = (0, 2, 4, 2, 4)
    assert told == [[], [first], [first, (7, 1, 1, 3, 3)]]


def a_week_that_is_over_takes_in_what_is_late(engine: Asked) -> None:
    _told_weeks(engine)
    _fold(engine, 7)
    tell(engine, BOB, 2, on(2, 7, 8), on(3, 8, 8))
    _fold(engine, 8)
    assert _weeks(engine) == [(0, 2, 6, 2, 8)]


def medians_and_sums_outlive_their_rows(engine: Asked) -> None:
    _told_weeks(engine)
    _fold(engine, 14)
    before = _weeks(engine)
    sums = engine.do(engine.store.weekly(a_window())).rows
    tell(engine, ADA, 9, on(59, 1, 1), on(60, 1, 1))
    gone = engine.do(engine.store.retire(_KEEP))
    after = engine.do(engine.store.weekly(a_window())).rows
    assert (before, _weeks(engine), after, gone > 0) == (
        [(0, 2, 4, 2, 4), (7, 1, 1, 3, 3)],
        before,
        sums,
        True,
    )


def a_week_that_nobody_folded_is_written_before_its_rows_go(engine: Asked) -> None:
    _told_weeks(engine)
    tell(engine, ADA, 9, on(59, 1, 1), on(60, 1, 1))
    engine.do(engine.store.retire(_KEEP))
    assert _weeks(engine) == [(0, 2, 4, 2, 4), (7, 1, 1, 3, 3)]


def a_forgotten_person_is_in_no_sum_and_no_median(engine: Asked) -> None:
    _told_weeks(engine)
    _fold(engine, 14)
    engine.do(engine.store.forget(Scope(owner=ADA)))
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.templates(a_window(source=source))).rows
        assert [(one.people, one.sums.wait_ns) for one in found] == [(1, 4 * _SECOND)]
        assert near(found[0].p50_ns, 4 * _SECOND)
    assert _weeks(engine) == [(0, 1, 1, 4, 4)]


def a_forgotten_person_is_in_no_sum_though_the_rows_were_gone_before(engine: Asked) -> None:
    _told_weeks(engine)
    tell(engine, BOB, 9, on(59, 1, 1), on(60, 1, 1))
    engine.do(engine.store.retire(_KEEP))
    engine.do(engine.store.forget(Scope(owner=ADA)))
    weeks = engine.do(engine.store.weekly(a_window())).rows
    assert (weeks, _weeks(engine), _exported(engine, ADA)) == (
        [Period(MONDAY, 1, Sums(1, 0, *[4 * _SECOND] * 3))],
        [(0, 1, 1, 4, 4)],
        0,
    )


def what_a_person_did_since_a_moment_is_in_no_sum(engine: Asked) -> None:
    _told_weeks(engine)
    _fold(engine, 14)
    since = build.AT + 6 * DAY_NS
    engine.do(engine.store.forget(Scope(since_at=since, owner=ADA)))
    found = engine.do(engine.store.weekly(a_window(source=ROLLUPS))).rows
    sums = [(one.first_day - MONDAY, one.people, one.sums.wait_ns) for one in found]
    assert (sums, _weeks(engine)) == ([(0, 2, 7 * _SECOND)], [(0, 2, 3, 1, 2)])


def _exported(engine: Asked, owner: Owner) -> int:
    return sum(len(rows) for rows in engine.do(engine.store.export(owner)).values())


CHECKS = (
    a_week_is_told_by_medians_of_people_once_it_is_over,
    a_week_that_is_over_takes_in_what_is_late,
    medians_and_sums_outlive_their_rows,
    a_week_that_nobody_folded_is_written_before_its_rows_go,
    a_forgotten_person_is_in_no_sum_and_no_median,
    a_forgotten_person_is_in_no_sum_though_the_rows_were_gone_before,
    what_a_person_did_since_a_moment_is_in_no_sum,
)
