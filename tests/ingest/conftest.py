"""What tests of the store process start from."""

from collections.abc import Iterator

import pytest

from tests.ingest.laptop import Laptop


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """Yield folders with no process over them yet."""
    made = Laptop()
    yield made
    made.close()
