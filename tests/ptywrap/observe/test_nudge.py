"""Store and shipper are started for what has waited long, or is much; otherwise nobody is."""

import os
import time
from pathlib import Path

import pytest

from ptywrap.observe.nudge import Departures, Nudge

S = 1_000_000_000


@pytest.mark.parametrize(
    ("rows", "age_s", "started"),
    [(1, 0, 0), (19_999, 590, 0), (20_000, 0, 1), (1, 601, 1), (0, 601, 0)],
)
def test_much_or_old_starts_the_store(tmp_path: Path, rows: int, age_s: int, started: int) -> None:
    path = tmp_path / f"000000000001-0123456789ab.n{rows}.seg"
    path.touch()
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    starts: list[int] = []
    Nudge(tmp_path, lambda: starts.append(1)).settle(1)
    assert len(starts) == started


def test_who_was_started_is_given_time(tmp_path: Path) -> None:
    (tmp_path / "000000000001-0123456789ab.n30000.seg").touch()
    starts: list[int] = []
    nudge = Nudge(tmp_path, lambda: starts.append(1))
    for at_s in (1, 2, 600, 602):
        nudge.settle(at_s * S)
    assert len(starts) == 2


class _Place:
    """A device's folder, whose shipper last ran so many seconds ago, and who counts its starts."""

    def __init__(self, folder: Path, ran_s: float) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.enrolment = folder / "enrolment.json"
        self.enrolment.touch()
        self.lock = folder / "shipper.lock"
        self.lock.touch()
        self.ran_at = time.time() - ran_s
        os.utime(self.lock, (self.ran_at, self.ran_at))
        self.starts: list[int] = []
        self.departures = Departures(self.spool, self.enrolment, lambda: self.starts.append(1))

    def sealed(self, rows: int, *, after_s: float = 1) -> None:
        """Seal a segment so long after the shipper last ran."""
        path = self.spool / f"000000000001-0123456789ab.n{rows}.seg"
        path.touch()
        os.utime(path, (self.ran_at + after_s, self.ran_at + after_s))


@pytest.mark.parametrize(
    ("rows", "ran_s", "after_s", "started"),
    [
        (20_000, 30, 1, 1),
        (19_999, 30, 1, 0),
        (20_000, 30, -1, 0),
        (1, 601, 1, 1),
        (1, 599, 1, 0),
        (1, 601, -1, 0),
    ],
)
def test_much_or_old_starts_the_shipper(
    tmp_path: Path, rows: int, ran_s: int, after_s: int, started: int
) -> None:
    place = _Place(tmp_path, ran_s)
    place.sealed(rows, after_s=after_s)
    place.departures.settle(1)
    assert len(place.starts) == started


def test_who_has_joined_nothing_starts_no_shipper(tmp_path: Path) -> None:
    place = _Place(tmp_path, 601)
    place.sealed(20_000)
    place.enrolment.unlink()
    place.departures.settle(1)
    assert place.starts == []


@pytest.mark.parametrize("left", ["000000000001-0123456789ab.n1.batch", "erase/1.json"])
def test_what_is_left_in_the_outbox_starts_the_shipper(tmp_path: Path, left: str) -> None:
    place = _Place(tmp_path, 601)
    path = tmp_path / "outbox" / left
    path.parent.mkdir(parents=True)
    path.touch()
    place.departures.settle(1)
    assert len(place.starts) == 1


def test_a_clock_that_was_set_back_starts_the_shipper(tmp_path: Path) -> None:
    place = _Place(tmp_path, -86_400)
    place.sealed(1, after_s=-86_400)
    place.departures.settle(1)
    assert len(place.starts) == 1


def test_a_shipper_that_was_started_is_given_time(tmp_path: Path) -> None:
    place = _Place(tmp_path, 601)
    place.sealed(1)
    for at_s in (1, 2, 600, 602):
        place.departures.settle(at_s * S)
    assert len(place.starts) == 2
