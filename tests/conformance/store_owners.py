"""Checks of stores on whose rows are whose: persons, tenants and devices are kept apart."""

from ingest.store.base import LogQuestion, Scope
from ingest.store.questions import Owner
from ptywrap import wire
from tests import build
from tests.ingest.batches import Asked, a_batch, a_command

ADA, BOB = Owner("acme", "ada"), Owner("acme", "bob")
TWIN = Owner("globex", "ada")
_DEVICES = {ADA: build.DEVICE, BOB: "b" * 32, TWIN: build.DEVICE}


def tell(engine: Asked, owner: Owner, number: int, *facts: wire.Fact) -> int:
    """Tell facts as a person's device does; all devices tell the same batch ids."""
    batch = a_batch(number, *facts, device=_DEVICES[owner], tenant=owner.tenant)
    return engine.add(batch._replace(person=owner.person, team="core"))


def all_tell_the_same_ids(engine: Asked) -> None:
    """Have three devices tell a run each under the same session, command and process ids."""
    for owner in (ADA, BOB, TWIN):
        name = f"{owner.person} of {owner.tenant}"
        tell(
            engine,
            owner,
            1,
            a_command(1, line=name, daemons=[wire.Daemon(name=name)]),
            build.a_session(shell=name),
            build.a_process(command=a_command(1).id, name=name),
            build.a_flow(command=a_command(1).id, remote_host=name),
            wire.Sample(session=build.SESSION, command=a_command(1).id, at=build.AT, label=name),
            build.a_loss(since=build.AT, until=None, reason=name),
            build.a_host(cpu_model=name, caches=[wire.Cache(name=name)]),
            wire.Project(repo=f"{name}/engine", alias="fork"),
        )


def _lines(engine: Asked, owner: Owner) -> list[str]:
    return [row["line"] for row in engine.do(engine.store.mine(owner)).commands]


