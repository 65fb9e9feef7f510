"""A machine that has something to send, and a service to send it to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import build, faults, joined
from tests.home import Home
from tests.shipping import Machine


@pytest.fixture
def machine(home: Home) -> Machine:
    """Give the machine of a home, with one command in its spool."""
    state = Path(home.environ["XDG_STATE_HOME"], "ptywrap")
    state.mkdir(mode=0o700)
    (state / "device").write_text(build.DEVICE)
    made = Machine(state)
    made.seal(build.a_command(), build.a_process())
    return made


@pytest.fixture
def it() -> Iterator[faults.Service]:
    """Run a service that enrols whoever asks."""
    with faults.service() as made:
        made.enrolling = dict(joined.GRANTED)
        yield made
