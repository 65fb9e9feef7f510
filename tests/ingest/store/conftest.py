"""What tests of engines start from: servers that are there once for all of a process's tests."""

from collections.abc import Iterator

import pytest

from tests.ingest import cluster


@pytest.fixture(scope="session")
def server() -> Iterator[cluster.Server]:
    """Yield a running server of ClickHouse, or skip."""
    (made,) = cluster.servers(1)
    yield made
    made.close()
