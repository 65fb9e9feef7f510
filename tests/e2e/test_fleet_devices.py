"""Laptops with shippers of their own, killed: the short form of scripts/proofs/devices."""

import asyncio
from pathlib import Path

import pytest

from scripts.proofs.devices import Plan, prove


@pytest.mark.linux
@pytest.mark.slow
def test_what_a_spool_accepted_arrives_once(tmp_path: Path) -> None:
    plan = Plan(laptops=2, killed=1, ships_killed=2, facts=300, pace_ms=30)
    result = asyncio.run(prove(tmp_path, plan))
    assert result["holds"], result
