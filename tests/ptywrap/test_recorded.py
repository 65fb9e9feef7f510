"""Bytes that earlier versions wrote are read by today's code as the facts they were."""

from pathlib import Path

import msgpack
import pytest
from msgspec import structs

from ptywrap import segments, tabular, wire
from tests import recorded

BATCHES = sorted(recorded.FOLDER.glob("*.batch"))
SEGMENTS = sorted(recorded.FOLDER.glob("*.seg"))


def test_each_version_that_was_released_is_recorded() -> None:
    versions = [f"version-{at}" for at in range(1, wire.VERSION + 1)]
    assert [path.stem for path in BATCHES] == versions
    assert [path.stem for path in SEGMENTS] == versions


@pytest.mark.parametrize("path", SEGMENTS, ids=lambda path: path.name)
def test_a_recorded_segment_is_read_as_the_facts_it_was(path: Path) -> None:
    assert list(segments.facts(path)) == [recorded.HEADER, *recorded.FACTS]


def test_a_fact_of_a_newer_kind_costs_no_fact_of_a_known_one(tmp_path: Path) -> None:
    newer = [
        wire.encode(recorded.HEADER),
        msgpack.packb({"fact": "weather", "cloudy": True}),
        wire.encode(recorded.FACTS[0]),
    ]
    path = tmp_path / "000000000001-0123456789ab.n2.seg"
    path.write_bytes(b"".join(wire.frame(seq, row) for seq, row in enumerate(newer)))
    assert list(segments.facts(path)) == [recorded.HEADER, recorded.FACTS[0]]


def test_a_segment_of_another_version_is_passed_over_not_guessed(tmp_path: Path) -> None:
    header = structs.replace(recorded.HEADER, version=wire.VERSION + 1)
    rows = [wire.encode(fact) for fact in (header, *recorded.FACTS)]
    path = tmp_path / "000000000001-0123456789ab.n15.seg"
    path.write_bytes(b"".join(wire.frame(seq, row) for seq, row in enumerate(rows)))
    assert list(segments.facts(path)) == []


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.name)
def test_a_recorded_batch_is_read_as_the_facts_it_was(path: Path) -> None:
    found = wire.unpack(path.read_bytes())
    assert (found.id, found.boot, found.policy) == (recorded.NAME, recorded.HEADER.boot_id, 2)
    assert list(wire.facts(found)) == tabular.latest(recorded.FACTS)


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.name)
def test_a_recorded_batch_holds_no_column_that_is_gone(path: Path) -> None:
    found = wire.unpack(path.read_bytes())
    names = [(table, name) for table, held in found.tables.items() for name in held.columns]
    assert [(table, name) for table, name in names if name not in wire.COLUMNS[table]] == []


def test_no_column_changes_its_place_or_goes() -> None:
    """A reader by name does not care, but equal facts must give equal bytes for good."""
    raw = msgpack.unpackb(BATCHES[-1].read_bytes())
    for table, held in raw["tables"].items():
        recorded_names = list(held["cols"])
        assert [name for name in wire.COLUMNS[table] if name in recorded_names] == recorded_names
