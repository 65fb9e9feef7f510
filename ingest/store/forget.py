"""Which facts a `forget` is about, the same for rows, for segments and for every engine."""

from collections.abc import Callable, Collection
from typing import Any

from ingest.store.base import Scope
from ingest.store.rows import of_repo
from ingest.store.tables import SHAPES
from ptywrap import wire

Field = Callable[[str], Any]
_OF_A_REPO = frozenset({"commands", "commits", "projects"})
_OF_A_COMMAND = frozenset({"processes", "flows", "samples"})
# The machine's own description and a checkout's remotes say nothing of when something was done.
_TIMELESS = frozenset({"hosts", "projects"})
TABLE_OF = {shape.fact: name for name, shape in SHAPES.items()}


def goes_itself(table: str, field: Field, scope: Scope, aliased: Collection[str] = ()) -> bool:
    """Say whether a row goes for what it says itself; `field` returns a value of it by name."""
    if scope == Scope():
        return True
    if scope.repo is not None and not _is_of(table, field, scope.repo, aliased):
        return False
    if table in _TIMELESS:
        return scope.repo is not None
    at = field(moment(table))
    return scope.since_at is None or at is None or bool(at >= scope.since_at)


def _is_of(table: str, field: Field, repo: str, aliased: Collection[str]) -> bool:
    if table not in _OF_A_REPO:
        return False
    return of_repo(field("repo"), repo, aliased) or (table == "projects" and field("alias") == repo)


def moment(table: str) -> str:
    """Return the field that says when a row of a table began."""
    return SHAPES[table].moment or "started_at"


def goes(
    fact: wire.Fact,
    scope: Scope,
    commands: Collection[tuple[bytes, int]],
    aliased: Collection[str] = (),
) -> bool:
    """Say whether a fact goes: for itself, or with one of the commands that go."""
    table = TABLE_OF.get(type(fact))
    if table is None:
        return False
    match fact:
        case wire.Command():
            if (fact.session, fact.id) in commands:
                return True
        case wire.Process() | wire.Flow() | wire.Sample():
            if (fact.session, fact.command) in commands:
                return True
        case _:
            pass
    return goes_itself(table, lambda name: getattr(fact, name, None), scope, aliased)


def going(
    facts: Collection[wire.Fact], scope: Scope, aliased: Collection[str] = ()
) -> set[tuple[bytes, int]]:
    """Return the keys of the commands among facts that go for what they say themselves."""
    return {
        (fact.session, fact.id)
        for fact in facts
        if isinstance(fact, wire.Command) and goes(fact, scope, (), aliased)
    }
