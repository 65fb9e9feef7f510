"""Numbers read as people say them, and no control character reaches a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsniff import amounts
from ptywrap.cli import text


@pytest.mark.parametrize(
    ("ns", "said"),
    [
        (None, "-"),
        (0, "0 µs"),
        (999_999, "999 µs"),
        (1_000_000, "1 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1.00 s"),
        (9_994_999_999, "9.99 s"),
        (59_940_000_000, "59.9 s"),
        (59_960_000_000, "1 m 00 s"),
        (252_000_000_000, "4 m 12 s"),
        (7_500_000_000_000, "2 h 05 m"),
    ],
)
def test_a_length_is_said_in_its_natural_unit(ns: int | None, said: str) -> None:
    assert text.duration(ns) == said


@pytest.mark.parametrize(("ns", "said"), [(None, "-"), (0, "under 10 ms"), (20_000_000, "20 ms")])
def test_no_tick_of_cpu_is_not_called_nothing(ns: int | None, said: str) -> None:
    assert text.cpu(ns) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (212_400_000, "212 MB"),
    ],
)
def test_a_size_is_said_in_powers_of_a_thousand(number: int | None, said: str) -> None:
    assert amounts.size(number) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (1, 3, "33 %"),
        (2, 3, "67 %"),
        (0, 5, "0 %"),
        (1, 1000, "<1 %"),
        (5, 5, "100 %"),
        (1, 0, "-"),
    ],
)
def test_a_share_is_a_whole_percentage(part: int, whole: int, said: str) -> None:
    assert text.share(part, whole) == said


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 processes"), (1, "1 process"), (2412, "2,412 processes")]
)
def test_a_count_agrees_with_its_noun(number: int, said: str) -> None:
    assert amounts.count(number, "process", "processes") == said


@pytest.mark.parametrize(
    ("exit_status", "signal", "said"),
    [(0, None, "exit 0"), (None, 9, "signal 9"), (None, None, "running")],
)
def test_an_outcome_is_a_status_a_signal_or_running(
    exit_status: int | None, signal: int | None, said: str
) -> None:
    assert text.outcome(exit_status, signal) == said


def test_control_characters_are_written_out() -> None:
    assert text.visible("a\x1b]52;c;AAAA\x07\nb\u202e") == "a\\x1b]52;c;AAAA\\x07⏎b\\u202e"


@given(st.text())
def test_nothing_unprintable_is_left_visible(value: str) -> None:
    assert text.visible(value).isprintable()
