"""What every end-to-end test starts from."""

from collections.abc import Iterator

import pytest

from tests.e2e.observing import Observing
from tests.e2e.places import Place


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a throw-away place and end everything that was started in it."""
    somewhere = Place()
    yield somewhere
    somewhere.close()


@pytest.fixture
def observing(place: Place) -> Iterator[Observing]:
    """Yield the observer of a place, ready."""
    found = Observing(place)
    found.start()
    yield found
    found.close()
