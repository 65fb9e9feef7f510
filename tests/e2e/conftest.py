"""What every end-to-end test starts from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def lodging() -> Iterator[Place]:
    """Yield a place on disk, where other accounts can come.

    Not among pytest's own folders: each run of pytest closes those of all runs to others.
    """
    somewhere = Place(Path(tempfile.gettempdir()))
    yield somewhere
    somewhere.close()
