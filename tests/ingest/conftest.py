"""What tests of the store process start from."""

from collections.abc import Iterator

import pytest

from tests.ingest.laptop import Laptop
from tests.ingest.service import Service


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """Yield folders with no process over them yet."""
    made = Laptop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """Yield a service that runs for the whole module."""
    made = Service().start()
    yield made
    made.close()
