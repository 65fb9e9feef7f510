"""Checks of stores on what pages ask: sums and quantiles by template, day, week, program, host."""

from typing import Any

from ingest.store.questions import ROLLUPS, Program, Remote, Sums, Window
from ptywrap import wire
from tests import build
from tests.conformance.store_owners import ADA, BOB, TWIN, tell
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command

MONDAY = build.AT // DAY_NS
"""The day of `build.AT`, 24 November 2025."""

_SECOND = 10**9


def a_window(**changes: Any) -> Window:
    return Window(MONDAY, MONDAY + 27, "acme", **changes)


def _run(mark: int, seconds: int, **changes: Any) -> wire.Command:
    """Return a command of so many seconds, all of which somebody waited."""
    lengths = {"wall_ns": seconds * _SECOND, "wait_ns": seconds * _SECOND, "exit_status": 0}
    split = wire.Split(cpu_ns=seconds * _SECOND, other_ns=0)
    return a_command(mark, **(lengths | {"split": split} | changes))


def on(day: int, mark: int, seconds: int, **changes: Any) -> wire.Command:
    """Return a command of so many days after Monday."""
    at = build.AT + day * DAY_NS + mark * _SECOND
    return _run(mark + 100 * day, seconds, started_at=at, **changes)


def near(found: int | None, exact: int) -> bool:
    """Say whether a quantile is as near as a histogram must come: within 4 %."""
    return found is not None and abs(found - exact) <= exact * 0.04


def templates_are_added_up_with_the_dearest_first(engine: Asked) -> None:
    told = [_run(1, 1, template="ls"), _run(2, 5, template="make", exit_status=2)]
    tell(engine, ADA, 1, *told, _run(3, 3, template="ls", exit_status=None, signal=9))
    found = engine.do(engine.store.templates(a_window())).rows
    sums = [(one.template, one.sums.runs, one.sums.failures, one.sums.wait_ns) for one in found]
    assert sums == [("make", 1, 1, 5 * _SECOND), ("ls", 2, 1, 4 * _SECOND)]


def templates_are_ordered_by_what_is_asked_and_no_more_than_asked(engine: Asked) -> None:
    told = [_run(1, 1, template="ls", wait_ns=None), _run(2, 1, template="ls", wait_ns=None)]
    tell(engine, ADA, 1, *told, _run(3, 9, template="make"))
    tops = [
        [one.template for one in engine.do(engine.store.templates(a_window(by=by, top=1))).rows]
        for by in ("wait", "wall", "cpu", "runs")
    ]
    assert tops == [["make"], ["make"], ["make"], ["ls"]]


def a_template_has_the_sums_of_its_split(engine: Asked) -> None:
    split = wire.Split(
        cpu_ns=1, runqueue_ns=2, disk_ns=3, network_ns=4, input_ns=5, lock_ns=6, other_ns=None
    )
    download = wire.Download(active_ns=7)
    tell(engine, ADA, 1, *(_run(mark, 1, split=split, download=download, received_bytes=8)
                           for mark in (1, 2)))  # fmt: skip
    found = engine.do(engine.store.templates(a_window())).rows[0]
    assert found.sums == Sums(
        runs=2,
        wall_ns=2 * _SECOND,
        wait_ns=2 * _SECOND,
        cpu_ns=2,
        runqueue_ns=4,
        disk_ns=6,
        network_ns=8,
        input_ns=10,
        lock_ns=12,
        other_ns=0,
        dl_active_ns=14,
        received_bytes=16,
    )


def quantiles_leave_out_the_time_a_run_was_suspended(engine: Asked) -> None:
    told = [_run(mark, mark + 50, suspended_ns=50 * _SECOND) for mark in range(1, 101)]
    tell(engine, ADA, 1, *told)
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.templates(a_window(source=source))).rows[0]
        assert near(found.p50_ns, 50 * _SECOND)
        assert near(found.p95_ns, 95 * _SECOND)


