"""Whatever happens in whatever order: nothing is lost untold, and a name has one set of bytes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from ptywrap import quota, segments, wire
from ptywrap.outbox import Outbox
from ptywrap.quota import Limits
from ptywrap.setup import join
from ptywrap.ship import erasure, packing
from ptywrap.ship.erasure import Erasure
from tests import build, shipping
from tests.shipping import Machine

MEMORY = Path("/dev/shm")
BOOTS = ("one", "two")
STEPS = [
    *[some.tuples(some.just("seal"), some.integers(2, 5), some.sampled_from(BOOTS))] * 3,
    *[some.tuples(some.just("pack"))] * 3,
    *[some.tuples(some.just("send"), some.sampled_from(["later", "lost"]))] * 3,
    some.tuples(some.just("send"), some.sampled_from(["kept", "wrong", "halve"])),
    some.tuples(some.sampled_from(["archive", "die", "leave"])),
    some.tuples(some.just("be_killed"), some.sampled_from(["move", "body", "torn"])),
    *[some.tuples(some.just("forget"), some.integers(1, 6))] * 2,
    some.tuples(some.just("evict"), some.integers(-100, 300)),
]


class World:
    """One machine, its shippers one after the other, and what a service would have stored."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.machine.archive.mkdir(parents=True)
        self.outbox = self.machine.outbox()
        self.stored: dict[str, bytes] = {}
        self.arrived: set[int] = set()
        self.bodies: dict[int, str] = {}
        self.sealed: set[int] = set()
        self.forgotten: set[int] = set()
        self.left: set[int] = set()
        self.next = 0

    def end(self) -> None:
        """Send what is left, then look for every fact."""
        self.pack()
        while self.outbox.waiting():
            self.send("kept")
        missing = self.sealed - self.forgotten - self.left - self.arrived
        assert len(missing) <= sum(self.outbox.deliveries.counts().dropped.values())
        assert not self.arrived & self.forgotten

    def seal(self, number: int, boot: str) -> None:
        """Seal so many facts."""
        self.machine.header = build.a_segment(boot_id=boot)
        self.machine.seal(*shipping.losses(number, self.next))
        self.sealed |= set(range(self.next, self.next + number))
        self.next += number

    def archive(self) -> None:
        """Let the local store take what is sealed."""
        for path in segments.sealed(self.machine.spool):
            path.rename(self.machine.archive / path.name)

    def send(self, answer: str) -> None:
        """Send the oldest body, to this answer."""
        if self.outbox.waiting():
            self._answered(answer)

    def die(self) -> None:
        """Let another shipper go on."""
        self.outbox = self.machine.outbox()

    def be_killed(self, kind: str) -> None:
        """Leave behind what a kill -9 between a file and its line does."""
        bodies = self.outbox.waiting()
        listed = self.outbox.folder / "packed"
        if kind == "torn":
            with listed.open("ab") as file:
                file.write(b"packed half")
        elif bodies and kind == "move" and self.outbox.deliveries.entries[bodies[0].name].tried:
            body = bodies[0]
            self._store(body.path.read_bytes(), self.outbox.batch_id(body.name))
            body.path.rename(self.outbox.sent_folder / body.path.name)
        elif kind == "body":
            stray = f"{self.next:012d}-ffffffffffff.n3.batch"
            (self.outbox.folder / stray).write_bytes(b"half")
        self.outbox = self.machine.outbox()

    def leave(self) -> None:
        """Leave the service and join it again."""
        facts = [fact for body in self.outbox.waiting() for fact in _facts(body.path)]
        held = [fact for path in self._segments() for fact in segments.facts(path)]
        # What waits and is nowhere else is deleted with the rest of the outbox.
        self.left |= set(shipping.since(facts)) - set(shipping.since(held))
        join.empty(self.machine.device)
        self.outbox = self.machine.outbox()
        self.bodies.clear()

    def forget(self, newest: int) -> None:
        """Forget so many of the newest facts, here and at the service."""
        since = max(self.next - newest, 0)
        request = erasure.begin(self.outbox.folder, Erasure(since=since))
        for path in [*self._segments()]:
            _rewrite(path, since)
        path = erasure.ask(request)
        erasure.carry_out(self.outbox, Erasure(since=since))
        self.forgotten |= set(range(since, self.next))
        self.arrived -= self.forgotten
        self.bodies.clear()
        path.unlink()

    def evict(self, over: int) -> None:
        """Let the observer make room for so many bytes."""
        held = sum(path.stat().st_size for path in self.machine.device.rglob("*"))
        limits = Limits(most_bytes=held - over, keep_free_bytes=0)
        quota.evict(self.machine.spool, limits)
        self.outbox = self.machine.outbox()

    def adds_up(self) -> bool:
        """Hold the list against itself and against the files."""
        counts = self.outbox.deliveries.counts()
        there = sum(body.facts for body in self.outbox.waiting())
        dropped = sum(counts.dropped.values())
        told = counts.waiting + counts.delivered + dropped
        return counts.waiting == there and counts.accepted == told

    def pack(self) -> None:
        """Pack what is sealed."""
        packing.pack(self.outbox, self.machine.places, shipping.everything)
        self.outbox.trim(packing.unpacked(self.machine.places, ()))

    def _segments(self) -> Iterator[Path]:
        for place in self.machine.places:
            yield from segments.sealed(place)

    def _answered(self, answer: str) -> None:
        body = self.outbox.waiting()[0]
        self.outbox.tried(body)
        data = body.path.read_bytes()
        if answer in {"kept", "lost"}:
            self._store(data, self.outbox.batch_id(body.name))
        if answer == "kept":
            self.outbox.sent(body, 0)
        elif answer == "wrong":
            self.outbox.rejected(body)
        elif answer == "halve" and self.outbox.batch_id(body.name) not in self.stored:
            _halve(self.outbox)

    def _store(self, data: bytes, name: str) -> None:
        assert self.stored.setdefault(name, data) == data
        for fact in packing.opened(data)[1]:
            assert isinstance(fact, wire.Loss)
            # What may have arrived in one body is in no other, but where some of it was forgotten.
            assert self.bodies.setdefault(fact.since, name) == name
            self.arrived.add(fact.since)


def _facts(body: Path) -> list[wire.Fact]:
    return packing.opened(body.read_bytes())[1]


def _halve(outbox: Outbox) -> None:
    body = outbox.waiting()[0]
    header, facts = packing.opened(body.path.read_bytes())
    if len(facts) > 1:
        stems = outbox.deliveries.entries[body.name].stems
        made = [
            one
            for number, half in enumerate(packing.halves(facts))
            for one in packing.made(f"{body.name}.{number}", header, half, stems)
        ]
        outbox.keep(made, [body.name])


def _rewrite(path: Path, since: int) -> None:
    """Take facts out of a segment, as the local store does."""
    kept = [f for f in segments.facts(path) if not (isinstance(f, wire.Loss) and f.since >= since)]
    if len(kept) > 1:
        data = b"".join(wire.frame(seq, wire.encode(fact)) for seq, fact in enumerate(kept))
        fresh = path.with_name(f"{segments.stem(path)}.n{len(kept) - 1}.seg")
        fresh.write_bytes(data)
        if fresh == path:
            return
    os.unlink(path)


@settings(max_examples=200, deadline=None)
@given(some.lists(some.sampled_from(STEPS).flatmap(lambda step: step), min_size=8, max_size=40))
def test_in_any_order_every_fact_arrives_or_is_counted(steps: list[tuple[Any, ...]]) -> None:
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="model-", dir=base) as folder:
        world = World(Path(folder))
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
            assert world.adds_up()
        world.end()
