"""Checks of stores on what one run is: found by its id, and made of all its facts."""

from typing import Any

from ptywrap import wire
from tests import build
from tests.ingest.batches import DAY_NS, HOUR_NS, Asked, a_batch, a_command

SECOND = bytes(range(16, 32))


def a_run_is_found_by_the_beginning_of_its_id(engine: Asked) -> None:
    engine.tell(1, a_command(1, id=0x7A51 << 48), a_command(2, id=-(0x12 << 48), line="other"))
    found = [engine.show(prefix).id for prefix in ("7", "7a51", "7a51000000000000", "ffee")]
    assert found == [0x7A51 << 48] * 3 + [-(0x12 << 48)]


def a_beginning_that_two_ids_share_matches_both(engine: Asked) -> None:
    engine.tell(1, a_command(1, id=0x7A51 << 48), a_command(2, id=0x7A52 << 48))
    assert engine.show("7a5").matches == 2


def last_is_the_one_that_ran_through_us(engine: Asked) -> None:
    through = {"template": None, "shape": None, "line": "ptywrap --quiet -- make"}
    engine.tell(1, a_command(1), a_command(2, **through))
    assert engine.show("last").id == a_command(2).id


def last_is_found_behind_many_of_our_own_verbs(engine: Asked) -> None:
    ours = (a_command(mark, template="ptywrap log") for mark in range(2, 202))
    engine.tell(1, a_command(1, line="theirs"), *ours)
    assert engine.show("last").id == a_command(1).id


def a_run_is_made_of_all_its_facts(engine: Asked) -> None:
    told: list[wire.Fact] = [
        a_command(1, context=wire.Context(targeted=True, wrappers=["sudo", "time"])),
        build.a_session(),
        build.a_process(command=a_command(1).id, argv=["make", "", "tést"]),
        build.a_flow(command=a_command(1).id),
        wire.Sample(session=build.SESSION, command=a_command(1).id, at=5, class_="cpu", label="cc"),
        build.a_loss(since=build.AT, until=None),
        build.a_host(),
    ]
    engine.tell(1, *told)
    assert list(engine.show("last").facts) == told


def the_facts_of_another_command_are_no_part_of_a_run(engine: Asked) -> None:
    engine.tell(
        1,
        a_command(1),
        build.a_process(command=a_command(2).id),
        build.a_process(pid=7, session=SECOND, command=a_command(1).id),
        build.a_flow(command=0),
    )
    assert [type(fact) for fact in engine.show("last").facts] == [wire.Command]


def a_run_has_the_losses_of_its_time(engine: Asked) -> None:
    at = a_command(1).started_at or 0
    told = {
        "before": (at - 9, at - 1),
        "across": (at - 9, at + 1),
        "open": (at - 9, None),
        "after": (at + 3_000_000_000, None),
    }
    losses = [build.a_loss(sensor=n, since=s, until=u) for n, (s, u) in told.items()]
    engine.tell(1, a_command(1), *losses)
    assert {loss.sensor for loss in engine.facts("last", wire.Loss)} == {"across", "open"}


def a_run_has_the_host_as_it_was_last_told_before_its_end(engine: Asked) -> None:
    hosts = [build.a_host(at=build.AT + seconds * 10**9, cores=seconds) for seconds in (1, 2, 60)]
    engine.tell(1, a_command(1), *hosts)
    assert [host.cores for host in engine.facts("last", wire.Host)] == [2]


def a_run_before_the_first_host_has_the_nearest_one(engine: Asked) -> None:
    hosts = [build.a_host(at=build.AT + seconds * 10**9, cores=seconds) for seconds in (60, 70)]
    engine.tell(1, a_command(1), *hosts)
    assert [host.cores for host in engine.facts("last", wire.Host)] == [60]


def a_tree_is_in_the_order_of_birth(engine: Asked) -> None:
    born = [build.a_process(pid=pid, start_ticks=ticks) for pid, ticks in ((3, 9), (1, 9), (2, 8))]
    engine.tell(1, build.a_command(), *born)
    tree = engine.do(engine.store.tree(build.SESSION, build.a_command().id))
    assert [process.pid for process in tree] == [2, 1, 3]


def a_process_that_outlived_midnight_is_in_its_tree(engine: Asked) -> None:
    long = build.a_command(wall_ns=30 * HOUR_NS)
    late = build.a_process(start_ticks=29 * HOUR_NS // 10_000_000)
    engine.tell(1, long, late)
    assert engine.do(engine.store.tree(build.SESSION, long.id)) == [late]


def a_name_that_begins_no_id_matches_nothing(engine: Asked) -> None:
    engine.tell(1, a_command(1, id=0x7A51 << 48))
    names = ("", "8", "xyz", "LAST", "7a5100000000000000", "%", "0x7", "7")
    assert [engine.show(name).matches for name in names] == [0] * 7 + [1]


def last_skips_our_own_verbs(engine: Asked) -> None:
    nothing: dict[str, Any] = {"template": None, "shape": None, "line": None}
    engine.tell(
        1,
        a_command(1, line="theirs"),
        a_command(2, template="ptywrap log", line="ptywrap log"),
        a_command(3, **(nothing | {"line": "./scripts/ptywrap show last"})),
        a_command(4, template="ptywrap", line="ptywrap"),
        a_command(5, **nothing, wall_ns=None),
        a_command(6, template="./ptywrap.sh", line="ptywrap/launch/ptywrap.sh log"),
    )
    assert engine.show("last").id == a_command(1).id


def a_tree_is_whole_though_the_clock_was_set_in_the_middle(engine: Asked) -> None:
    engine.tell(1, build.a_process())
    late = build.AT + 400 * DAY_NS
    engine.add(a_batch(2, build.a_command(), build.a_process(pid=7), wall_ns=late))
    tree = engine.do(engine.store.tree(build.SESSION, build.a_command().id))
    assert [process.pid for process in tree] == [7, 4242]


CHECKS = (
    a_tree_is_whole_though_the_clock_was_set_in_the_middle,
    a_run_is_found_by_the_beginning_of_its_id,
    a_beginning_that_two_ids_share_matches_both,
    last_is_the_one_that_ran_through_us,
    last_is_found_behind_many_of_our_own_verbs,
    a_run_is_made_of_all_its_facts,
    the_facts_of_another_command_are_no_part_of_a_run,
    a_run_has_the_losses_of_its_time,
    a_run_has_the_host_as_it_was_last_told_before_its_end,
    a_run_before_the_first_host_has_the_nearest_one,
    a_tree_is_in_the_order_of_birth,
    a_process_that_outlived_midnight_is_in_its_tree,
    a_name_that_begins_no_id_matches_nothing,
    last_skips_our_own_verbs,
)
