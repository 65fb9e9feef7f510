"""MessagePack from others costs no more than it may, whatever it claims."""

import itertools
import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap import strict
from ptywrap.columns import Unreadable
from tests.bombs import CLOSED, MIB, OPENED, nested

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def long(body: bytes) -> bytes:
    """Return a map with a body in it that is long enough to be walked over."""
    padding = b"\xc5\xff\xff" + bytes(0xFFFF)
    return b"\x92" + b"\x9a" + padding * 10 + body


def peak_bytes(body: bytes) -> int:
    """Return the memory that refusing a body takes."""
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            strict.decoded(body)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(PLAIN)
def test_what_is_plain_comes_back(value: Any) -> None:
    assert strict.decoded(msgpack.packb(value)) == value


@given(PLAIN)
def test_what_is_plain_passes_the_walk(value: Any) -> None:
    if depth(value) <= strict.DEPTH - 2:
        assert strict.decoded(long(msgpack.packb(value)))[1] == value


@pytest.mark.parametrize(
    "value",
    [
        list(range(40)),
        dict.fromkeys(map(str, range(40)), 300),
        ["x" * 40, "x" * 400, b"x" * 40, b"x" * 400],
        [-1, -40, -400, -70_000, -(1 << 40), 40, 200, 400, 70_000, 1 << 40, None, True],
    ],
    ids=["array", "map", "texts", "numbers"],
)
def test_the_walk_finds_its_way_over_every_length(value: Any) -> None:
    assert strict.decoded(long(msgpack.packb([value, value])))[1] == [value, value]


@given(PLAIN)
def test_every_cut_of_a_value_is_unreadable(value: Any) -> None:
    whole = msgpack.packb(value)
    for end in range(len(whole)):
        with pytest.raises(Unreadable):
            strict.decoded(whole[:end])


@given(st.binary(max_size=400))
def test_any_bytes_are_a_value_or_unreadable(data: bytes) -> None:
    for body in (data, long(data)):
        try:
            strict.decoded(body)
        except Unreadable:
            continue


@pytest.mark.parametrize("name", OPENED)
def test_a_bomb_of_open_arrays_costs_little_memory(name: str) -> None:
    assert peak_bytes(OPENED[name]) < 64 * MIB


def test_a_bomb_of_closed_arrays_costs_little_memory() -> None:
    assert peak_bytes(CLOSED[: 4 * MIB]) < 64 * MIB


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93\x01\x02",
        b"\x01\x02",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdc\x10\x01" + b"\xc0" * 4097,
        b"\xde\x01\x01" + b"".join(b"\xcd" + at.to_bytes(2, "big") + b"\xc0" for at in range(257)),
        b"\xc7\x01\x05\x00",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x82\xa1a\x01\xa1a\x02",
        b"\x81\x01\x02",
        b"\x81\xc0\x02",
        b"\xa1\xff",
        nested(2000),
    ],
    ids=repr,
)
def test_what_is_out_of_bounds_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        strict.decoded(body)
    with pytest.raises(Unreadable):
        strict.decoded(long(body) if body[:1] != b"\x01" else b"\x01" + bytes(MIB))


def test_a_long_body_is_no_deeper_than_a_batch() -> None:
    assert strict.decoded(long(nested(strict.DEPTH - 1)))[1] == [[[[[[[None]]]]]]]
    with pytest.raises(Unreadable):
        strict.decoded(long(nested(strict.DEPTH)))


def test_the_walk_knows_every_first_byte() -> None:
    for first in itertools.chain(range(0xC1), range(0xC2, 0x100)):
        body = bytes([first]) + bytes(40)
        unpacker = msgpack.Unpacker(strict_map_key=False)
        unpacker.feed(body)
        unpacker.skip()
        head = strict.head(first)
        assert head.size + head.width + head.inside == unpacker.tell(), hex(first)


@pytest.mark.parametrize(
    ("value", "depth", "expected"),
    [
        ([[1]], 2, True),
        ([[1]], 1, False),
        ({"a": {"b": None}}, 2, True),
        ({"a": {"b": None}}, 1, False),
        ({b"a": 1}, 2, False),
        (1.5, 2, False),
        ([msgpack.ExtType(1, b"")], 2, False),
    ],
    ids=repr,
)
def test_what_nobody_reads_may_be_plain_and_shallow(
    value: Any, depth: int, *, expected: bool
) -> None:
    assert strict.plain(value, depth) is expected


def depth(value: Any) -> int:
    """Return how many levels of arrays and maps a value has."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ("x" * 16_384, "x" * 16_385),
        (bytes(65_536), bytes(65_537)),
        ([None] * 4096, [None] * 4097),
        (dict.fromkeys(map(str, range(256))), dict.fromkeys(map(str, range(257)))),
        ([[None] * 4095] * 12 + [[None] * 800], [[None] * 4095] * 12 + [[None] * 900]),
    ],
    ids=["text", "bin", "array", "map", "elements"],
)
def test_the_bounds_are_those_of_the_trust_document(most: Any, more: Any) -> None:
    assert strict.decoded(msgpack.packb(most)) == most
    with pytest.raises(Unreadable):
        strict.decoded(msgpack.packb(more))
