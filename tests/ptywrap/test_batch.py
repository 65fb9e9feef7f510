"""A batch has one set of bytes for good, says all that was in it, and is checked when read."""

import random
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ptywrap import batch, wire
from tests import build, filled
from tests.bombs import WITHIN

NAME = wire.batch_id("000000000007-0123456789ab.n3", build.DEVICE)


def packed(*told: wire.Fact) -> bytes:
    """Return the bytes of a batch of facts."""
    return wire.pack(NAME, build.a_segment(), told)


def raw(*told: wire.Fact) -> dict[str, Any]:
    """Return a batch as a map that a test can spoil."""
    unpacked: dict[str, Any] = msgpack.unpackb(packed(*told))
    return unpacked


def a_session(at: int) -> list[wire.Fact]:
    """Return what a command and its processes tell, different for each number."""
    key = {"session": build.SESSION, "command": at}
    processes = [
        build.a_process(**key, pid=100 + at, start_ticks=70_000 + number, name=f"n{number % 7}")
        for number in range(9)
    ]
    return [*processes, build.a_command(id=at), build.a_flow(id=at, command=at)]


@pytest.mark.parametrize("struct", filled.TRAVELLING, ids=lambda struct: struct.__name__)
def test_every_kind_of_fact_comes_back_with_every_field(struct: type[Struct]) -> None:
    fact = filled.filled(struct, lambda name: f"some {name}")
    assert list(wire.facts(wire.unpack(packed(fact)))) == [fact]


@given(filled.facts())
def test_any_facts_come_back(told: list[wire.Fact]) -> None:
    back = list(wire.facts(wire.unpack(packed(*told))))
    assert filled.by_key(back) == filled.by_key(told)


@given(filled.facts())
def test_facts_that_are_packed_twice_give_equal_bytes(told: list[wire.Fact]) -> None:
    assert packed(*told) == packed(*told)


def test_facts_that_were_rows_in_between_give_the_same_bytes() -> None:
    told = [fact for at in range(1, 40) for fact in a_session(at)]
    again = [wire.decode(wire.encode(fact)) for fact in told]
    assert packed(*again) == packed(*told)


def test_a_batch_says_whose_it_is_and_what_the_clocks_said() -> None:
    header = build.a_segment(policy=3, utc_offset_ns=-5)
    found = wire.unpack(wire.pack(NAME, header, [build.a_loss()]))
    assert found[:5] == (
        NAME,
        build.DEVICE,
        build.BOOT,
        wire.Clocks(build.AT, 5_000_000_000, 6_000_000_000, -5),
        3,
    )


def test_a_batch_of_nothing_that_travels_has_no_tables() -> None:
    assert wire.unpack(packed(build.a_segment())).tables == {}


def test_of_a_fact_told_again_the_last_telling_travels() -> None:
    begun = build.a_command(wall_ns=None, exit_status=None, other_reasons=None)
    assert list(wire.facts(wire.unpack(packed(begun, build.a_command())))) == [build.a_command()]


def test_a_column_that_nobody_knows_is_left_out() -> None:
    assert "signal" not in raw(build.a_command())["tables"]["commands"]["cols"]


# -- older and newer peers ---------------------------------------------------------------------


def test_an_older_reader_passes_over_what_a_newer_writer_added() -> None:
    newer = raw(build.a_loss(), build.a_command())
    newer["weather"] = {"cloudy": [1, 2]}
    newer["tables"]["holidays"] = {"n": 2, "cols": {"at": ["n", 1, b"\1\2"]}}
    newer["tables"]["losses"]["cols"]["colour"] = ["c", "green"]
    newer["tables"]["losses"]["order"] = ["since"]
    found = wire.unpack(msgpack.packb(newer))
    assert list(wire.facts(found)) == [build.a_command(), build.a_loss()]
    assert found.tables["holidays"].rows == 2
    assert found.tables["losses"].columns["colour"].first == "green"


def test_a_newer_reader_does_without_what_an_older_writer_did_not_know() -> None:
    older = raw(build.a_command(), build.a_process())
    del older["tables"]["commands"]["cols"]["template"]
    del older["tables"]["other_reasons"]
    del older["tables"]["processes"]["cols"]["wall_us"]
    assert list(wire.facts(wire.unpack(msgpack.packb(older)))) == [
        build.a_command(template=None, other_reasons=None),
        build.a_process(wall_ns=None),
    ]


@pytest.mark.parametrize("version", [0, 2, None, "1", True, 1.0])
def test_a_batch_of_another_version_is_refused_not_guessed(version: Any) -> None:
    with pytest.raises(wire.Unreadable, match=r"^v: "):
        wire.unpack(msgpack.packb(raw(build.a_loss()) | {"v": version}))


# -- what may not be ---------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_unreadable(data: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        wire.unpack(data)