def a_run_that_has_not_ended_is_not_added_up(engine: Asked) -> None:
    tell(engine, ADA, 1, _run(1, 1, wall_ns=None), _run(2, 1))
    found = engine.do(engine.store.templates(a_window())).rows
    assert [one.sums.runs for one in found] == [1]


def people_are_counted_once(engine: Asked) -> None:
    for owner, marks in ((ADA, (1, 2)), (BOB, (3,)), (TWIN, (4,))):
        tell(engine, owner, 1, *(_run(mark, 1) for mark in marks))
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.templates(a_window(source=source))).rows
        assert [(one.people, one.sums.runs) for one in found] == [(2, 3)]


def a_window_is_of_its_days_its_tenant_and_whose_it_is_asked(engine: Asked) -> None:
    for owner in (ADA, BOB, TWIN):
        tell(engine, owner, 1, on(0, 1, 1), on(27, 2, 2, repo="other"), on(28, 3, 4))
    windows = [
        a_window(),
        a_window(person="ada"),
        a_window(team="core"),
        a_window(team="other"),
        a_window(repo="other"),
        a_window()._replace(tenant="globex", first_day=MONDAY + 28, last_day=MONDAY + 28),
    ]
    for source in (None, ROLLUPS):
        found = [
            sum(
                one.sums.wait_ns // _SECOND
                for one in engine.do(engine.store.templates(window._replace(source=source))).rows
            )
            for window in windows
        ]
        assert found == [6, 3, 6, 0, 4, 4]


def one_template_is_told_by_day(engine: Asked) -> None:
    told = [on(0, 1, 1), on(0, 2, 3), on(2, 3, 5), on(2, 4, 7, template="ls")]
    tell(engine, ADA, 1, *told, on(1, 5, 9, template=None))
    for source in (None, ROLLUPS):
        asked = engine.store.daily(a_window(source=source), "make test")
        found = engine.do(asked).rows
        days = [(one.first_day - MONDAY, one.sums.runs, one.sums.wait_ns) for one in found]
        assert days == [(0, 2, 4 * _SECOND), (2, 1, 5 * _SECOND)]
        assert near(found[0].p95_ns, 3 * _SECOND)


def what_has_no_template_is_told_by_day_too(engine: Asked) -> None:
    tell(engine, ADA, 1, on(0, 1, 1), on(1, 5, 9, template=None))
    found = engine.do(engine.store.daily(a_window(), None)).rows
    assert [(one.first_day - MONDAY, one.sums.runs) for one in found] == [(1, 1)]


def weeks_are_added_up_from_monday(engine: Asked) -> None:
    tell(engine, ADA, 1, on(0, 1, 1), on(6, 2, 2), on(7, 3, 4, template="ls"))
    tell(engine, BOB, 1, on(6, 1, 8))
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.weekly(a_window(source=source))).rows
        weeks = [(one.first_day - MONDAY, one.people, one.sums.wait_ns) for one in found]
        assert weeks == [(0, 2, 11 * _SECOND), (7, 1, 4 * _SECOND)]


def programs_are_told_by_what_they_cost_the_processor(engine: Asked) -> None:
    def process(pid: int, name: str, **changes: Any) -> wire.Process:
        return build.a_process(pid=pid, name=name, wall_ns=3000, **changes)

    tell(
        engine,
        ADA,
        1,
        process(1, "cc", cpu_user_ns=5000, cpu_sys_ns=2000, peak_rss_bytes=7),
        process(2, "cc", cpu_user_ns=None, cpu_sys_ns=1000, peak_rss_bytes=None),
        process(3, "ld", cpu_user_ns=1000, cpu_sys_ns=0, peak_rss_bytes=None),
    )
    tell(engine, TWIN, 1, process(1, "cc"))
    assert engine.do(engine.store.programs(a_window())) == [
        Program("cc", 1, 2, 8, 6, 7),
        Program("ld", 1, 1, 1, 3, None),
    ]


def _flow(mark: int, host: str | None, received: int, **changes: Any) -> wire.Flow:
    values = {"id": mark, "command": a_command(1).id, "remote_host": host, "sent_bytes": 1}
    return build.a_flow(**(values | {"received_bytes": received} | changes))


