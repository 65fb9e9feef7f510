"""A machine with facts to ship: folders of its own, segments on demand, voyages in a hurry."""

import itertools
from pathlib import Path
from typing import Any

from ptywrap import clock, spool, wire
from ptywrap.enrolment import Enrolment
from ptywrap.outbox import Outbox
from ptywrap.ship import packing
from ptywrap.ship.courier import Deadlines
from ptywrap.ship.voyage import Load, Pace, Voyage
from tests import build, faults
from tests.home import Home

TENANT = "t" * 32
HURRY = Pace(between_s=0.0, patience_s=20.0, stretch=0.02)
SHORT = Deadlines(connect_s=0.4, read_s=0.3, total_s=0.6)


def everything(fact: wire.Fact) -> wire.Fact | None:
    """Let a fact leave as it is, but for what never does."""
    return None if isinstance(fact, wire.Commit) else fact


def an_enrolment(url: str = "http://127.0.0.1:1", **changes: Any) -> Enrolment:
    """Return an enrolment of a moment ago."""
    now = clock.wall_ns()
    values: dict[str, Any] = {
        "url": url,
        "token": "token-of-a-device",
        "tenant": TENANT,
        "tenant_key": "ab" * 32,
        "person": "p1",
        "joined_at": now,
        "rotated_at": now,
    }
    return Enrolment(**(values | changes))


def machine_of(home: Home) -> "Machine":
    """Return the machine whose folders a home's are."""
    state = Path(home.environ["XDG_STATE_HOME"], "ptywrap")
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "device").write_text(build.DEVICE)
    return Machine(state)


class Machine:
    """One device's folders below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.device = folder / build.DEVICE
        self.spool = self.device / "spool"
        self.archive = self.device / "archive"
        self.header = build.a_segment()
        ticks = itertools.count(step=1_000_000)
        self._writer = spool.Spool(self.spool, lambda: self.header, lambda: next(ticks))
        self.places = (self.spool, self.archive)

    def seal(self, *facts: wire.Fact) -> str:
        """Seal facts; return the stem of their segment."""
        for fact in facts:
            assert self._writer.append(fact)
        path = self._writer.seal()
        assert path is not None
        return path.name.partition(".")[0]

    def outbox(self, tenant: str = TENANT) -> Outbox:
        """Open the outbox anew, as the next shipper will."""
        return Outbox(self.device, tenant)

    def pack(self, project: packing.Project = everything) -> Outbox:
        """Pack what is sealed; return the outbox."""
        outbox = self.outbox()
        packing.pack(outbox, self.places, project)
        return outbox

    def voyage(self, url: str, **changes: Any) -> Voyage:
        """Return a voyage that waits for nothing longer than a test may."""
        values: dict[str, Any] = {
            "folders": self.places,
            "project": everything,
            "held": lambda: None,
            "pace": HURRY,
            "deadlines": SHORT,
        }
        enrolled = changes.pop("enrolled", an_enrolment(url))
        return Voyage(enrolled, self.outbox(), Load(**(values | changes)))


def losses(number: int, first: int = 0) -> list[wire.Fact]:
    """Return so many facts, each its own."""
    return [build.a_loss(since=first + place) for place in range(number)]


def stored(it: faults.Service) -> list[wire.Fact]:
    """Return the facts that a service has, in the order of their batches."""
    bodies = [it.stored[name] for name in sorted(it.stored)]
    return [fact for body in bodies for fact in packing.opened(body)[1]]


def since(facts: list[wire.Fact]) -> list[int]:
    """Return what tells the facts of `losses` apart."""
    return sorted(fact.since for fact in facts if isinstance(fact, wire.Loss))


def counted(machine: Machine) -> dict[str, int]:
    """Return what the list says became of all facts; it adds up, or the test has failed."""
    counts = machine.outbox().deliveries.counts()
    dropped = sum(counts.dropped.values())
    assert counts.accepted == counts.waiting + counts.delivered + dropped
    return {"waiting": counts.waiting, "delivered": counts.delivered, "dropped": dropped}
