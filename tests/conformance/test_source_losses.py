"""What a source could not see is told with its number: its listener is stopped in a storm."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netsniff import sources
from netsniff.sources.base import Promise

pytestmark = [
    pytest.mark.linux,
    pytest.mark.root,
    pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare: install util-linux"),
]
ROOT = Path(__file__).parents[2]
PAIRS = 7500
"""Both ends die: some 2000 more than the 16 MiB that 8 MiB of buffer are to the kernel hold."""
LISTENERS = 1


def storm(name: str) -> dict[str, Any]:
    """What was told and missed of a storm, in a network namespace of its own."""
    probes = {each.name: each.probe() for each in sources.here()}
    if name not in probes or not probes[name].usable:
        pytest.skip(f"{name} cannot be used here: {probes.get(name)}")
    argv = ["unshare", "--net", sys.executable, "-m", "tests.conformance.source_storm"]
    argv += [name, str(PAIRS)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def claimants() -> list[str]:
    """The sources that promise it."""
    return [each.name for each in sources.here() if Promise.TELLS_LOSS in each.promises]


@pytest.mark.parametrize("name", claimants())
def test_what_was_lost_is_told_and_what_comes_after_is_seen(name: str) -> None:
    told = storm(name)
    lost = told["made"] - told["told"]
    assert told["made"] == 2 * PAIRS
    assert sum(told["missed"]) >= lost
    if name == "sock_diag":
        assert lost > 0
        assert sum(told["missed"]) - lost in {0, LISTENERS}
    assert all(-5_000_000_000 < since_ns < 5_000_000_000 for since_ns in told["since_ns"])
    assert (told["after"], told["missed_after"]) == (100, 0)
