"""What one shipper leaves to the next: a wait that no clock can make endless."""

import time
from pathlib import Path

import pytest

from ptywrap.ship import state
from ptywrap.ship.state import State

DAY_NS = 86_400 * 1_000_000_000


def test_a_failure_is_remembered_with_its_wait(tmp_path: Path) -> None:
    state.write(tmp_path, State(sent_at=5).failed("no answer in time", 90.0))

    found = state.read(tmp_path)
    assert (found.failures, found.error, found.sent_at) == (1, "no answer in time", 5)
    assert 80 < found.wait_s() <= 90


def test_what_went_well_starts_anew(tmp_path: Path) -> None:
    state.write(tmp_path, State(rejected="400: no").failed("x", 90.0, asked=True).went())

    found = state.read(tmp_path)
    assert (found.failures, found.wait_s(), found.asked, found.error) == (0, 0.0, False, None)
    assert found.rejected == "400: no"
    assert found.sent_at is not None
    assert abs(time.time_ns() - found.sent_at) < 60_000_000_000


@pytest.mark.parametrize("days", [-400, -3, -1, 1, 3, 400])
def test_a_clock_that_jumped_makes_no_wait_longer(tmp_path: Path, days: int) -> None:
    (tmp_path / "state.json").write_text(
        f'{{"failures": 9, "not_before": {time.time_ns() + days * DAY_NS}}}'
    )

    assert state.read(tmp_path).wait_s() == 0.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"failures": "many"}', "\xff"])
def test_what_cannot_be_read_is_a_fresh_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text, encoding="latin-1")

    assert state.read(tmp_path) == State()


def test_a_folder_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    state.write(tmp_path / "nowhere", State())

    assert state.read(tmp_path / "nowhere") == State()
