"""A machine that has something to send, and a service to send it to."""

from collections.abc import Iterator

import pytest

from tests import build, faults, joined, shipping
from tests.home import Home
from tests.shipping import Machine


@pytest.fixture
def machine(home: Home) -> Machine:
    """Give the machine of a home, with one command in its spool."""
    made = shipping.machine_of(home)
    made.seal(build.a_command(), build.a_process())
    return made


@pytest.fixture
def it() -> Iterator[faults.Service]:
    """Run a service that enrols whoever asks."""
    with faults.service() as made:
        made.enrolling = dict(joined.GRANTED)
        yield made
