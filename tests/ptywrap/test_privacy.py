"""What may be kept: facts pass `inward` redacted, cut and writable, and never raw."""

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap import privacy, wire
from tests import build
from tests.hostile import HOSTILE
from tests.ptywrap.words import RULES
from tests.secrets_made import LINES, filled, kept

inward = functools.partial(privacy.inward, rules=RULES)


def a_line(line: str | None, **changes: Any) -> wire.Command:
    fact = inward(build.a_command(line=line, **changes))
    assert isinstance(fact, wire.Command)
    return fact


def an_argv(argv: list[str] | None, setting: str = "redacted") -> wire.Process:
    fact = inward(build.a_process(argv=argv), argv=setting)
    assert isinstance(fact, wire.Process)
    return fact


def test_a_line_is_kept_without_its_secret() -> None:
    assert a_line("mysql -psunflower shop").line == "mysql -p«secret» shop"


def test_a_line_whose_program_never_ran_is_not_kept() -> None:
    assert a_line("sunflower", exit_status=127).line is None


def test_a_line_of_four_kib_is_kept_whole() -> None:
    fact = a_line("echo " + "a " * 2045 + "b")
    assert (len(fact.line or ""), fact.line_cut) == (4096, False)


def test_a_line_of_a_mebibyte_is_cut_and_marked() -> None:
    fact = a_line("a" + " bc" * (1 << 19))
    assert (len((fact.line or "").encode()) <= 4096, fact.line_cut) == (True, True)


def test_a_line_is_cut_before_the_word_that_is_too_long() -> None:
    assert a_line("tar czf " + "x" * 5000).line == "tar czf"


def test_a_line_of_umlauts_is_cut_to_bytes_and_not_to_characters() -> None:
    assert len((a_line("ä ö " * 2000).line or "").encode()) <= 4096


def test_a_line_that_grows_when_redacted_is_cut_again() -> None:
    fact = a_line("mysql " + "-pabc " * 680)
    assert (len((fact.line or "").encode()) <= 4096, fact.line_cut) == (True, True)


def test_bytes_that_are_not_utf8_are_written_as_escapes() -> None:
    assert a_line("ls \udcff\udc80").line == "ls \\xff\\x80"


def test_every_text_of_a_fact_can_be_written() -> None:
    fact = inward(
        build.a_command(
            cwd="/\udcff",
            branch="\udcfe",
            other_reasons={"\udcfd": 1},
            daemons=[wire.Daemon(name="\udcfc")],
            context=wire.Context(wrappers=["\udcfb"]),
        )
    )
    assert wire.decode(wire.encode(fact)) == fact


def test_an_argv_is_kept_without_its_secret() -> None:
    assert an_argv(["mysql", "-psunflower", "a"]).argv == ["mysql", "-p«secret»", "a"]


def test_an_argv_of_a_mebibyte_is_cut_and_marked() -> None:
    fact = an_argv(["rm", *["x" * 100] * 10_000])
    size = sum(len(word) + 1 for word in fact.argv or ())
    assert (size <= 4096, fact.argv_cut) == (True, True)


def test_a_short_argv_is_not_marked() -> None:
    assert an_argv(["make", "test"]).argv_cut is False


def test_an_argv_that_nobody_saw_stays_unknown() -> None:
    assert an_argv(None).argv is None


def test_an_argv_is_kept_as_its_shape_where_the_settings_say_so() -> None:
    assert an_argv(["git", "push", "origin"], "shape").argv == ["git", "push", "…"]


def test_a_line_is_kept_as_its_shape_where_the_settings_say_so() -> None:
    fact = privacy.inward(build.a_command(line="git push origin", shape=None), RULES, "shape")
    assert isinstance(fact, wire.Command)
    assert fact.line == "git push …"


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("https://bob:sunflower@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://bob:sun@flo/wer@git.example.org/a", "https://git.example.org/a"),
        ("https://git.example.org/a/b?private_token=x", "https://git.example.org/a/b"),
        ("git@github.com:a/b.git", "github.com:a/b.git"),
        ("ssh://git@git.example.org:22/a/b", "ssh://git.example.org:22/a/b"),
        ("example.org/ada/engine", "example.org/ada/engine"),
        ("/srv/git/a@b.git", "/srv/git/a@b.git"),
    ],
)
def test_a_remote_is_kept_without_user_and_password(address: str, plain: str) -> None:
    facts = [
        inward(build.a_command(repo=address)),
        inward(wire.Project(repo=address, alias="x")),
        inward(wire.Commit(session=build.SESSION, commit="c", repo=address)),
    ]
    assert [getattr(fact, "repo", None) for fact in facts] == [plain] * 3


@pytest.mark.parametrize(
    "fact",
    [build.a_segment(), build.a_session(), build.a_flow(), build.a_loss(), build.a_host()],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_without_texts_of_the_users_passes_as_it_is(fact: wire.Fact) -> None:
    assert inward(fact) == fact


@pytest.mark.parametrize("line", LINES["development"])
def test_a_secret_of_the_development_list_is_in_no_fact(line: str) -> None:
    text, secrets = filled(line, 7)
    facts = [a_line(text), an_argv(["sh", "-c", text])]
    written = " ".join(repr(fact) for fact in facts)
    assert kept(written, secrets) == []


TEXT = st.one_of(
    st.text(st.characters(), max_size=200),
    st.sampled_from(sorted(HOSTILE)).map(lambda name: HOSTILE[name](5000)),
)


@settings(max_examples=300)
@given(TEXT, st.one_of(st.none(), st.lists(TEXT, max_size=4)))
def test_any_fact_can_be_written_and_made_private_again(line: str, argv: list[str] | None) -> None:
    for fact in (build.a_command(line=line, repo=line), build.a_process(argv=argv, cwd=line)):
        once = inward(fact)
        assert wire.decode(wire.encode(once)) == once
        assert inward(once) == once
