"""A column is the fewest bytes that say it, comes back as it went, and is checked when it does."""

from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ptywrap import columns

WORDS = st.integers(columns.LEAST, columns.MOST)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-300, 300),
    WORDS,
    st.text(max_size=4),
    st.binary(max_size=4),
    st.lists(st.text(max_size=2), max_size=2),
)
NUMBERS = st.lists(st.one_of(st.none(), st.integers(-(1 << 34), 1 << 34), WORDS), min_size=1)
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 63), (1 << 64) - 1),
        st.floats(),
        st.sampled_from(("n", "o", "d", "c", "")),
        st.binary(max_size=16),
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


def came_back(values: list[Any]) -> list[Any]:
    """Return values that were packed, sent and read."""
    raw = msgpack.unpackb(msgpack.packb(columns.pack(values)))
    return columns.values(columns.read(raw, len(values), "there"), len(values))


def kind(values: list[Any]) -> str:
    """Return which kind of column values are packed as."""
    return str(columns.pack(values)[0])


@given(st.lists(VALUES, min_size=1, max_size=300))
@example([1, True, 1])
@example([0, False])
@example([columns.LEAST, columns.MOST, columns.LEAST])
@example([[], [""], None])
def test_any_values_come_back_as_they_went(values: list[Any]) -> None:
    back = came_back(values)
    assert [(type(one), one) for one in back] == [(type(one), one) for one in values]


@given(NUMBERS)
def test_any_numbers_come_back_as_they_went(numbers: list[int | None]) -> None:
    assert came_back(list(numbers)) == numbers


@pytest.mark.parametrize("number", [255, 256, 257, 4095])
def test_more_values_than_one_byte_can_count_come_back(number: int) -> None:
    texts = [f"text {at}" for at in range(number)]
    assert came_back([*texts, texts[0]]) == [*texts, texts[0]]


@given(st.lists(VALUES, min_size=1, max_size=50))
def test_values_that_are_packed_twice_give_equal_bytes(values: list[Any]) -> None:
    assert msgpack.packb(columns.pack(values)) == msgpack.packb(columns.pack(list(values)))


@given(
    st.integers(columns.LEAST, columns.MOST - (1 << 48)),
    st.lists(st.none() | st.integers(0, 1 << 40), min_size=30, max_size=60),
)
def test_numbers_that_grow_come_back_as_they_went(first: int, steps: list[int | None]) -> None:
    at, numbers = first, [first, None, first + 1]
    for step in steps:
        at += step or 0
        numbers.append(None if step is None else at)
    assert came_back(numbers) == numbers


def test_a_number_that_no_column_holds_is_unknown() -> None:
    beyond = [columns.MOST + 1, columns.LEAST - 1]
    within = [1, columns.MOST, columns.LEAST]
    assert came_back([*within, *beyond]) == [*within, None, None]
    assert came_back([1, beyond[0]]) == [1, None]
    assert came_back([1, beyond[1]]) == [1, None]


def test_what_is_unknown_is_never_zero() -> None:
    assert came_back([None, 0, None]) == [None, 0, None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7, 7, 7], "c"),
        ([None, None], "c"),
        (["make", "make"], "c"),
        ([3, 1, 2], "n"),
        ([1_764_000_000_000_000_000 + at * at for at in range(40)], "o"),
        ([1_764_000_000_000_000_000 * (at * at % 3) for at in range(40)], "d"),
        (["make", "git", "make"], "d"),
        ([["make"], ["make"]], "d"),
        ([True, False], "d"),
    ],
)
def test_the_kind_of_a_column_follows_from_its_values(values: list[Any], expected: str) -> None:
    assert kind(values) == expected


def test_an_unknown_time_costs_no_wider_differences() -> None:
    times = [None if at == 7 else 1_764_000_000_000_000_000 + at * at for at in range(40)]
    assert columns.pack(times)[:3] == ["o", 1_764_000_000_000_000_000, 1]
    assert came_back(times) == times


@given(ANYTHING, st.integers(1, 9))
def test_whatever_stands_for_a_column_is_a_column_or_unreadable(raw: Any, rows: int) -> None:
    try:
        column = columns.read(raw, rows, "there")
    except columns.Unreadable:
        return
    assert len(columns.values(column, rows)) == rows


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        ["x", 1],
        ["c"],
        ["c", 1.5],
        ["c", float("nan")],
        ["c", {}],
        ["c", 1 << 63],
        ["c", ["a", 1]],
        ["n", 1, b"12"],
        ["n", 3, b"123456789"],
        ["n", True, b"123"],
        ["n", 1, "123"],
        ["n", 1, b"123", b""],
        ["n", 1, b"123", b"11"],
        ["o", 1, 1],
        ["o", 1, 1, b"12", b"\7", b"\7"],
        ["o", 1, 1, b"123"],
        ["o", 1.0, 1, b"12"],
        ["o", (1 << 63) - 1, 1, b"\1\0"],
        ["o", 0, 8, b"\xff" * 7 + b"\x7f" + b"\1" + b"\0" * 7],
        ["n", 1],
        ["n", 1, b"123", b"\7", b"\7"],
        ["d", ["a"], 1],
        ["d", ["a"], 1, b"\0\0\0", b"\7"],
        ["d", [], 1, b"\0\0\0"],
        ["d", ["a"], 1, b"\0\0\1"],
        ["d", ["a"], 4, b"\0" * 12],
        ["d", [str(at) for at in range(300)], 2, b"\0\0\0\0" + (300).to_bytes(2, "little")],
        ["d", [1.5], 1, b"\0\0\0"],
        ["d", [{}], 1, b"\0\0\0"],
        ["d", [["a", ["b"]]], 1, b"\0\0\0"],
        ["d", "a", 1, b"\0\0\0"],
    ],
    ids=repr,
)
def test_a_column_that_lies_is_unreadable_by_its_place(raw: Any) -> None:
    with pytest.raises(columns.Unreadable, match=r"^tables\.x\.y: "):
        columns.read(raw, 3, "tables.x.y")
