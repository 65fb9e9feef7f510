"""Front and store process killed under load: the short form of scripts/proofs/kills."""

import asyncio
from pathlib import Path

import pytest

from scripts.proofs.kills import Killing, Load, prove

LOAD = Load(laptops=4, days=2, commands=30, rows=150)
GOOD = {"lost_batches": 0, "lost_rows": 0, "twice": 0, "partial": 0, "altered": 0, "foreign": 0}


@pytest.mark.linux
@pytest.mark.slow
@pytest.mark.parametrize(("part", "rounds"), [("front", 2), ("store", 2)])
def test_nothing_acknowledged_is_lost_or_stored_twice(
    tmp_path: Path, part: str, rounds: int
) -> None:
    result = asyncio.run(prove(tmp_path, LOAD, Killing(part, rounds, most_ms=400)))
    assert {name: result[name] for name in GOOD} == GOOD
    assert (result["holds"], result["answers_lost"] > 0) == (True, True), result
