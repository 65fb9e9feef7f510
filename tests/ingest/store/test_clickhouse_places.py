"""Checks what a URL of ClickHouse says, which shard a device has, and how values become SQL."""

import pytest

from ingest.store.base import StoreError
from ingest.store.clickhouse_cluster import place, shard_of
from ingest.store.clickhouse_schema import literal, statement
from ingest.store.clickhouse_shard import Account


def test_a_url_names_shards_in_their_order_and_a_database() -> None:
    told = place("one:8124,two,[::1]:8125/fleet", {})
    assert (told.addresses, told.database, told.writer) == (
        ("one:8124", "two:8123", "[::1]:8125"),
        "fleet",
        "",
    )


def test_a_url_may_name_who_writes() -> None:
    assert place("one/fleet?writer=front-2", {}).writer == "front-2"


def test_an_account_of_the_url_goes_before_that_of_the_environment() -> None:
    environ = {"PTYWRAP_CLICKHOUSE_USER": "grace", "PTYWRAP_CLICKHOUSE_PASSWORD": "p"}
    accounts = [place(f"{told}one/fleet", environ).account for told in ("", "ada:a%40b@")]
    assert accounts == [Account("grace", "p"), Account("ada", "a@b")]


@pytest.mark.parametrize("path", ["", "/fleet", "one", "one/", "one/a-b", "one/a`b", "one,one/a"])
def test_a_url_without_servers_and_database_is_refused(path: str) -> None:
    with pytest.raises(StoreError, match="names no servers and database"):
        place(path, {})


def test_a_refused_url_is_not_repeated() -> None:
    with pytest.raises(StoreError) as refused:
        place("ada:hidden@one", {})
    assert "hidden" not in f"{refused.value}{refused.value.hint}"


def test_a_device_keeps_its_shard_for_good() -> None:
    devices = ["d" * 32, "b" * 32, "0" * 32, "1" * 32, "2" * 32, "3" * 32]
    assert [[shard_of(device, shards) for device in devices] for shards in (1, 2, 3)] == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 1],
        [2, 2, 2, 1, 0, 1],
    ]


def test_another_shard_takes_its_share_and_moves_nothing_else() -> None:
    devices = [f"{number:032x}" for number in range(2000)]
    before, after = ([shard_of(device, shards) for device in devices] for shards in (4, 5))
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert (set(moved), 300 < len(moved) < 500) == ({4}, True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "1"),
        (-9_223_372_036_854_775_807, "-9223372036854775807"),
        ("it's \\ \0", "'it\\'s \\\\ \\0'"),
        (b"\x00'\xff", "'\\x00\\x27\\xff'"),
        ([("a", 1), ("b", 2)], "(('a', 1), ('b', 2))"),
    ],
)
def test_a_value_is_quoted(value: object, text: str) -> None:
    assert literal(value) == text


def test_a_value_that_looks_like_a_name_of_ours_is_put_in_as_it_is() -> None:
    text = statement("if_owner", tenant="$person {table}", person="ada")
    assert text == "tenant = '$person {table}' AND person = 'ada'"
