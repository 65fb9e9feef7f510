"""One voyage of the shipper: erase what is to be erased, pack what is sealed, send what waits.

Short-lived: it ends when nothing waits, when the service wants no more of this device, or when the
next attempt lies further ahead than it has patience for. The next one goes on where it ended.
"""

import asyncio
import logging
import secrets
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ptywrap import clock, enrolment, spool, wire
from ptywrap.enrolment import Enrolment
from ptywrap.errors import UserError
from ptywrap.outbox import Body, Outbox
from ptywrap.quota import Limits
from ptywrap.ship import erasure, losses, packing, state
from ptywrap.ship.courier import Courier, Deadlines, Route
from ptywrap.ship.verdict import Answer, Meaning, Verdict, verdict, wait_s

_LOG = logging.getLogger(__name__)
_STOPPED_S = 3600.0
_chance = secrets.SystemRandom()


class Pace(NamedTuple):
    """Seconds between two batches and of all waiting, and what each wait is multiplied by."""

    between_s: float = 1.0
    patience_s: float = 60.0
    stretch: float = 1.0


class Load(NamedTuple):
    """What a voyage is about: spool and archive, what may leave of a fact, whether to wait."""

    folders: tuple[Path, Path]
    project: packing.Project
    held: Callable[[], str | None]
    """Says why nothing may leave now; asked before each request."""
    limits: Limits = Limits()
    proxy: str | None = None
    ca_file: str | None = None
    pace: Pace = Pace()
    deadlines: Deadlines = Deadlines()
    tell: Callable[[int, int], object] = lambda _sent, _wait: None
    """Told how many batches were sent and how many of those at hand wait, after each."""


class Done(NamedTuple):
    """What one voyage did: batches and facts that arrived, rows refused, batches set aside."""

    batches: int = 0
    facts: int = 0
    refused: int = 0
    rejected: int = 0


