"""One device floods: the short form of scripts/proofs/flood, without its times."""

import asyncio
from pathlib import Path

import pytest

from scripts.proofs.flood import prove


@pytest.mark.linux
@pytest.mark.slow
def test_a_flooder_is_told_to_wait_and_the_others_are_not(tmp_path: Path) -> None:
    result = asyncio.run(prove(tmp_path, 800, 0.5))
    assert set(result["polite_statuses"]) == {200}
    assert result["flooder_statuses"][429] > 0
