"""The choice of a lifecycle backend is made again when it was made under bad circumstances."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from ptywrap import lifecycle
from ptywrap.lifecycle import selftest
from ptywrap.lifecycle.base import Event, Exit, Fork
from ptywrap.observe import sensors

BEST = lifecycle.here()[0]
PATIENCE_S = 10.0


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[sensors.Sensors]:
    """Yield sensors whose best backend had no time to prove itself, and will have it at once."""
    probe, _, _ = lifecycle.start(BEST)
    BEST.close()
    if not probe.usable:
        pytest.skip(f"{BEST.name}: {probe.reason}: {probe.remedy}")
    monkeypatch.setattr(sensors, "_FIRST_NS", 1)
    made = sensors.Sensors()
    with monkeypatch.context() as busy:
        busy.setattr(selftest, "LIMIT_NS", 0)
        made.start()
    yield made
    made.close()


def until_best(made: sensors.Sensors) -> list[Event]:
    """What is told until the best backend has taken over and has told what it met."""
    told: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while made.names != [BEST.name] and time.monotonic() < deadline:
        told += made.read()
    return told + made.read()


@pytest.mark.linux
def test_a_backend_that_had_no_time_for_its_test_is_not_chosen(hurried: sensors.Sensors) -> None:
    assert (hurried.ready, BEST.name in hurried.names) == (True, False)


@pytest.mark.linux
def test_a_backend_that_failed_its_test_takes_over_once_it_passes(hurried: sensors.Sensors) -> None:
    hurried.follow(os.getpid())
    until_best(hurried)
    assert hurried.names == [BEST.name]


@pytest.mark.linux
def test_who_takes_over_tells_the_end_of_what_lived_before(hurried: sensors.Sensors) -> None:
    living = subprocess.Popen(["sleep", "60"])
    try:
        hurried.follow(os.getpid())
        told = until_best(hurried)
    finally:
        living.kill()
        living.wait()
    deadline = time.monotonic() + PATIENCE_S
    ends: list[Event] = []
    while not ends and time.monotonic() < deadline:
        ends = [e for e in hurried.read() if isinstance(e, Exit) and e.pid == living.pid]
    births = {e.start_ticks for e in told if isinstance(e, Fork) and e.pid == living.pid}
    assert births == {e.start_ticks for e in ends if isinstance(e, Exit)}


@pytest.mark.linux
def test_while_nobody_is_followed_nothing_is_tested(hurried: sensors.Sensors) -> None:
    before = hurried.names
    for _ in range(3):
        hurried.read()
    assert hurried.names == before
