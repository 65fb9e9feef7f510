"""The list of what became of each segment adds up, whatever was torn, told twice or cleared."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ptywrap.deliveries import Counts, Deliveries

TEXT = (
    "for t\n"
    "packed a 5 s1,s2\n"
    "tried a\n"
    "sent a 2\n"
    "packed b 7 s3\n"
    "dropped b quota\n"
    "packed c 4 s4; packed d 9 s4,s5; withdrawn c\n"
    "lost s6 3 no_room\n"
)
COUNTS = Counts(accepted=24, waiting=9, delivered=5, dropped={"quota": 7, "no room": 3}, refused=2)


def _list(folder: Path, text: str) -> Deliveries:
    (folder / "packed").write_text(text)
    return Deliveries(folder)


def test_what_became_of_everything_adds_up(tmp_path: Path) -> None:
    assert _list(tmp_path, TEXT).counts() == COUNTS


def test_a_segment_is_known_once_it_was_packed_or_lost(tmp_path: Path) -> None:
    assert sorted(_list(tmp_path, TEXT).segments) == ["s1", "s2", "s3", "s4", "s5", "s6"]


@given(cut=some.integers(0, len(TEXT)))
def test_a_torn_line_means_nothing_and_the_next_one_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("list")
    torn = _list(folder, TEXT[:cut])
    whole = _list(folder, TEXT[: TEXT.rfind("\n", 0, cut) + 1])
    assert (torn.counts(), torn.entries) == (whole.counts(), whole.entries)

    (folder / "packed").write_text(TEXT[:cut])
    Deliveries(folder).add("packed z 1 s9")

    assert Deliveries(folder).entries == whole.entries | {"z": Deliveries(folder).entries["z"]}


def test_an_event_told_twice_counts_once(tmp_path: Path) -> None:
    doubled = "".join(f"{line}\n{line}\n" for line in TEXT.splitlines())

    assert _list(tmp_path, doubled).counts() == COUNTS


def test_what_is_cleared_away_still_counts(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT)

    assert found.clear(frozenset()) == 3
    assert (found.counts(), Deliveries(tmp_path).counts()) == (COUNTS, COUNTS)
    assert set(Deliveries(tmp_path).entries) == {"d"}


def test_what_still_has_its_segment_is_not_cleared(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT)

    found.clear(frozenset({"s2", "s6"}))

    assert set(found.entries) == {"a", "d"}
    assert Deliveries(tmp_path).entries["a"].tried
    assert "s6" in Deliveries(tmp_path).segments
    assert Deliveries(tmp_path).counts() == COUNTS


def test_clearing_twice_changes_no_count(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT)
    found.clear(frozenset({"s6"}))
    found.add("sent d 0")
    found.clear(frozenset())

    assert found.counts() == Counts(24, 0, 14, {"quota": 7, "no room": 3}, 2)


def test_what_is_undone_may_be_packed_again_under_another_name(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT + "undone d\npacked e 9 s4\n")

    for there in (frozenset({"s1", "s4", "s5"}), frozenset({"s5"})):
        found.clear(there)
        assert set(found.segments) - {"s1", "s2"} == {"s4"}
        assert "d" in Deliveries(tmp_path).entries
        assert found.counts().accepted == COUNTS.accepted


def test_another_tenant_begins_anew(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT)
    found.begin("another")

    assert (found.entries, found.segments, found.tenant) == ({}, {}, "another")


def test_a_tenant_that_is_back_finds_its_list(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT)
    found.begin("another")
    found.add("packed z 1 s9")
    found.begin("t")

    assert (found.tenant, found.counts()) == ("t", COUNTS)


def test_what_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    found = _list(tmp_path, TEXT + "invented x y\n\npacked q many s7\npacked\n")

    assert found.counts() == COUNTS
