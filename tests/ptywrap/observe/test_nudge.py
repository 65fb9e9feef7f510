"""The store is started for what has waited long, or is much; otherwise nobody is."""

import os
import time
from pathlib import Path

import pytest

from ptywrap.observe.nudge import Nudge

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
