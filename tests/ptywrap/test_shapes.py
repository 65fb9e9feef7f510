"""A shape holds listed programs and words, flag names and placeholders, and nothing else."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap import templates
from tests.ptywrap.words import RULES, argvs, random_looking

LISTED = (
    {word for _, tool in RULES.tools.values() for word in tool.words}
    | set(RULES.tools)
    | set(RULES.wrappers)
    | RULES.builtins
    | RULES.keywords
    | {"<prog>", "…"}
    | {"||", "&&", "|&", ";;", "|", ";", "&", "(", ")", "`"}
)
FLAG = re.compile(r"--[A-Za-z][A-Za-z-]{0,30}|-[A-Za-z]…?|--…?")


def strange(shape: str) -> set[str]:
    return {word for word in shape.split(" ") if word not in LISTED and not FLAG.fullmatch(word)}


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("git push origin main", "git push …"),
        ("git -C /x/y commit -m 'a word' --amend", "git -C … commit -m … --amend"),
        ("cd x && npm ci && npm test", "cd … && npm ci && npm test"),
        ("cat a|grep -i b | wc -l", "cat … | grep -i … | wc -l"),
        ("mysql -uroot -phunter db", "mysql -u… -p… …"),
        ("A=1 B=2 make -j8 all", "make -j… …"),
        ("sudo -u bob env C=1 systemctl restart nginx", "systemctl restart …"),
        ("curl --header='x: y' https://a.example", "curl --header …"),
        ("TOKEN=abc", "…"),
        ("hunter2", "<prog>"),
        ("./deploy --region=x -f y", "<prog> --… -f …"),
        ("/usr/local/bin/python3.12 -m http.server", "python -m …"),
        ("for x in a b; do rm $x; done", "for … ; do rm … ; done"),
        ("make 2>&1 >log", "make …"),
        ("echo $(cat x | head -1)", "echo … ( cat … | head … )"),
        ("cat <<EOF\nhunter2 --secret\nEOF\nls", "cat … ; ls"),
        ('echo "unclosed --all', "echo …"),
        ("npm run build -- --token x", "npm run … -- …"),
        ("export TOKEN=x", "export …"),
        ("docker compose -f a.yml up -d web", "docker compose -f … up -d …"),
        ("make hunter2", "make …"),
        ("sudo hunter2", "<prog>"),
        ("cargo hunter2", "cargo …"),
        ("-bash", "bash"),
        ("", ""),
    ],
)
def test_a_line_has_its_shape(line: str, shape: str) -> None:
    assert templates.shape(line, RULES) == shape


def test_an_argv_has_the_shape_of_one_command() -> None:
    shape = templates.shape(["sh", "-c", "a | b; c --d"], RULES)
    assert shape == "bash -c …"


def test_a_program_off_the_list_is_shown_locally_once_it_was_executed() -> None:
    assert templates.shape("frobnicate --deep x", RULES, frozenset(["frobnicate"])) == (
        "frobnicate --… …"
    )


def test_a_program_off_the_list_never_leaves() -> None:
    local = templates.shape("frobnicate --deep -x y", RULES, frozenset(["frobnicate"]))
    assert templates.remote_shape(local, RULES) == "<prog> --… -x …"


@pytest.mark.parametrize(
    "line",
    ["git push -f a && ls | wc -l", "for x in a; do make; done", "A=b", "npm run x -- y", "", "-x"],
)
def test_a_shape_without_names_of_its_own_leaves_as_it_is(line: str) -> None:
    local = templates.shape(line, RULES)
    assert templates.remote_shape(local, RULES) == local


@settings(max_examples=1000)
@given(
    argvs(), random_looking(), st.integers(0, 6), st.sampled_from(["", "=", "'", '"', "$(", ";"])
)
def test_a_random_secret_is_in_no_shape(argv: list[str], secret: str, at: int, glue: str) -> None:
    line = " ".join([*argv[:at], glue + secret, *argv[at:]])
    assert secret not in templates.shape(line, RULES, frozenset([secret]))


@settings(max_examples=1000)
@given(st.one_of(st.text(max_size=200), argvs().map(" ".join)))
def test_a_shape_holds_words_of_the_list_alone(line: str) -> None:
    shape = templates.shape(line, RULES)
    assert strange(shape) - {""} == set()


@settings(max_examples=500)
@given(st.text(max_size=200))
def test_whatever_calls_itself_a_shape_leaves_as_words_of_the_list(text: str) -> None:
    assert strange(templates.remote_shape(text, RULES)) - {""} == set()


def test_a_shape_has_at_most_four_kib() -> None:
    assert len(templates.shape("a b;" * 100_000, RULES).encode()) <= 4096
