"""A fact becomes a row, its lists rows of their own, and out of them comes the same fact."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ptywrap import facts, tabular, wire
from tests import build, filled

LISTS = {"daemons", "other_reasons", "caches"}


def there_and_back(*told: wire.Fact) -> list[wire.Fact]:
    """Return facts that were rows in between."""
    tables: dict[str, list[tabular.Row]] = {}
    for fact in told:
        for table, row in tabular.rows(fact):
            tables.setdefault(table, []).append(row)
    return list(tabular.facts(tables))


@pytest.mark.parametrize("struct", filled.TRAVELLING, ids=lambda struct: struct.__name__)
def test_a_fact_with_every_field_filled_comes_back(struct: type[Struct]) -> None:
    fact = filled.filled(struct, lambda name: f"some {name}")
    assert there_and_back(fact) == [fact]


@pytest.mark.parametrize("struct", filled.TRAVELLING, ids=lambda struct: struct.__name__)
def test_a_row_holds_the_columns_of_its_table_and_no_others(struct: type[Struct]) -> None:
    for table, row in tabular.rows(filled.filled(struct, str)):
        assert set(row) == set(tabular.COLUMNS[table])


@given(filled.facts())
def test_any_facts_come_back(told: list[wire.Fact]) -> None:
    latest = tabular.latest(told)
    assert filled.by_key(there_and_back(*latest)) == filled.by_key(told)


def test_what_never_travels_has_no_row() -> None:
    commit = facts.Commit(session=build.SESSION, commit="c0ffee")
    assert there_and_back(commit, build.a_segment()) == []


def test_no_table_has_a_column_twice() -> None:
    twice = [name for name, names in tabular.COLUMNS.items() if len(set(names)) != len(names)]
    assert twice == []


def test_lists_go_to_the_fact_they_are_of() -> None:
    told = [
        build.a_command(id=1, daemons=[wire.Daemon(name="dockerd", cpu_ns=5)]),
        build.a_command(id=2, daemons=[wire.Daemon(name="nginx"), wire.Daemon(name="sshd")]),
        build.a_command(id=3),
    ]
    assert there_and_back(*told) == told


def test_of_a_fact_told_again_the_last_telling_is_kept() -> None:
    begun = build.a_command(wall_ns=None, exit_status=None, other_reasons=None)
    ended = build.a_command()
    assert tabular.latest([begun, build.a_process(), ended]) == [ended, build.a_process()]


@given(filled.facts(), st.randoms(use_true_random=False))
def test_the_order_of_facts_follows_from_the_facts_alone(
    told: list[wire.Fact], chance: random.Random
) -> None:
    latest = tabular.latest(told)
    assert tabular.latest(chance.sample(latest, len(latest))) == latest


def test_a_hash_of_64_bits_is_the_signed_word_a_column_holds() -> None:
    told = build.a_command(context=wire.Context(tree_hash=(1 << 64) - 1))
    back = there_and_back(told)
    assert isinstance(back[0], wire.Command)
    assert back[0].context == wire.Context(tree_hash=-1)


@pytest.mark.parametrize("table", sorted(set(tabular.COLUMNS) - LISTS))
def test_a_row_without_its_key_is_no_fact(table: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        list(tabular.facts({table: [{}]}))


@pytest.mark.parametrize("value", [[], ["a"], "text", b"bytes", 1.5, {}], ids=repr)
def test_a_row_with_a_value_of_another_type_is_no_fact(value: Any) -> None:
    row = {"session": build.SESSION, "id": 1, "wall_ns": value}
    with pytest.raises(msgspec.ValidationError, match="wall_ns"):
        list(tabular.facts({"commands": [row]}))


@pytest.mark.parametrize("key", [None, [], ["a"], 5], ids=repr)
def test_the_entries_of_nobody_are_passed_over(key: Any) -> None:
    row = {"session": key, "command": 1, "name": ["a"], "length_ns": 1}
    told = build.a_command(other_reasons=None)
    tables = {"commands": [row for _, row in tabular.rows(told)], "other_reasons": [row]}
    assert list(tabular.facts(tables)) == [told]
