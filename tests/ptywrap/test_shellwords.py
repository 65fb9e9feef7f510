"""A typed line falls into simple commands and words as a shell would read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptywrap.shellwords import HERE_STRING, REDIRECTED, WORD, simple_commands

LINE = st.text(st.sampled_from("ab -=|&;<>()`\"'\\\n\t$E«"), max_size=60)


def words(line: str) -> list[list[str]]:
    return [[word.text for word in command.words] for command in simple_commands(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a b", [["a", "b"]]),
        ("a|b||c&&d;e&f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a 'b|c' \"d;e\" f\\;g", [["a", "b|c", "d;e", "f;g"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ("a 'b | c", [["a", "b | c"]]),
        ('a "b | c', [["a", "b | c"]]),
        ("a \\\nb", [["a", "b"]]),
        ("a 2>&1 >c", [["a", "1", "c"]]),
        ("a <<E b\nx | y\nE\nc", [["a", "E", "b"], ["c"]]),
        ("a <<-'E'\nx\n\tE\nc", [["a", "E"], ["c"]]),
        ("a <<E\nx | y", [["a", "E"], []]),
        ("(a)", [[], ["a"], []]),
        ("", [[]]),
    ],
)
def test_a_line_has_its_words(line: str, expected: list[list[str]]) -> None:
    assert words(line) == expected


def test_a_word_knows_its_role() -> None:
    (command,) = simple_commands("a <<< b > c d")
    assert [word.role for word in command.words] == [WORD, HERE_STRING, REDIRECTED, WORD]


def test_a_command_knows_the_operator_before_it() -> None:
    assert [command.operator for command in simple_commands("a | b && c")] == ["", "|", "&&"]


@settings(max_examples=1000)
@given(LINE)
def test_words_stand_apart_and_in_order(line: str) -> None:
    places = [(word.start, word.end) for one in simple_commands(line) for word in one.words]
    flat = [at for place in places for at in place]
    assert flat == sorted(flat)


@settings(max_examples=1000)
@given(LINE)
def test_what_is_in_no_word_is_an_operator_or_a_blank(line: str) -> None:
    rest = line.split("<<", maxsplit=1)[0]  # behind it there may be a here-document
    inside = {
        at
        for one in simple_commands(rest)
        for word in one.words
        for at in range(word.start, word.end)
    }
    outside = {char for at, char in enumerate(rest) if at not in inside}
    assert outside <= set(" \t\n|&;<>()`\\0123456789")
