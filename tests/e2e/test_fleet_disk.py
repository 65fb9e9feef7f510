"""A disk that fills under load: the short form of scripts/proofs/disk_full."""

import asyncio
from pathlib import Path

import pytest

from scripts.proofs.disk_full import Disk, prove


@pytest.mark.linux
@pytest.mark.root
@pytest.mark.slow
def test_a_full_disk_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    try:
        result = asyncio.run(prove(tmp_path, Disk(96, 1, 1.0), guarded=False))
    except PermissionError as error:
        pytest.skip(f"no file system can be mounted: run the tests where mount works ({error})")
    assert result["holds"], result