@given(filled.facts(), st.randoms(use_true_random=False))
def test_a_batch_with_spoilt_bytes_is_a_batch_or_unreadable(
    told: list[wire.Fact], chance: random.Random
) -> None:
    body = bytearray(packed(*told))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body))
        body[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
    try:
        list(wire.facts(wire.unpack(bytes(body))))
    except wire.Unreadable:
        return


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("batch", None),
        ("batch", "x" * 129),
        ("device", 5),
        ("boot", b"bytes"),
        ("clocks", [1, 2, 3]),
        ("clocks", [1, 2, 3, 1.5]),
        ("clocks", [1, 2, 3, True]),
        ("clocks", [1, 2, 3, (1 << 64) - 1]),
        ("policy", None),
        ("policy", 1.0),
        ("tables", []),
        ("tables", {"losses": []}),
        ("tables", {"lös": {"n": 1, "cols": {}}}),
        ("tables", {"x" * 49: {"n": 1, "cols": {}}}),
        ("tables", {"": {"n": 1, "cols": {}}}),
        ("tables", {"losses": {"n": 0, "cols": {}}}),
        ("tables", {"losses": {"n": 4097, "cols": {}}}),
        ("tables", {"losses": {"n": True, "cols": {}}}),
        ("tables", {"losses": {"n": 1, "cols": None}}),
        ("tables", {"losses": {"n": 1, "cols": {"a b": ["c", 1]}}}),
        ("tables", {"losses": {"n": 1, "cols": {"since": ["c", 1.5]}}}),
        ("tables", {"losses": {"n": 2, "cols": {"since": ["n", 1, b"\1"]}}}),
        ("tables", {"losses": {"n": 1, "cols": {}, "order": [1.5]}}),
        ("extra", 1.5),
        ("extra", [[[[[[[[1]]]]]]]]),
        ("extra", {"a": msgpack.ExtType(1, b"")}),
        ("extra", msgpack.ExtType(1, b"x")),
    ],
    ids=repr,
)
def test_a_batch_that_is_none_is_unreadable(path: str, value: Any) -> None:
    with pytest.raises(wire.Unreadable):
        wire.unpack(msgpack.packb(raw(build.a_loss()) | {path: value}))


def test_a_wrong_column_is_named_by_its_path() -> None:
    spoilt = raw(build.a_loss())
    spoilt["tables"]["losses"]["cols"]["since"] = ["n", 8, b""]
    with pytest.raises(wire.Unreadable, match=r"^tables\.losses\.since: not 8 bytes$"):
        wire.unpack(msgpack.packb(spoilt))


def test_a_batch_of_more_than_four_mebibytes_is_not_looked_at() -> None:
    with pytest.raises(wire.Unreadable, match=r"^more than 4194304 bytes$"):
        wire.unpack(b"\x80" + bytes(wire.BATCH_LIMIT))


# -- how much goes into one --------------------------------------------------------------------


def many(number: int) -> list[wire.Fact]:
    """Return so many losses."""
    return [build.a_loss(since=at) for at in range(number)]


def test_as_many_rows_as_a_server_takes_are_packed_and_read() -> None:
    told = many(wire.ROWS_LIMIT)
    assert list(wire.facts(wire.unpack(packed(*told)))) == told


def test_what_a_server_would_refuse_for_its_rows_is_not_packed() -> None:
    with pytest.raises(ValueError, match="more than 4096 rows"):
        packed(*many(wire.ROWS_LIMIT + 1))


def test_what_a_server_would_refuse_for_a_list_in_a_fact_is_not_packed() -> None:
    reasons = {str(at): at for at in range(wire.ROWS_LIMIT + 1)}
    with pytest.raises(ValueError, match="more than 4096 rows"):
        packed(build.a_command(other_reasons=reasons))


def test_what_a_server_would_refuse_for_its_bytes_is_not_packed() -> None:
    with pytest.raises(ValueError, match="more than 4194304 bytes"):
        packed(*(build.a_command(id=at, shape=f"{at}" * 1000) for at in range(2000)))


def busy(number: int) -> list[wire.Fact]:
    """Return 3,000 commands, each of which met so many programs that no other one did."""
    return [
        build.a_command(
            id=at, context=wire.Context(other_busy=[f"{at} {place}" for place in range(number)])
        )
        for at in range(3000)
    ]


def test_as_many_elements_as_a_server_takes_are_packed_and_read() -> None:
    assert wire.unpack(packed(*busy(12))).tables["commands"].rows == 3000


def test_what_a_server_would_refuse_for_its_elements_is_not_packed() -> None:
    with pytest.raises(ValueError, match="or 50000 elements"):
        packed(*busy(16))


def test_the_limits_are_those_of_the_trust_document() -> None:
    assert (batch.BATCH_LIMIT, batch.BODY_LIMIT, batch.ROWS_LIMIT) == (4 << 20, 1 << 20, 4096)


@pytest.mark.parametrize("name", WITHIN)
def test_as_much_as_a_batch_may_be_is_read(name: str) -> None:
    assert {table.rows for table in wire.unpack(WITHIN[name]).tables.values()} <= {1, 4096}