class Voyage:
    """One voyage; whoever makes it holds `shipper.lock`."""

    def __init__(self, enrolled: Enrolment, outbox: Outbox, load: Load) -> None:
        self._enrolled = enrolled
        self._outbox = outbox
        self._load = load
        self._queue: list[Body] = []
        self._next_at = 0.0
        self._patience_s = load.pace.patience_s
        self.state = msgspec.structs.replace(state.read(outbox.folder), held=None)
        self.done = Done()

    def run(self, *, asked: bool = False) -> Done:
        """Make the voyage; one that a user `asked` for heeds only a wait the service asked for."""
        if not erasure.under_way(self._outbox.folder):
            self._pack()
        if self.state.wait_s() and not (asked and not self.state.asked):
            return self.done
        try:
            asyncio.run(self._sail())
        except UserError as error:
            self._keep(self.state.failed(error.message, 0.0))
            raise
        state.write(self._outbox.folder, self.state)
        self._own_up()
        return self.done

    def _own_up(self) -> None:
        """Keep to the quota, last: what could be sent has gone by now."""
        try:
            losses.own_up(self._outbox, self._load.folders[0], self._load.limits)
        except OSError as error:
            _LOG.warning("losses cannot be told: errno %s", error.errno)

    async def _sail(self) -> None:
        route = Route(
            self._enrolled.url,
            self._enrolled.token,
            self._load.proxy,
            self._load.ca_file,
            self._load.deadlines,
        )
        async with Courier(route) as courier:
            try:
                going = await self._rotated(courier)
                while going:
                    going = await self._next(courier)
            except OSError as error:
                _LOG.warning("the outbox cannot be written: errno %s", error.errno)
                self._keep(self.state.failed(f"no room to work in: {error.strerror}", 0.0))

    async def _next(self, courier: Courier) -> bool:
        """Do the next thing there is to do; False where the voyage ends."""
        held = self._load.held()
        if held is None and erasure.under_way(self._outbox.folder):
            held = "something is being forgotten"
        if held is not None:
            self._keep(msgspec.structs.replace(self.state, held=held))
            return False
        requests = erasure.asked(self._outbox.folder)
        if requests:
            return await self._erase(courier, *requests[0])
        return await self._send(courier, self._queue[0]) if self._waits() else False

    def _waits(self) -> bool:
        """Say whether a body waits; what was sealed since is packed where none does."""
        self._queue = self._queue or self._outbox.waiting()
        if not self._queue:
            self._pack()
            self._queue = self._outbox.waiting()
        return bool(self._queue)

    def _pack(self) -> None:
        """Pack what is sealed, less what is to be forgotten. A full disk only costs this time."""
        try:
            for _, request in erasure.asked(self._outbox.folder):
                erasure.carry_out(self._outbox, request)
            spool.adopt(self._load.folders[0])
            packing.pack(self._outbox, self._load.folders, self._load.project)
            self._outbox.trim(packing.unpacked(self._load.folders, ()))
        except OSError as error:
            _LOG.warning("packing failed: errno %s", error.errno)

    async def _send(self, courier: Courier, body: Body) -> bool:
        await asyncio.sleep(max(self._next_at - time.monotonic(), 0.0))
        began = time.monotonic()
        batch = self._outbox.batch_id(body.name)
        try:
            self._outbox.tried(body)
            data = body.path.read_bytes()
        except FileNotFoundError:  # the observer had to make room
            self._queue = self._queue[1:]
            return True
        found = verdict(await courier.batch(data, batch), batch)
        match found.meaning:
            case Meaning.KEPT:
                self._outbox.sent(body, found.refused)
                self._count(batches=1, facts=body.facts, refused=found.refused)
            case Meaning.WRONG:
                self._set_aside(body, found)
            case Meaning.HALVE:
                self._halve(body, data, found)
            case _:
                return await self._again(found)
        self._queue = self._queue[1:] if found.meaning != Meaning.HALVE else []
        self.state = self.state.went()
        self._next_at = began + self._load.pace.between_s
        self._load.tell(self.done.batches, len(self._queue))
        return True

    async def _erase(self, courier: Courier, path: Path, request: erasure.Erasure) -> bool:
        """Have the service erase what was forgotten here."""
        self._queue = []
        erasure.carry_out(self._outbox, request)
        if request.commands is None:
            for query in _queries(request):
                found = _yes(await courier.ask("DELETE", f"/v1/me{query}"))
                if found.meaning == Meaning.WRONG:
                    # It will never say yes; what is forgotten here must not stop all the rest.
                    self.state = msgspec.structs.replace(
                        self.state, rejected=f"erasure: {found.why}"
                    )
                elif found.meaning != Meaning.KEPT:
                    return await self._again(found)
        path.unlink(missing_ok=True)
        return True

    async def _rotated(self, courier: Courier) -> bool:
        """Have a token of thirty days replaced; the old one is good for a day more."""
        enrolled = self._enrolled
        age = clock.wall_ns() - enrolled.rotated_at
        if self._load.held() is not None or 0 <= age < enrolment.ROTATE_NS:
            return True
        answer = await courier.ask("POST", "/v1/rotate")
        token = answer.body.get("token") if answer.body is not None else None
        if not 200 <= answer.status < 300 or not isinstance(token, str):
            found = _yes(answer)
            return await self._again(found) if found.meaning == Meaning.STRANGER else True
        self._enrolled = msgspec.structs.replace(enrolled, token=token, rotated_at=clock.wall_ns())
        enrolment.write(self._enrolled)
        courier.bear(token)
        return True

    async def _again(self, found: Verdict) -> bool:
        """Wait as long as it takes, if there is so much patience."""
        if found.meaning == Meaning.STRANGER:
            stopped = self.state.failed(found.why, _STOPPED_S)
            self._keep(msgspec.structs.replace(stopped, stopped=True))
            return False
        wait = found.retry_after_s
        if wait is None:
            drawn = wait_s(self.state.failures, _chance.random())
            wait = drawn * self._load.pace.stretch
        self._keep(self.state.failed(found.why, wait, asked=found.retry_after_s is not None))
        self._patience_s -= wait
        if self._patience_s < 0:
            return False
        await asyncio.sleep(wait)
        return True

    def _set_aside(self, body: Body, found: Verdict) -> None:
        _LOG.warning("a batch was rejected")
        self._outbox.rejected(body)
        self._count(rejected=1)
        self.state = msgspec.structs.replace(self.state, rejected=found.why)

    def _halve(self, body: Body, data: bytes, found: Verdict) -> None:
        """Send what was too large as two; what cannot be halved will never be taken."""
        try:
            header, facts = packing.opened(data)
        except wire.Unreadable:
            facts = []
        if len(facts) < 2:
            self._set_aside(body, found)
            return
        stems = self._outbox.deliveries.entries[body.name].stems
        made = [
            one
            for number, half in enumerate(packing.halves(facts))
            for one in packing.made(f"{body.name}.{number}", header, half, stems)
        ]
        self._outbox.keep(made, [body.name])

    def _count(self, **more: int) -> None:
        sums = {name: getattr(self.done, name) + number for name, number in more.items()}
        self.done = self.done._replace(**sums)

    def _keep(self, found: state.State) -> None:
        self.state = found
        state.write(self._outbox.folder, found)


def _yes(answer: Answer) -> Verdict:
    """Return what an answer to anything but a batch means."""
    if answer.body is not None and 200 <= answer.status < 300:
        return Verdict(Meaning.KEPT)
    return verdict(answer, "")


def _queries(request: erasure.Erasure) -> list[str]:
    """Return the queries that ask for what is to be erased: one for each repository."""
    since = [] if request.since is None else [("since", str(request.since))]
    pairs = [since] if request.repos is None else [[*since, ("repo", one)] for one in request.repos]
    return [f"?{urllib.parse.urlencode(pair)}" if pair else "" for pair in pairs]
