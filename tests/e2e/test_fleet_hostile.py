"""Hostile bodies and stalled requests: the short form of scripts/proofs/hostile."""

import asyncio
from pathlib import Path

import pytest

from scripts.proofs.hostile import prove

# A second where the service has ten, so that a test does not wait for what stalls.
QUICK = "head_and_body_ms = 1000\nidle_ms = 1000\n"


@pytest.mark.linux
@pytest.mark.slow
def test_hostile_bodies_cost_nobody_anything(tmp_path: Path) -> None:
    result = asyncio.run(prove(tmp_path, 600, 11, QUICK))
    assert (result["not_understood"], result["holds"]) == ([], True), result
