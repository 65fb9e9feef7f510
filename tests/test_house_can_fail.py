"""Each rule of the house catches one breach in a tiny made-up tree and passes the clean one."""

from pathlib import Path

import pytest

from tests.house import catches, fields, habits, home, layers, outside, size, system
from tests.house.breaches import BREACHES, Breach, Rule
from tests.house.made_up import a_tree

RULES: tuple[Rule, ...] = (
    home.homeless,
    layers.outside_the_row,
    layers.across_a_border,
    layers.nobody_imports,
    layers.registries,
    layers.computed,
    layers.cycles,
    outside.strangers,
    outside.impurities,
    outside.clocks,
    size.long_files,
    size.long_functions,
    system.asked_elsewhere,
    system.reached_elsewhere,
    catches.catch_alls,
    habits.docstrings,
    habits.names,
    habits.classes,
    habits.typing_only,
    habits.ignores,
    fields.unitless,
    fields.floats,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_clean_tree_passes(rule: Rule, tmp_path: Path) -> None:
    assert rule(a_tree(tmp_path)) == []


@pytest.mark.parametrize("breach", BREACHES, ids=lambda b: f"{b.rule.__name__}-{b.path}")
def test_one_breach_is_caught_and_nothing_else(breach: Breach, tmp_path: Path) -> None:
    assert breach.rule(a_tree(tmp_path, **{breach.path: breach.text})) == [breach.said]


def test_every_rule_has_a_breach_that_it_catches() -> None:
    assert {breach.rule for breach in BREACHES} == set(RULES)


def test_too_many_ignored_type_errors_are_caught(tmp_path: Path) -> None:
    line = "A: int = ''  # type: ignore[assignment]  # to see it counted\n"
    tree = a_tree(tmp_path, **{"ptywrap/spool.py": '"""S."""\n' + line * 2})
    assert [breach.partition(" in ")[0] for breach in habits.ignores(tree)] == [
        "2 ignored type errors"
    ]
