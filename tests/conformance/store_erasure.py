"""Checks of stores on what goes out: what a user wants forgotten, and what is too old."""

from ingest.store.base import Counts, Keep, Scope
from ptywrap import wire
from tests import build
from tests.ingest.batches import DAY_NS, Asked, a_batch, a_command


def _two_of_everything(engine: Asked) -> None:
    engine.tell(
        1,
        build.a_session(),
        a_command(1, line="early", other_reasons={"asleep": 1}, daemons=[wire.Daemon(name="d")]),
        build.a_process(pid=1, command=a_command(1).id, started_at=a_command(1).started_at),
        build.a_flow(id=1, command=a_command(1).id, opened_at=a_command(1).started_at),
        a_command(9, line="late", repo="example.org/ada/other"),
        build.a_process(pid=9, command=a_command(9).id, started_at=a_command(9).started_at),
        build.a_flow(id=9, command=a_command(9).id, opened_at=a_command(9).started_at),
        build.a_host(),
    )


def everything_can_be_forgotten(engine: Asked) -> None:
    _two_of_everything(engine)
    forgotten = engine.do(engine.store.forget(Scope()))
    counts = engine.do(engine.store.counts())
    assert (len(forgotten.commands), counts._replace(bytes=0)) == (
        2,
        Counts(0, 0, 0, 0, 0, 0, None, None, 0),
    )


def what_began_since_a_moment_can_be_forgotten(engine: Asked) -> None:
    _two_of_everything(engine)
    forgotten = engine.do(engine.store.forget(Scope(since_at=build.AT + 5 * 10**9)))
    counts = engine.do(engine.store.counts())
    assert (set(forgotten.commands), engine.lines(), counts.processes, counts.flows) == (
        {(build.SESSION, a_command(9).id)},
        ["early"],
        1,
        1,
    )


def what_is_of_a_repo_can_be_forgotten(engine: Asked) -> None:
    _two_of_everything(engine)
    forgotten = engine.do(engine.store.forget(Scope(repo="ada/engine")))
    counts = engine.do(engine.store.counts())
    assert (set(forgotten.commands), engine.lines(), counts.processes, counts.flows) == (
        {(build.SESSION, a_command(1).id)},
        ["late"],
        1,
        1,
    )


def a_repo_since_a_moment_loses_only_what_is_both(engine: Asked) -> None:
    _two_of_everything(engine)
    scope = Scope(since_at=build.AT + 5 * 10**9, repo="engine")
    engine.do(engine.store.forget(scope))
    assert engine.lines() == ["late", "early"]


def what_a_command_did_not_say_itself_goes_with_it(engine: Asked) -> None:
    _two_of_everything(engine)
    engine.do(engine.store.forget(Scope(repo="ada/engine")))
    engine.tell(2, a_command(1, line="again", other_reasons=None, daemons=None))
    again = engine.facts(wire.hexadecimal(a_command(1).id), wire.Command)[0]
    assert (again.daemons, again.other_reasons) == (None, None)


def commits_and_remotes_of_a_forgotten_repo_go(engine: Asked) -> None:
    engine.tell(
        1,
        wire.Project(repo="example.org/ada/engine", alias="fork"),
        wire.Commit(session=build.SESSION, commit="c0ffee", repo="example.org/ada/engine"),
        a_command(1),
    )
    before = len(engine.log(repo="fork"))
    engine.do(engine.store.forget(Scope(repo="fork")))
    engine.tell(2, a_command(2))
    assert (before, engine.log(repo="fork")) == (1, [])


def a_store_can_be_filled_again_after_everything_was_forgotten(engine: Asked) -> None:
    _two_of_everything(engine)
    engine.do(engine.store.forget(Scope()))
    assert (engine.tell(7, a_command(1)), len(engine.log())) == (1, 1)


def _days(engine: Asked, *ages: int) -> int:
    """Tell one command and one process a day, so many days old; return today."""
    for age in ages:
        at = build.AT - age * DAY_NS
        command = a_command(age, started_at=at, line=f"{age} days")
        process = build.a_process(pid=age + 1, command=command.id, started_at=at, start_ticks=600)
        batch = a_batch(1000 - age, command, process, boot=f"boot {age}", wall_ns=at)
        engine.add(batch)
    return build.AT // DAY_NS


def details_are_kept_for_less_time_than_commands(engine: Asked) -> None:
    today = _days(engine, 0, 1, 39, 60, 500)
    engine.do(engine.store.retire(Keep(today)))
    counts = engine.do(engine.store.counts())
    assert (engine.lines(), counts.processes) == (
        ["0 days", "1 days", "39 days", "60 days"],
        3,
    )


def a_clock_that_was_wrong_for_a_day_does_not_empty_the_history(engine: Asked) -> None:
    today = _days(engine, -4000, 1, 2, 3)
    engine.do(engine.store.retire(Keep(today + 4000)))
    assert len(engine.log()) == 4


CHECKS = (
    everything_can_be_forgotten,
    what_began_since_a_moment_can_be_forgotten,
    what_is_of_a_repo_can_be_forgotten,
    a_repo_since_a_moment_loses_only_what_is_both,
    what_a_command_did_not_say_itself_goes_with_it,
    commits_and_remotes_of_a_forgotten_repo_go,
    a_store_can_be_filled_again_after_everything_was_forgotten,
    details_are_kept_for_less_time_than_commands,
    a_clock_that_was_wrong_for_a_day_does_not_empty_the_history,
)
