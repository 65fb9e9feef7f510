"""Which screen a terminal shows, told from passing output."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.launch.screen import LIMIT_BYTES, Screen

PIECES = st.lists(
    st.sampled_from(
        [
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b[?47h",
            b"\x1b[?1047l",
            b"\x1b[?25;1049h",
            b"\x1b[?2004h",
            b"\x1b[?1049",
            b"\x1b[?",
            b"\x1b",
            b"\x1b[?1;2;33;1049h",
            b"\x1b[?1;22;33;1049l",
            b"text",
            b"1049h",
            b";",
        ]
    )
    | st.binary(max_size=20),
    max_size=12,
)


def changes(*parts: bytes) -> list[bool]:
    """Return what one screen says of output that comes in these parts."""
    screen = Screen()
    return [change for part in parts for change in screen.feed(part)]


@pytest.mark.parametrize("number", [b"1049", b"1047", b"47"])
def test_each_of_the_three_numbers_switches_the_screen(number: bytes) -> None:
    on, off = b"\x1b[?%sh" % number, b"\x1b[?%sl" % number
    assert changes(b"a" + on + b"b" + off + b"c") == [True, False]


def test_a_number_among_others_switches_the_screen() -> None:
    assert changes(b"\x1b[?25;1049h") == [True]


def test_a_number_that_only_contains_the_wanted_one_does_not() -> None:
    assert changes(b"\x1b[?10490h\x1b[?471h\x1b[?147h") == []


def test_the_same_state_again_is_no_change() -> None:
    assert changes(b"\x1b[?1049h\x1b[?47h", b"\x1b[?1049h") == [True]


def test_another_letter_is_another_request() -> None:
    assert changes(b"\x1b[?1049$p\x1b[?1049r") == []


def test_a_sequence_of_fifteen_bytes_counts_and_one_of_sixteen_does_not() -> None:
    longest = b"\x1b[?1;2;33;1049h"
    assert (len(longest), changes(longest)) == (LIMIT_BYTES, [True])
    assert changes(b"\x1b[?1;22;33;1049h") == []


def test_a_sequence_within_an_unfinished_one_is_seen() -> None:
    assert changes(b"\x1b[?10\x1b[?1049h") == [True]


def test_nothing_is_kept_of_plain_output() -> None:
    screen = Screen()
    screen.feed(b"\x1b[31mred\x1b[0m and more than fifteen bytes")
    assert not screen.waiting


@given(PIECES, st.data())
def test_no_cut_changes_what_is_seen(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    parts = [whole[start:stop] for start, stop in pairwise(edges)]
    assert changes(*parts) == changes(whole)


@given(st.binary(max_size=300))
def test_byte_by_byte_is_as_good_as_at_once(output: bytes) -> None:
    assert changes(*(output[at : at + 1] for at in range(len(output)))) == changes(output)
