"""The house keeps its own rules: house.md 3.9, each checked over the whole source."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import home as homes
from tests.house import catches, fields, habits, layers, outside, size, system, weight
from tests.house.home import homeless

ROOT = Path(__file__).resolve().parents[1]
# The shell's fork waits for these and no others (house.md 2.4); on CPython 3.11.
BEFORE_THE_FORK = [
    *("__main__", "_abc", "_codecs", "_frozen_importlib", "_frozen_importlib_external", "_imp"),
    *("_io", "_signal", "_thread", "_warnings", "_weakref", "abc", "builtins", "codecs"),
    *("encodings", "encodings.aliases", "encodings.utf_8", "errno", "fcntl", "io", "marshal"),
    *("posix", "select", "sys", "termios", "time", "zipimport"),
]
# What a relay has no use for, and what each would cost every open shell in memory.
NOT_IN_THE_RELAY = {"argparse", "asyncio", "logging", "subprocess"} | {
    *("json", "psutil", "msgspec", "msgpack"),
}
RELAY_MODULES = 75
SCHEMA = [
    *("ptywrap", "ptywrap.batch", "ptywrap.columns", "ptywrap.facts", "ptywrap.frames"),
    *("ptywrap.record", "ptywrap.strict", "ptywrap.tabular", "ptywrap.wire"),
]


def told(breaches: list[str]) -> str:
    """Every breach on a line, so that a failure shows them all."""
    return "\n".join(breaches)


def test_every_module_has_one_home() -> None:
    assert told(homeless(ROOT)) == ""


def test_imports_stay_within_the_row() -> None:
    assert told(layers.outside_the_row(ROOT)) == ""


def test_no_import_crosses_a_border() -> None:
    assert told(layers.across_a_border(ROOT)) == ""


def test_no_package_imports_tests_or_scripts() -> None:
    assert told(layers.nobody_imports(ROOT)) == ""


def test_registries_name_what_is_there() -> None:
    assert told(layers.registries(ROOT)) == ""


def test_no_import_is_computed() -> None:
    assert told(layers.computed(ROOT)) == ""


def test_there_is_no_import_cycle() -> None:
    assert told(layers.cycles(ROOT)) == ""


def test_third_parties_are_used_only_where_their_row_says() -> None:
    assert told(outside.strangers(ROOT)) == ""


def test_pure_files_reach_nothing_outside() -> None:
    assert told(outside.impurities(ROOT)) == ""


def test_one_file_reads_the_wall_clock() -> None:
    assert told(outside.clocks(ROOT)) == ""


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the list is CPython 3.11's: run the tests with it"
)
def test_the_shells_fork_waits_for_a_few_modules() -> None:
    assert weight.before_the_fork(ROOT) == BEFORE_THE_FORK


def test_the_shells_fork_waits_for_four_modules_more_than_a_bare_interpreter() -> None:
    more = set(weight.before_the_fork(ROOT)) - set(weight.bare())
    assert more == {"errno", "fcntl", "select", "termios"}


@pytest.mark.linux
def test_the_relay_loads_little(home: homes.Home) -> None:
    loaded = weight.while_running(ROOT, home)
    assert loaded.keys() == {"ptywrap-keeper", "ptywrap-pump"}
    assert {name: NOT_IN_THE_RELAY & {*modules} for name, modules in loaded.items()} == {
        "ptywrap-keeper": set(),
        "ptywrap-pump": set(),
    }
    assert max(len(modules) for modules in loaded.values()) <= RELAY_MODULES


def test_the_schema_loads_nothing_else_of_ours() -> None:
    assert weight.with_the_schema() == SCHEMA


def test_no_file_is_too_long() -> None:
    assert told(size.long_files(ROOT)) == ""


def test_no_function_is_too_long(record_property: Callable[[str, object], None]) -> None:
    record_property("report", size.spread(ROOT))
    assert told(size.long_functions(ROOT)) == ""


def test_the_system_is_asked_in_few_places() -> None:
    assert told(system.asked_elsewhere(ROOT)) == ""


def test_files_for_one_system_are_reached_through_their_chooser() -> None:
    assert told(system.reached_elsewhere(ROOT)) == ""


def test_catch_alls_are_at_the_five_tops() -> None:
    assert told(catches.catch_alls(ROOT)) == ""


@pytest.mark.parametrize(
    "rule",
    [habits.docstrings, habits.names, habits.classes, habits.typing_only, habits.ignores],
    ids=lambda rule: rule.__name__,
)
def test_every_file_keeps_the_habits(rule: Callable[[Path], list[str]]) -> None:
    assert told(rule(ROOT)) == ""


def test_numbers_in_facts_say_their_unit() -> None:
    assert told(fields.unitless(ROOT)) == ""


def test_no_fact_holds_a_float() -> None:
    assert told(fields.floats(ROOT)) == ""
