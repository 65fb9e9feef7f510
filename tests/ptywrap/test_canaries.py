"""No word of an ordinary command that is not on our list reaches shape or template."""

import shlex
from pathlib import Path

import pytest

from ptywrap import templates
from tests.ptywrap.words import RULES
from tests.secrets_made import LINES, filled, made

ROOT = Path(__file__).parents[2]
COMMANDS = [filled(line, at)[0] for at, line in enumerate(LINES["ordinary"])]
CANARIES = [made(1)["weak"], made(2)["human"], made(3)["mixed20"], made(4)["hex32"]]
SKIPPED = {".git", ".venv", "__pycache__", ".hypothesis", ".mypy_cache", ".ruff_cache", "dist"}


@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_anywhere_in_a_line_is_in_no_shape(canary: str) -> None:
    lines = []
    for command in COMMANDS:
        words = command.split(" ")
        for at in range(len(words) + 1):
            lines.append(" ".join([*words[:at], canary, *words[at:]]))
            lines.append(" ".join([*words[:at], canary, *words[at + 1 :]]))
    assert [line for line in lines if canary in templates.shape(line, RULES)] == []


@pytest.mark.parametrize("canary", CANARIES[2:])
def test_a_random_canary_anywhere_in_an_argv_is_in_no_template(canary: str) -> None:
    argvs = []
    for line in COMMANDS:
        words = line.split(" ")
        argvs += [[*words[:at], canary, *words[at:]] for at in range(len(words) + 1)]
    told = [templates.normalise(argv, RULES).template for argv in argvs if argv[0] != canary]
    assert [template for template in told if canary in template] == []


@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_behind_an_ordinary_command_is_in_no_remote_template(canary: str) -> None:
    argvs = [shlex.split(f"{canary} {canary}"), ["git", canary], ["make", canary], ["sudo", canary]]
    told = [templates.normalise(argv, RULES).template for argv in argvs]
    assert [one for one in told if canary in templates.remote_template(one, RULES)] == []


def test_at_least_nine_tenths_of_ordinary_commands_have_a_shape_of_their_own() -> None:
    shapes = {templates.shape(line, RULES) for line in COMMANDS}
    assert len(shapes) * 10 >= len(COMMANDS) * 9


def test_the_repository_holds_nothing_that_looks_like_a_token() -> None:
    found = []
    for path in sorted(ROOT.rglob("*")):
        if SKIPPED.isdisjoint(path.parts) and path.is_file() and path.stat().st_size < 1 << 20:
            text = path.read_text(encoding="utf-8", errors="replace")
            tokens = [one.group() for one in RULES.tokens.finditer(text)]
            found += [f"{path}: {one}" for one in tokens if any(map(str.isdigit, one))]
            found += [f"{path}: key" for mark in ["-----BEGIN RSA " + "PRIVATE"] if mark in text]
    assert found == []
