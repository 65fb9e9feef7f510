"""The shipped rules are consistent, and what they are loaded from is checked field by field."""

import msgspec
import pytest

from ptywrap import rules
from ptywrap.admission import admitted
from tests.ptywrap.words import RULES

CATEGORIES = {
    "test",
    "build",
    "install",
    "lint",
    "vcs",
    "run",
    "container",
    "infra",
    "db",
    "net",
    "interactive",
    "ai",
    "fs",
    "shell",
    "wait",
    "other",
}
TOOLS = {name: tool for name, (own, tool) in RULES.tools.items() if name == own}


def test_every_category_is_one_of_the_sixteen() -> None:
    used = {tool.cat for tool in TOOLS.values()}
    used |= {category for tool in TOOLS.values() for category in tool.over.values()}
    assert used | {category for category, _ in RULES.scripts} == CATEGORIES


def test_an_alias_has_the_name_and_the_facts_of_its_tool() -> None:
    assert RULES.tools["podman"] == RULES.tools["docker"]


def test_every_tool_can_stand_in_a_template() -> None:
    assert [name for name in TOOLS if not admitted(f"a{name}".lower())] == []


@pytest.mark.parametrize("field", ["over", "wover", "sub2", "netsubs", "targetsubs", "editor"])
def test_a_fact_about_a_subcommand_is_about_a_listed_word(field: str) -> None:
    named = {
        (name, word)
        for name, tool in TOOLS.items()
        for key in getattr(tool, field)
        for word in key.split()
        if word not in tool.words and tool.keep is None
    }
    assert named == set()


def test_every_program_left_out_of_shapes_is_a_wrapper() -> None:
    assert RULES.skipped <= set(RULES.wrappers)


@pytest.mark.parametrize("name", ["python3.12", "pip3.11", "gcc-12", "clang++-15", "node20"])
def test_a_version_suffix_is_forgiven(name: str) -> None:
    known = RULES.known(name)
    assert known is not None
    assert known[0] == name.rstrip("0123456789.-")


@pytest.mark.parametrize("name", ["nose2", "k6", "sqlite3", "7z", "bzip2"])
def test_a_digit_that_belongs_to_a_name_stays(name: str) -> None:
    known = RULES.known(name)
    assert known is not None
    assert known[0] == name


def test_an_unknown_key_of_a_tool_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="wiat"):
        msgspec.convert({"wiat": "no"}, rules.Tool)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("/usr/bin/git", "git"),
        ("C:\\tools\\node.exe", "node"),
        ("tsc@5.4", "tsc"),
        ("@scope/cli", "cli"),
        ("./gradlew", "gradlew"),
        ("", ""),
    ],
)
def test_a_program_has_its_base_name(word: str, name: str) -> None:
    assert rules.base_name(word) == name
