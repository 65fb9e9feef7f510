"""Flows of nobody: told to the host session, counted, and they name nobody."""

from pathlib import Path

import pytest

from netsniff.model import Connection
from ptywrap import wire
from ptywrap.observe.identity import Identity
from ptywrap.observe.network_strays import Strays
from ptywrap.observe.recorder import Recorder
from ptywrap.observe.times import Times
from ptywrap.spool import Spool
from tests import build
from tests.ptywrap.observe.test_network_flows import a_connection, a_flow

IDENTITY = Identity("ada", build.DEVICE, build.BOOT)
S = 1_000_000_000
MINUTE = 60 * S
MANY = 300


class Kept:
    """Strays of a machine, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        spool = Spool(folder / "spool", build.a_segment, lambda: 0)
        self._recorder = Recorder(spool, lambda fact: fact, folder / "paused")
        times = Times()
        times.note(0, build.AT)
        self.strays = Strays(self._recorder, times, IDENTITY)
        self.strays.settle(0, running=False)

    def told(self, *connections: Connection, ran_ns: int | None = 2 * S) -> list[wire.Fact]:
        """Return what is told of connections that are over; a command ran until a moment."""
        if ran_ns is not None:
            self.strays.ran(ran_ns)
        with self._recorder.holding() as facts:
            self.strays.miss(self.strays.doubted(connections))
            for number, one in enumerate(connections):
                self.strays.add(a_flow(id=number + 1, loopback=one.loopback), one)
        return facts

    def settled(self, now_ns: int) -> list[wire.Fact]:
        """Return what is told when time has gone by."""
        with self._recorder.holding() as facts:
            self.strays.settle(now_ns, running=False)
        return facts


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Return strays without any."""
    return Kept(tmp_path)


def nobodys(number: int = 1, *, loopback: bool = False) -> Connection:
    """Return a connection of nobody that ended two seconds after boot."""
    pid = {"pid": None, "process_ticks": None, "pid_confidence": "none"}
    return a_connection(cookie=number, loopback=loopback, **pid)


def test_one_is_told_to_the_host_session_and_names_nobody(kept: Kept) -> None:
    _, flow = kept.told(nobodys())
    assert isinstance(flow, wire.Flow)
    assert (flow.session, flow.command, flow.pid_confidence) == (IDENTITY.host_session, 0, "none")
    assert (flow.remote_host, flow.remote_address, flow.pid) == (None, None, None)
    assert flow.received_bytes == 5_000


def test_those_that_left_the_machine_are_one_loss(kept: Kept) -> None:
    loss = kept.told(nobodys(1), nobodys(2), nobodys(3, loopback=True))[0]
    assert isinstance(loss, wire.Loss)
    assert (loss.missed, loss.reason) == (2, "nobody was found who held them")
    assert (loss.since, loss.until) == (build.AT + 2 * S, build.AT + 2 * S)


def test_one_is_missed_once(kept: Kept) -> None:
    kept.strays.ran(2 * S)
    assert [len(kept.strays.doubted([nobodys()])) for _ in range(2)] == [1, 0]


def test_while_nothing_runs_nothing_is_told(kept: Kept) -> None:
    assert kept.told(nobodys(), ran_ns=None) == []


def test_more_than_some_hundred_in_a_minute_are_one_row(kept: Kept) -> None:
    told = kept.told(*map(nobodys, range(1, MANY + 1)))
    rows = [fact for fact in told if isinstance(fact, wire.Flow)]
    (rest,) = kept.settled(MINUTE)
    assert isinstance(rest, wire.Flow)
    assert (len(rows), rest.received_bytes) == (256, 5_000 * (MANY - 256))


def test_when_the_others_are_told_is_known(kept: Kept) -> None:
    before = kept.strays.due_ns()
    kept.told(*map(nobodys, range(1, MANY + 1)))
    assert (before, kept.strays.due_ns()) == (None, MINUTE)
