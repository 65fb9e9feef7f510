"""What suites of engines start from: servers that are there once for all of a process's tests."""

from collections.abc import Iterator

import pytest

from tests.ingest import cluster


@pytest.fixture(scope="session")
def shards() -> Iterator[list[cluster.Server]]:
    """Yield two running servers of ClickHouse, or skip."""
    made = cluster.servers(2)
    yield made
    for server in made:
        server.close()
