"""Holds ClickHouse's modern versions, by way of chdb, to the same answers as Debian's (row 25)."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import store
from tests.conformance.test_store import EVERY, Check
from tests.ingest.batches import Asked

_SERVER = Path(__file__).parents[1] / "ingest" / "modern_server.py"
_PYTHON = "CHDB_PYTHON"

pytestmark = pytest.mark.cluster


def _python() -> str:
    """Return a Python that has chdb, or skip."""
    if _PYTHON in os.environ:
        return os.environ[_PYTHON]
    if importlib.util.find_spec("chdb") is None:
        pytest.skip(f"chdb is missing: pip install chdb, here or for the Python in {_PYTHON}")
    return sys.executable


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where a modern version listens."""
    folder = tmp_path_factory.mktemp("modern")
    argv = [_python(), str(_SERVER), str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline() or 0)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
def test_a_modern_version_gives_the_same_answers(address: str, check: Check) -> None:
    asked = Asked(store.open(f"clickhouse://{address}/test_{check.__name__}"))
    check(asked)
    asked.close()
