"""Checks of stores on what goes in: once, all or nothing, the last telling of each fact."""

import pytest

from ingest.store.base import Counts, Table, Unstorable
from ptywrap import wire
from tests import build
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command


def a_new_batch_counts_as_one(engine: Asked) -> None:
    assert engine.add(a_batch(1, a_command(1)), a_batch(2, a_command(2))) == 2


def the_same_batch_again_adds_nothing(engine: Asked) -> None:
    engine.tell(1, a_command(1))
    assert (engine.tell(1, a_command(2)), len(engine.log())) == (0, 1)


def the_same_batch_twice_in_one_call_is_added_once(engine: Asked) -> None:
    batch = a_batch(1, a_command(1))
    assert engine.add(batch, batch) == 1


def it_says_which_batches_it_knows(engine: Asked) -> None:
    engine.tell(1, a_command(1))
    known = a_batch(1).id
    assert engine.do(engine.store.known([known, a_batch(2).id])) == {known}


def a_bad_batch_takes_its_whole_group_with_it(engine: Asked) -> None:
    engine.tell(1, a_command(1))
    bad = a_batch(3)._replace(tables={"commands": Table(1, {"session": [None], "id": ["no"]})})
    with pytest.raises(Unstorable):
        engine.add(a_batch(2, a_command(2)), bad)
    assert (len(engine.log()), engine.do(engine.store.known([a_batch(2).id]))) == (1, frozenset())


def a_group_without_its_bad_batch_can_be_added_after_it_failed(engine: Asked) -> None:
    bad = a_batch(3)._replace(tables={"commands": Table(1, {"session": [None], "id": ["no"]})})
    with pytest.raises(Unstorable):
        engine.add(a_batch(2, a_command(2)), bad)
    assert (engine.tell(2, a_command(2)), len(engine.log())) == (1, 1)


def a_fact_told_again_replaces_the_former(engine: Asked) -> None:
    engine.tell(1, a_command(1, line=None, wall_ns=None, exit_status=None))
    engine.tell(2, a_command(1, line="make test", wall_ns=5))
    assert [(row["line"], row["wall_ns"]) for row in engine.log()] == [("make test", 5)]


def a_telling_that_arrives_late_does_not_replace_a_later_one(engine: Asked) -> None:
    engine.tell(2, a_command(1, line="ended"))
    engine.tell(1, a_command(1, line=None, wall_ns=None))
    assert engine.lines() == ["ended"]


def of_two_tellings_in_one_call_the_higher_segment_stands(engine: Asked) -> None:
    engine.add(a_batch(2, a_command(1, line="ended")), a_batch(1, a_command(1, line="begun")))
    assert engine.lines() == ["ended"]


def of_two_tellings_in_one_segment_the_last_stands(engine: Asked) -> None:
    engine.tell(1, a_command(1, line="begun"), a_command(1, line="ended"))
    assert engine.lines() == ["ended"]


def a_wall_clock_set_between_two_tellings_leaves_one_row(engine: Asked) -> None:
    engine.tell(1, a_command(1, line="begun"), build.a_process())
    late = build.AT + 400 * DAY_NS
    moved = a_batch(2, a_command(1, line="ended", started_at=late), build.a_process(exit_status=0))
    engine.add(moved._replace(wall_ns=late))
    assert (engine.lines(), engine.do(engine.store.counts()).processes) == (["ended"], 1)


def the_lists_of_a_fact_go_with_its_former_telling(engine: Asked) -> None:
    engine.tell(1, a_command(1, daemons=[wire.Daemon(name="docker")], other_reasons={"asleep": 4}))
    engine.tell(2, a_command(1, daemons=[wire.Daemon(name="gradle")], other_reasons=None))
    told = engine.facts("last", wire.Command)[0]
    assert (told.daemons, told.other_reasons) == ([wire.Daemon(name="gradle")], None)


def the_lists_of_two_tellings_in_one_call_are_not_mixed(engine: Asked) -> None:
    first = a_command(1, daemons=[wire.Daemon(name="docker")])
    second = a_command(1, daemons=[wire.Daemon(name="gradle", cpu_ns=3, shared=True)])
    engine.add(a_batch(1, first), a_batch(2, second))
    assert engine.facts("last", wire.Command)[0].daemons == second.daemons


def it_says_what_it_holds(engine: Asked) -> None:
    engine.tell(1, a_command(1), a_command(2), build.a_process(), build.a_flow())
    engine.tell(2, build.a_loss(missed=3), build.a_loss(sensor="spool", missed=None))
    counts = engine.do(engine.store.counts())
    assert counts._replace(bytes=0) == Counts(
        commands=2,
        processes=1,
        flows=1,
        losses=2,
        missed=3,
        batches=2,
        first_at=build.AT + 10**9,
        last_at=build.AT + 2 * 10**9,
        bytes=0,
    )


def a_moment_no_calendar_has_is_kept_as_told(engine: Asked) -> None:
    moments = [0, -1, 1, (1 << 62) + 7, (1 << 63) - 1]
    for mark, moment in enumerate(moments):
        ticks = (1 << 63) - 1 - mark
        engine.tell(
            mark, a_command(mark, started_at=moment), build.a_process(pid=mark, start_ticks=ticks)
        )
    assert sorted(row["started_at"] for row in engine.log()) == sorted(moments)


CHECKS = (
    a_new_batch_counts_as_one,
    the_same_batch_again_adds_nothing,
    the_same_batch_twice_in_one_call_is_added_once,
    it_says_which_batches_it_knows,
    a_bad_batch_takes_its_whole_group_with_it,
    a_group_without_its_bad_batch_can_be_added_after_it_failed,
    a_fact_told_again_replaces_the_former,
    a_telling_that_arrives_late_does_not_replace_a_later_one,
    of_two_tellings_in_one_call_the_higher_segment_stands,
    of_two_tellings_in_one_segment_the_last_stands,
    a_wall_clock_set_between_two_tellings_leaves_one_row,
    the_lists_of_a_fact_go_with_its_former_telling,
    the_lists_of_two_tellings_in_one_call_are_not_mixed,
    it_says_what_it_holds,
    a_moment_no_calendar_has_is_kept_as_told,
)
