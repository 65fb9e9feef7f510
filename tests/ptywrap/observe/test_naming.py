"""What commands are called."""

from pathlib import Path

import pytest

from ptywrap import templates
from ptywrap.observe.actor import actor
from ptywrap.observe.base import Forebear
from ptywrap.observe.naming import Name, Ran, name

RULES = templates.load(Path(templates.__file__).with_name("rules.toml").read_text(encoding="utf-8"))
S = 1_000_000_000


def test_a_command_is_called_by_what_the_time_went_to() -> None:
    ran = [
        Ran(("git", "pull"), 0, S),
        Ran(("make", "test"), S, 60 * S),
        Ran(("tee", "x"), S, 60 * S),
    ]
    named = name("git pull && make test | tee x", ran, RULES)
    assert (named.template, named.category) == ("make test", "test")


def test_of_short_ones_the_first_counts() -> None:
    ran = [Ran(("sort",), 2, 9_000_000), Ran(("seq", "3"), 1, 1_000_000)]
    assert name("seq 3 | sort", ran, RULES).template == "seq"


def test_a_line_that_ran_nothing_is_called_by_a_builtin() -> None:
    assert name("cd /tmp", [], RULES).template == "cd"


def test_a_word_that_nobody_executed_is_not_shown() -> None:
    assert name("correct-horse battery", [], RULES).template is None


def test_a_declared_target_is_shown_and_no_other() -> None:
    ran = [Ran(("make", "deploy-blue", "s3" + "same"), 0, S)]
    declared = frozenset({"deploy-blue"})
    assert name(None, ran, RULES, declared).template == "make deploy-blue <target>"


def test_a_withheld_line_is_called_by_what_it_ran() -> None:
    named = name(None, [Ran(("make", "test"), 0, S)], RULES)
    assert (named.template, named.shape) == ("make test", "make …")


def test_of_nothing_nothing_is_said() -> None:
    assert name(None, [Ran(None, 0, S)], RULES) == Name()


@pytest.mark.parametrize(
    ("names", "environ", "terminal", "expected"),
    [
        (["bash", "sshd"], {}, True, "human"),
        (["bash", "sshd"], {}, False, "script"),
        (["node", "claude"], {}, True, "agent"),
        (["bash"], {"CI": "true"}, False, "ci"),
        (["bash"], {"CI": "false"}, False, "script"),
        (["claude"], {"CI": "1"}, False, "agent"),
    ],
)
def test_who_acts(
    names: list[str], environ: dict[str, str], *, terminal: bool, expected: str
) -> None:
    above = [Forebear(100 + place, (each,)) for place, each in enumerate(names)]
    assert actor(above, environ, RULES.agents, terminal=terminal) == expected


@pytest.mark.parametrize(
    ("argv", "template"),
    [
        (("/opt/deploy", "eu", "now"), "deploy europe"),
        (("deploy", "us"), "deploy"),
        (("make", "test"), "make test"),
    ],
)
def test_templates_of_the_settings_win_and_the_longest_prefix_does(
    argv: tuple[str, ...], template: str
) -> None:
    own = ((("deploy",), "deploy"), (("deploy", "eu"), "deploy europe"))
    assert name(None, [Ran(argv, 0, S)], RULES._replace(own=own)).template == template