def a_person_is_answered_with_own_commands_alone(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    lines = [_lines(engine, owner) for owner in (ADA, BOB, TWIN, Owner("globex", "bob"))]
    assert lines == [["ada of acme"], ["bob of acme"], ["ada of globex"], []]


def the_same_batch_id_of_two_devices_is_two_batches(engine: Asked) -> None:
    added = [tell(engine, owner, 1, a_command(1)) for owner in (ADA, BOB, TWIN, ADA)]
    assert added == [1, 1, 1, 0]


def one_devices_telling_replaces_no_other_devices(engine: Asked) -> None:
    tell(engine, ADA, 1, a_command(1, line="begun"))
    tell(engine, BOB, 2, a_command(1, line="other"))
    tell(engine, ADA, 3, a_command(1, line="ended"))
    assert [_lines(engine, owner) for owner in (ADA, BOB)] == [["ended"], ["other"]]


def an_id_of_three_devices_names_three_runs_and_one_of_its_owner(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    name = wire.hexadecimal(a_command(1).id)
    owned = engine.do(engine.store.show(name, BOB))
    assert (engine.show(name).matches, owned.matches) == (3, 1)


def a_run_of_an_owner_is_made_of_own_facts_alone(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    for owner in (ADA, BOB, TWIN):
        name = f"{owner.person} of {owner.tenant}"
        facts = engine.do(engine.store.show("last", owner)).facts
        told = [field for fact in facts for field in str(fact).split("'") if " of " in field]
        assert (len(facts), len(told), set(told)) == (7, 9, {name})


def a_tree_of_an_owner_has_own_processes_alone(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    trees = [
        engine.do(engine.store.tree(build.SESSION, a_command(1).id, owner)) for owner in (ADA, BOB)
    ]
    names = [[process.name for process in tree] for tree in trees]
    assert names == [["ada of acme"], ["bob of acme"]]


def a_tree_of_nobody_in_particular_is_of_one_device(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    tree = engine.do(engine.store.tree(build.SESSION, a_command(1).id))
    assert len(tree) == 1


def an_alias_is_a_remote_of_its_own_tenant_alone(engine: Asked) -> None:
    tell(engine, ADA, 1, a_command(1, line="mine", repo="engine"))
    tell(engine, TWIN, 1, a_command(1, line="theirs", repo="engine"))
    tell(engine, TWIN, 2, wire.Project(repo="engine", alias="fork"))
    found = engine.do(engine.store.log(LogQuestion(repo="fork"))).commands
    assert [row["line"] for row in found] == ["theirs"]


def ids_are_told_apart_among_a_persons_own(engine: Asked) -> None:
    tell(engine, ADA, 1, a_command(1, id=0x7A51B << 44))
    tell(engine, BOB, 1, a_command(1, id=0x7A51C << 44))
    everybody = engine.do(engine.store.log(LogQuestion())).unique
    assert (engine.do(engine.store.mine(ADA)).unique, everybody) == (4, 5)


def an_export_has_all_rows_of_a_person_and_of_nobody_else(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    exported = engine.do(engine.store.export(BOB))
    told = {table: rows for table, rows in exported.items() if table != "other_reasons" and rows}
    texts = [str(rows) for rows in told.values()]
    mine = {table for table, rows in told.items() if "bob of acme" in str(rows)}
    facts = {"commands", "daemons", "sessions", "processes", "flows", "samples", "losses"}
    assert (facts | {"hosts", "caches", "projects"}) - mine == set()
    assert [text for text in texts if "ada of" in text] == []


def an_export_names_commands_as_they_are_shown(engine: Asked) -> None:
    tell(engine, ADA, 1, a_command(1), build.a_process(command=a_command(1).id))
    exported = engine.do(engine.store.export(ADA))
    name = wire.hexadecimal(a_command(1).id)
    found = [row[key] for table, key in (("commands", "id"), ("processes", "command"))
             for row in exported[table]]  # fmt: skip
    assert found == [name, name]


def _left(engine: Asked, owner: Owner) -> int:
    exported = engine.do(engine.store.export(owner))
    return sum(len(rows) for rows in exported.values())


def a_person_can_be_forgotten_whole_and_nobody_else(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    before = [_left(engine, owner) for owner in (ADA, BOB, TWIN)]
    forgotten = engine.do(engine.store.forget(Scope(owner=BOB)))
    after = [_left(engine, owner) for owner in (ADA, BOB, TWIN)]
    assert forgotten.commands == {(build.SESSION, a_command(1).id)}
    assert after == [before[0], 0, before[2]]


def what_a_forgotten_person_sent_is_not_stored_when_it_is_sent_again(engine: Asked) -> None:
    all_tell_the_same_ids(engine)
    engine.do(engine.store.forget(Scope(owner=BOB)))
    again = tell(engine, BOB, 1, a_command(1))
    assert (again, _lines(engine, BOB), _lines(engine, ADA)) == (0, [], ["ada of acme"])


def a_person_can_be_forgotten_since_a_moment(engine: Asked) -> None:
    for owner in (ADA, BOB):
        tell(engine, owner, 1, a_command(1, line="early"), a_command(9, line="late"))
    engine.do(engine.store.forget(Scope(since_at=build.AT + 5 * 10**9, owner=BOB)))
    assert [_lines(engine, owner) for owner in (ADA, BOB)] == [["late", "early"], ["early"]]


def a_person_can_be_forgotten_in_a_repo(engine: Asked) -> None:
    for owner in (ADA, BOB):
        tell(engine, owner, 1, a_command(1, line="one"), a_command(9, line="two", repo="other"))
    engine.do(engine.store.forget(Scope(repo="ada/engine", owner=BOB)))
    assert [_lines(engine, owner) for owner in (ADA, BOB)] == [["two", "one"], ["two"]]


CHECKS = (
    a_person_is_answered_with_own_commands_alone,
    the_same_batch_id_of_two_devices_is_two_batches,
    one_devices_telling_replaces_no_other_devices,
    an_id_of_three_devices_names_three_runs_and_one_of_its_owner,
    a_run_of_an_owner_is_made_of_own_facts_alone,
    a_tree_of_an_owner_has_own_processes_alone,
    a_tree_of_nobody_in_particular_is_of_one_device,
    an_alias_is_a_remote_of_its_own_tenant_alone,
    ids_are_told_apart_among_a_persons_own,
    an_export_has_all_rows_of_a_person_and_of_nobody_else,
    an_export_names_commands_as_they_are_shown,
    a_person_can_be_forgotten_whole_and_nobody_else,
    what_a_forgotten_person_sent_is_not_stored_when_it_is_sent_again,
    a_person_can_be_forgotten_since_a_moment,
    a_person_can_be_forgotten_in_a_repo,
)
