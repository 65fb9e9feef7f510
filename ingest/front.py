"""What every request of the service finds: settings, who is who, the journal, the store."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from aiohttp import web

from ingest import tokens
from ingest.auth import Auth, Denied, Identity
from ingest.child import Child
from ingest.config import ServerConfig
from ingest.connections import Connections
from ingest.journal import START, Journal, Position
from ingest.known import Known
from ingest.limits import Limits
from ingest.metrics import Numbers
from ingest.room import Room, Seen
from ingest.sessions import Sessions
from ingest.store.base import Log, Row, StoreError, Totals
from ingest.store.questions import Owner

DEVICE = "device"
ENROLMENT = "enrolment"
"""The role of who brings an enrolment secret; the handler itself looks at it."""
_LOOK_SECONDS = 1.0
_STORE_SECONDS = 0.5
_TOTALS_SECONDS = 2.0
_FRESH_SECONDS = 0.1
_log = logging.getLogger(__name__)


class Answers(Protocol):
    """What the front asks of the store process."""

    async def mine(
        self, owner: Owner, limit: int | None = None, since_at: int | None = None
    ) -> Log:
        """Return a person's commands, newest first."""
        ...

    async def export(self, owner: Owner) -> dict[str, list[Row]]:
        """Return all rows about a person by table."""
        ...

    async def totals(self) -> Totals:
        """Return what was taken in since the store began."""
        ...

    async def position(self) -> tuple[int, int]:
        """Return the number and offset behind what it has of the journal."""
        ...


class Front:
    """The state of one front; to be made inside a running loop."""

    def __init__(self, data: Path, config: ServerConfig, store: Answers, child: Child) -> None:
        self.data = data
        self.config = config
        self.service = tokens.service(data)
        self.auth = Auth(data)
        self.journal = Journal(data / "journal")
        self.known = Known()
        self.numbers = Numbers()
        self.sessions = Sessions()
        self.store = store
        self.child = child
        self.connections: Connections | None = None
        self.stopping = False
        self.waiting_bytes = 0
        self.totals: Totals | None = None
        self.store_up = False
        self.position = START
        self._behind: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.limits = Limits(
            config.requests_per_second,
            config.bytes_per_minute,
            config.all_requests_per_second,
            self._loop.time(),
        )
        self.room = Room(data, config)
        self._answered_at = self._loop.time()
        self._measuring = asyncio.Lock()
        self._measured_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once at room and tokens, then go on looking."""
        await self.look()
        self._looking = self._loop.create_task(self._keep_looking())

    async def close(self) -> None:
        """Write what waits, then let go of everything."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*self._behind)
        await self.journal.close()
        await self.child.stop()

    def refusal(self) -> str:
        """Return why nothing can be taken in now, empty where it can."""
        return "the service is stopping" if self.stopping else self.room.refusal

    def take(self, who: str, size: int) -> None:
        """Take a request of so many bytes from the limits, or raise Denied."""
        seconds = self.limits.wait(who, size, self._loop.time())
        if seconds:
            raise Denied(429, "too many requests, or too many bytes", math.ceil(seconds))

    async def measure(self) -> None:
        """Look, and ask the store for its totals; those who ask at once share the answer."""
        async with self._measuring:
            if self._loop.time() - self._measured_at < _FRESH_SECONDS:
                return
            await self.look()
            try:
                async with asyncio.timeout(_TOTALS_SECONDS):
                    self.totals = await self.store.totals()
            except (StoreError, OSError, TimeoutError):
                # What was known last is right still: it only grows. Unknown is left out, never 0.
                self.store_up = False
            else:
                self.store_up = True
            self._measured_at = self._loop.time()

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that no request waits for."""
        task = self._loop.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()
            await self.auth.refresh()
            self.sessions.trim(self._loop.time())

    async def look(self) -> None:
        """Look at what the store has, the journal and the disk."""
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                self.position = Position(*await self.store.position())
            self._answered_at = self._loop.time()
        except (StoreError, OSError, TimeoutError):
            # What it had last is what it has at least.
            pass
        now = self._loop.time()
        seen = Seen(now, self.position, self.journal.written_bytes, now - self._answered_at)
        await asyncio.to_thread(self.room.look, seen)


class Call(NamedTuple):
    """One request as its handler gets it.

    `deadline` is the moment of the loop by which the body must be there; `identity` is None
    where the route is open, or takes a secret.
    """

    front: Front
    request: web.Request
    identity: Identity | None
    deadline: float
    limit: asyncio.Timeout

    def unhurried(self) -> None:
        """Let the answer take as long as the handler itself allows from here on."""
        self.limit.reschedule(None)

    @property
    def caller(self) -> Identity:
        """Return who asks, on a route that is not open."""
        if self.identity is None:
            raise Denied(401, "a token is missing")
        return self.identity

    @property
    def owner(self) -> Owner:
        """Return whose rows the caller may see."""
        return Owner(self.caller.tenant, self.caller.person)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def bearer(request: web.Request) -> str:
    """Return the secret of the Authorization header, empty where there is none."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def address(request: web.Request, config: ServerConfig) -> str:
    """Return who speaks: the peer, or whom the nearest proxy of ours heard it from."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    known = str(peer[0]) if isinstance(peer, tuple) else ""
    heard = request.headers.get("X-Forwarded-For", "").split(",")
    for one in reversed([part.strip() for part in heard if part.strip()]):
        if not config.trusts(known):
            break
        known = one
    return known


def origin(request: web.Request, config: ServerConfig) -> str:
    """Return how users reach us, as set, or else as this one did."""
    if config.origin:
        return config.origin.rstrip("/")
    peer = request.transport.get_extra_info("peername") if request.transport else None
    scheme = request.scheme
    if isinstance(peer, tuple) and config.trusts(str(peer[0])):
        scheme = request.headers.get("X-Forwarded-Proto", scheme)
    return f"{'https' if scheme == 'https' else 'http'}://{request.host}"


async def body(call: Call, limit: int) -> bytes:
    """Return the body, at most `limit` bytes and there by the deadline, or raise Denied."""
    size = call.request.content_length
    if size is None:
        raise Denied(411, "Content-Length is missing")
    if size > limit:
        raise Denied(413, f"a body has at most {limit} bytes")
    try:
        async with asyncio.timeout_at(call.deadline):
            found = await call.request.content.read(size)
            while len(found) < size:
                more = await call.request.content.read(size - len(found))
                if not more:
                    raise Denied(400, "the body ended early")
                found += more
    except TimeoutError:
        raise Denied(408, "the body did not come in time", 2) from None
    except (web.RequestPayloadError, ConnectionError):
        raise Denied(400, "the body ended early") from None
    return found
