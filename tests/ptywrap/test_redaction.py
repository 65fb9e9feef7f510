"""Redaction finds secrets by place and looks, in linear time, and leaves ordinary lines alone."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap import templates
from ptywrap.redaction import redact, redact_argv
from ptywrap.shellwords import simple_commands
from tests.hostile import HOSTILE
from tests.ptywrap.words import RULES
from tests.secrets_made import LINES, filled, kept, made

DEVELOPMENT = LINES["development"]
FILLED = [(line, *filled(line, number)) for number, line in enumerate(DEVELOPMENT)]


@pytest.mark.parametrize(("name", "line", "secrets"), FILLED, ids=[one[0] for one in FILLED])
def test_a_secret_of_the_development_list_is_taken_out(
    name: str, line: str, secrets: list[str]
) -> None:
    assert kept(redact(line, RULES), secrets) == [], name


@pytest.mark.parametrize(("name", "line", "secrets"), FILLED, ids=[one[0] for one in FILLED])
def test_a_secret_of_the_development_list_is_in_no_shape(
    name: str, line: str, secrets: list[str]
) -> None:
    assert kept(templates.shape(line, RULES), secrets) == [], name


def test_no_secret_of_any_list_is_in_a_shape() -> None:
    lines = [filled(line, number) for number, line in enumerate(LINES["seen"] + LINES["held_out"])]
    shapes = [(templates.shape(line, RULES), secrets) for line, secrets in lines]
    assert [shape for shape, secrets in shapes if kept(shape, secrets)] == []


def test_at_most_two_percent_of_ordinary_commands_are_altered() -> None:
    lines = [filled(line, number)[0] for number, line in enumerate(LINES["ordinary"])]
    altered = [line for line in lines if redact(line, RULES) != line]
    assert len(lines) >= 200
    assert len(altered) * 50 <= len(lines), altered


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mysql -uroot -psunflower shop", "mysql -uroot -p«secret» shop"),
        ("mysql -u root -p shop", "mysql -u root -p shop"),
        ("psql postgres://u:p@ss@db/x", "psql postgres://u:«password»@db/x"),
        (
            "psql postgres://u:p/a?b#c@db.example.org/x",
            "psql postgres://u:«password»@db.example.org/x",
        ),
        ("curl -u bob:sunflower a.example", "curl -u bob:«password» a.example"),
        ("curl -u bob a.example", "curl -u bob a.example"),
        ("TOKEN=$(cat t) make", "TOKEN=$(cat t) make"),
        ("TOKEN=$T make", "TOKEN=$T make"),
        ("export TOKEN_FILE=a", "export TOKEN_FILE=a"),
        ("x --password-stdin --token-ttl 5m", "x --password-stdin --token-ttl 5m"),
        ("x --token sunflower --all", "x --token «secret» --all"),
        ("x --token --all", "x --token --all"),
        ("x --token='sun flower' y", "x --token=«secret» y"),
        ("echo sunflower | sudo -S ls", "echo «stdin» | sudo -S ls"),
        ("echo sunflower | grep s", "echo sunflower | grep s"),
        ("docker login -u a -p sunflower", "docker login -u a -p «secret»"),
        ("docker run -p 80:80 nginx", "docker run -p 80:80 nginx"),
        (
            "if true; then sshpass -p sunflower ssh a; fi",
            "if true; then sshpass -p «secret» ssh a; fi",
        ),
        ("a -H 'Cookie: a=b; c=d' x", "a -H 'Cookie: «header»' x"),
        ("git commit -m 'token: refresh it'", "git commit -m 'token: refresh it'"),
        ("alias p='mysql -psunflower'", "alias p='mysql -p«secret»'"),
        ("ls", "ls"),
        ("", ""),
    ],
)
def test_a_line_is_redacted_to(line: str, expected: str) -> None:
    assert redact(line, RULES) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["mysql", "-psunflower", "a"], ["mysql", "-p«secret»", "a"]),
        (["x", "--password", "sun flower", "y"], ["x", "--password", "«secret»", "y"]),
        (["x", "--token=sun flower"], ["x", "--token=«secret»"]),
        (
            ["curl", "-H", "Authorization: Bearer sunflower1", "a"],
            ["curl", "-H", "Authorization: Bearer «header»", "a"],
        ),
        (["sh", "-c", "mysql -psunflower a"], ["sh", "-c", "mysql -p«secret» a"]),
        (["ls", "a b"], ["ls", "a b"]),
        ([], []),
    ],
)
def test_an_argv_is_redacted_word_by_word(argv: list[str], expected: list[str]) -> None:
    assert redact_argv(argv, RULES) == expected


PIECES = st.sampled_from(
    [part for line in DEVELOPMENT for part in filled(line, 1)[0].split(" ")]
    + ["'", '"', "\\", "|", "<<<", "=", ":", "@", "\n", "«", "»", "://", "--", "-p", "é", "\udcff"]
)
LINE = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=8).map(" ".join))


@settings(max_examples=1000)
@given(LINE)
def test_a_line_redacted_again_is_the_same(line: str) -> None:
    once = redact(line, RULES)
    assert redact(once, RULES) == once


@settings(max_examples=1000)
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=8))
def test_an_argv_keeps_its_number_of_words(argv: list[str]) -> None:
    assert len(redact_argv(argv, RULES)) == len(argv)


@pytest.mark.parametrize("around", ["{}", "'{}'", "a {} b", "--at {}", "-p{}", "a/{}", "a={}"])
def test_a_random_word_is_taken_out_wherever_it_stands(around: str) -> None:
    words = [made(seed)["mixed40"] for seed in range(200)]
    missed = [word for word in words if word in redact(f"run {around.format(word)}", RULES)]
    assert len(missed) <= 4, missed


@settings(max_examples=500)
@given(
    st.text(
        st.characters(
            blacklist_categories=["Cs", "Cc", "Z"], blacklist_characters="'\"<>`\\|&;()$«"
        ),
        min_size=3,
        max_size=20,
    )
)
def test_a_password_in_an_address_is_taken_out_whatever_it_holds(password: str) -> None:
    line = f"psql postgres://app:{password}@db.example.org/app"
    assert redact(line, RULES).removesuffix("@db.example.org/app") in (
        "psql postgres://app:«password»",
        f"psql postgres://app:{password}",  # one that stands for something else: `***`
    )


@settings(max_examples=500)
@given(LINE)
def test_every_word_of_a_line_lies_where_it_is_said_to(line: str) -> None:
    words = [word for command in simple_commands(line) for word in command.words]
    assert [word for word in words if line[word.start : word.end].isspace()] == []


def _calls(line: str) -> int:
    """Return how many functions are called to redact a line: its work, whatever the clock says."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        redact(line, RULES)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("name", HOSTILE)
def test_four_times_the_line_is_at_most_five_times_the_work(name: str) -> None:
    assert _calls(HOSTILE[name](4096)) <= 5 * _calls(HOSTILE[name](1024)) + 50