def hosts_are_told_by_what_was_exchanged_with_them(engine: Asked) -> None:
    quick = {"connect_ns": 2 * _SECOND, "first_byte_at": build.AT + 4 * _SECOND}
    tell(
        engine,
        ADA,
        1,
        a_command(1),
        _flow(1, "a.example", 5, **quick),
        _flow(2, "a.example", 0, closed_at=build.AT + 1),
        _flow(3, "b.example", 90),
    )
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.remotes(a_window(source=source))).rows
        rounded = [
            one._replace(
                connect_p50_ns=one.connect_p50_ns and near(one.connect_p50_ns, 2 * _SECOND),
                first_byte_p50_ns=one.first_byte_p50_ns
                and near(one.first_byte_p50_ns, 4 * _SECOND),
            )
            for one in found
        ]
        assert rounded == [
            Remote("b.example", 1, 1, 0, 90, 1, None, None),
            Remote("a.example", 1, 2, 1, 5, 2, connect_p50_ns=True, first_byte_p50_ns=True),
        ]


def a_fact_told_again_is_added_up_once(engine: Asked) -> None:
    tell(engine, ADA, 1, _run(1, 1, template="ls"), _run(2, 2))
    tell(engine, ADA, 2, _run(1, 5, template="make"))
    for source in (None, ROLLUPS):
        found = engine.do(engine.store.templates(a_window(source=source))).rows
        sums = [(one.template, one.sums.wait_ns // _SECOND) for one in found]
        assert sums == [("make", 5), ("make test", 2)]


def _days_told(engine: Asked) -> list[tuple[int, int]]:
    """Return the days on which `make test` ran, counted from Monday, and its runs."""
    window = Window(MONDAY - 1000, MONDAY + 1000)
    found = engine.do(engine.store.daily(window, "make test")).rows
    return [(one.first_day - MONDAY, one.sums.runs) for one in found]


def what_is_told_under_four_clocks_is_one_run_of_the_first_ones_day(engine: Asked) -> None:
    for number, clock_at in enumerate((-3 * DAY_NS, 400 * DAY_NS, -build.AT, 0)):
        at = build.AT + clock_at
        command = a_command(1, started_at=at, wall_ns=number + 1)
        engine.add(a_batch(number + 1, command, wall_ns=at))
    assert (_days_told(engine), [row["wall_ns"] for row in engine.log()]) == ([(-3, 1)], [4])


def what_arrives_a_month_late_is_told_on_the_day_it_began(engine: Asked) -> None:
    late = a_command(1, started_at=build.AT - 30 * DAY_NS)
    engine.add(a_batch(1, late, received_at=build.AT))
    assert _days_told(engine) == [(-30, 1)]


def a_month_that_ends_between_two_tellings_makes_no_second_run(engine: Asked) -> None:
    midnight = (MONDAY + 7) * DAY_NS
    for number, moment in ((1, midnight - _SECOND), (2, midnight + _SECOND)):
        engine.add(a_batch(number, a_command(1, started_at=moment), wall_ns=moment))
    assert _days_told(engine) == [(6, 1)]


CHECKS = (
    what_is_told_under_four_clocks_is_one_run_of_the_first_ones_day,
    what_arrives_a_month_late_is_told_on_the_day_it_began,
    a_month_that_ends_between_two_tellings_makes_no_second_run,
    templates_are_added_up_with_the_dearest_first,
    templates_are_ordered_by_what_is_asked_and_no_more_than_asked,
    a_template_has_the_sums_of_its_split,
    quantiles_leave_out_the_time_a_run_was_suspended,
    a_run_that_has_not_ended_is_not_added_up,
    people_are_counted_once,
    a_window_is_of_its_days_its_tenant_and_whose_it_is_asked,
    one_template_is_told_by_day,
    what_has_no_template_is_told_by_day_too,
    weeks_are_added_up_from_monday,
    programs_are_told_by_what_they_cost_the_processor,
    hosts_are_told_by_what_was_exchanged_with_them,
    a_fact_told_again_is_added_up_once,
)
