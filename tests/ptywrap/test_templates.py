"""Templates name what ran, keep names a manifest declares, and let no value through."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap import templates
from tests.ptywrap.words import RULES, argvs, random_looking

DATA = Path(__file__).parents[1] / "data" / "template_cases.json"
CASES: list[dict[str, Any]] = json.loads(DATA.read_text())["cases"]
PLACEHOLDERS = {"<arg>", "<script>", "<target>", "<program>"}
REMOTE = (
    {word for _, tool in RULES.tools.values() for word in (tool.words | tool.keepflags)}
    | {flag for _, tool in RULES.tools.values() for flag in tool.codeflags}
    | set(RULES.tools)
    | set(RULES.wrappers)
    | {"run", "//...", "…"}
)


def named(line: str, declared: frozenset[str] = frozenset()) -> templates.Named:
    return templates.normalise(line.split(), RULES, declared)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["argv"]))
def test_a_reference_case_has_its_template_and_category(case: dict[str, Any]) -> None:
    found = templates.normalise(case["argv"], RULES, frozenset(case.get("manifest", ())))
    assert (found.template, found.category) == (case["template"], case["category"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python scripts/build_docs.py", "python <script>"),
        ("node server.js", "node <script>"),
        ("tox -e py311", "tox -e <target>"),
        ("make hunter", "make <target>"),
        ("npm run correcthorse", "npm run <script>"),
        ("yarn correcthorse", "yarn run <script>"),
        ("poetry run correcthorse", "poetry run <script>"),
        ("just correcthorse battery staple", "just <target>"),
    ],
)
def test_a_script_no_manifest_declares_is_hidden(line: str, expected: str) -> None:
    assert named(line).template == expected


def test_a_script_is_shown_once_a_manifest_declares_it() -> None:
    assert named("make world", frozenset(["world"])).template == "make world"


def test_a_bare_word_behind_sudo_is_hidden() -> None:
    assert named("sudo correcthorse").template == "<program>"


def test_a_path_behind_sudo_is_a_program() -> None:
    assert named("sudo ./deploy").template == "deploy"


@pytest.mark.parametrize(
    ("line", "wait"),
    [
        ("npm run dev", "serve"),
        ("docker compose up", "serve"),
        ("docker compose up -d", "yes"),
        ("git commit", "auto"),
        ("vim a", "no"),
        ("watch make", "serve"),
        ("tail -f log", "serve"),
        ("tail log", "yes"),
        ("vitest", "serve"),
        ("vitest run", "yes"),
        ("kubectl get pods -w", "serve"),
    ],
)
def test_a_tool_has_its_wait_rule(line: str, wait: str) -> None:
    assert named(line).wait == wait


@pytest.mark.parametrize(
    ("line", "targeted"),
    [
        ("pytest", False),
        ("pytest .", False),
        ("pytest tests/a.py", True),
        ("pytest -k name", True),
        ("bazel test //...", False),
        ("bazel test //a:b", True),
        ("go test ./...", False),
        ("go test ./a", True),
        ("cargo test parser", True),
        ("cargo build parser", False),
    ],
)
def test_a_positional_narrows_tests_but_everything_does_not(line: str, targeted: bool) -> None:
    assert named(line).targeted is targeted


@pytest.mark.parametrize(
    ("line", "wrappers", "template"),
    [
        ("sudo -u bob env A=1 nice -n 5 time make", ("sudo", "env", "nice", "time"), "make"),
        ("env -S python -m pytest", ("env",), "pytest"),
        ("uv run -m pytest -q", ("uv",), "pytest"),
        ("npm exec -- jest", ("npm",), "jest"),
        ("perf record -g -- cargo build", ("perf",), "cargo build"),
        ("npx tsc@5.4 --noEmit", ("npx",), "tsc"),
        ("uv run main.py", ("uv",), "python <script>"),
        ("ptywrap --json a.json -- make test", ("ptywrap",), "make test"),
        ("ptywrap log", (), "ptywrap log"),
        ("pnpm --filter web exec vitest run", ("pnpm",), "vitest run"),
    ],
)
def test_wrappers_are_taken_off_and_told(
    line: str, wrappers: tuple[str, ...], template: str
) -> None:
    found = named(line)
    assert (found.wrappers, found.template) == (wrappers, template)


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("nx test web", "test"),
        ("nx serve web", "run"),
        ("turbo run lint", "lint"),
        ("cargo t", "test"),
        ("make clean", "other"),
        ("make dev", "run"),
        ("bash scripts/check.sh", "test"),
        ("bash -lc ls", "shell"),
        ("python --version", "run"),
        ("yarn workspace web build", "build"),
        ("gradle :app:lintDebug", "lint"),
    ],
)
def test_a_command_has_its_category(line: str, category: str) -> None:
    assert named(line).category == category


def test_an_empty_argv_is_a_program_without_a_name() -> None:
    assert templates.normalise([], RULES) == templates.Named("<program>", "other")


def test_an_argv_of_a_mebibyte_is_read_to_its_cut() -> None:
    assert (
        templates.normalise(["pytest"] + ["a" * 1024] * 1024, RULES).template == "pytest <target>"
    )


@pytest.mark.parametrize(
    ("template", "remote"),
    [
        ("make test", "make …"),
        ("npm run test:unit", "npm run …"),
        ("git push", "git push"),
        ("run-server", "…"),
        ("./test.sh", "…"),
        ("pytest <target>", "pytest …"),
        ("bazel test //...", "bazel test //..."),
        ("tox -e py311", "tox -e …"),
        ("mvn clean secretgoal", "mvn clean …"),
    ],
)
def test_of_a_template_only_listed_words_leave(template: str, remote: str) -> None:
    assert templates.remote_template(template, RULES) == remote


def test_a_name_the_settings_show_leaves() -> None:
    assert templates.remote_template("make test", RULES, frozenset(["test"])) == "make test"


@settings(max_examples=1000)
@given(argvs())
def test_a_template_named_again_is_the_same(argv: list[str]) -> None:
    template = templates.normalise(argv, RULES).template
    assert templates.normalise(template.split(" "), RULES).template == template


@settings(max_examples=1000)
@given(argvs(), random_looking(), st.integers(0, 6))
def test_a_random_secret_is_in_no_template(argv: list[str], secret: str, at: int) -> None:
    found = templates.normalise([*argv[:at], secret, *argv[at:]], RULES)
    assert secret not in found.template


@settings(max_examples=1000)
@given(argvs())
def test_a_remote_template_holds_words_of_the_list_alone(argv: list[str]) -> None:
    remote = templates.remote_template(templates.normalise(argv, RULES).template, RULES)
    assert set(remote.split(" ")) <= REMOTE


@settings(max_examples=500)
@given(st.lists(st.text(max_size=30), max_size=10))
def test_any_argv_has_a_template_of_words_that_look_like_names(argv: list[str]) -> None:
    words = templates.normalise(argv, RULES).template.split(" ")
    shown = re.compile(r"(?:\./)?[a-z][A-Za-z0-9_.+-]*(?::\S+)?|-[a-z]|--[a-z]+|//\.\.\.")
    assert [w for w in words if w not in PLACEHOLDERS and not shown.fullmatch(w)] == []
