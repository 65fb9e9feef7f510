"""Who asks, by token; enrolment, rotation and leaving, each on stable storage before it is told."""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest import clock, tokens
from ingest.config import Refused
from ingest.tokens import Register, Token

_DEVICE = re.compile("[0-9a-f]{32}")
_log = logging.getLogger(__name__)


class Identity(NamedTuple):
    """Who asks: never what a body says, always what the token was made for."""

    digest: str
    role: str
    tenant: str
    team: str
    person: str
    device: str

    @property
    def limited(self) -> str:
        """Return under which name requests are counted: the device, or a token of none."""
        return f"{self.tenant}/{self.device or self.digest}"


class Denied(Exception):
    """It is not given: the HTTP status, why, and after how many seconds to come again."""

    def __init__(self, status: int, why: str, retry_seconds: int = 0) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.retry_seconds = retry_seconds


class Granted(NamedTuple):
    """A token in clear, the one time it is, and what it was made for."""

    secret: str
    token: Token


Change = Callable[[Register], Granted | None]


class Auth:
    """The register in memory, read again when its file changed, and the one who changes it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._stamp = tokens.stamp(data)
        self._register = tokens.read(data)
        self._changes: list[tuple[Change, asyncio.Future[Granted | None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def identity(self, secret: str) -> Identity | None:
        """Return whose token this is, None where it opens nothing now."""
        return self.of(tokens.digest(secret))

    def of(self, digest: str) -> Identity | None:
        """Return whose token has this SHA-256."""
        token = self._register.tokens.get(digest)
        if token is None or not token.usable(clock.wall_ns()):
            return None
        return Identity(digest, token.role, token.tenant, token.team, token.person, token.device)

    def told(self, tenant: str, person: str) -> list[dict[str, Any]]:
        """Return what is kept of a person's tokens, for the person's export."""
        return [
            {
                "role": token.role,
                "team": token.team,
                "device": token.device,
                "person": token.person,
                "made_at": token.made_at,
                "expires_at": token.expires_at or None,
                "revoked_at": token.revoked_at or None,
            }
            for token in self._register.tokens.values()
            if (token.tenant, token.person) == (tenant, person)
        ]

    async def refresh(self) -> None:
        """Read the file again where it changed, each second; a damaged one changes nothing."""
        stamp = tokens.stamp(self._data)
        if stamp == self._stamp:
            return
        try:
            self._register = await asyncio.to_thread(tokens.read, self._data)
        except (OSError, Refused) as error:
            _log.warning("tokens not read again: %s", error)
        self._stamp = stamp

    async def enrolled(self, secret: str, device: str) -> Granted:
        """Return a device's token: a new one for an enrolment secret, else its own, now bound."""
        if not _DEVICE.fullmatch(device):
            raise Denied(400, "device: not 32 hex digits")
        known = self._register.tokens.get(tokens.digest(secret))
        if known is not None and known.device == device and known.usable(clock.wall_ns()):
            return Granted(secret, known)
        return await self._granted(lambda register: _enrolled(register, secret, device))

    async def rotated(self, digest: str) -> Granted:
        """Return a new token in place of one, which is good for a day more."""
        return await self._granted(lambda register: _rotated(register, digest))

    async def left(self, identity: Identity) -> None:
        """Revoke the tokens of a device and its person."""
        await self._changed(lambda register: _left(register, identity))

    async def _granted(self, change: Change) -> Granted:
        granted = await self._changed(change)
        assert granted is not None
        return granted

    async def _changed(self, change: Change) -> Granted | None:
        """Change the register; those who come while it is being written share the next writing."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Granted | None] = loop.create_future()
        self._changes.append((change, done))
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._changes:
            group, self._changes = self._changes, []
            outcomes = await asyncio.to_thread(self._apply, [change for change, _ in group])
            for (_, done), outcome in zip(group, outcomes, strict=True):
                if done.done():
                    continue
                if isinstance(outcome, Denied):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)

    def _apply(self, changes: list[Change]) -> list[Granted | Denied | None]:
        outcomes: list[Granted | Denied | None] = []
        try:
            with tokens.changing(self._data, clock.wall_ns()) as register:
                for change in changes:
                    try:
                        outcomes.append(change(register))
                    except Denied as denied:
                        outcomes.append(denied)
        except (OSError, Refused) as error:
            _log.warning("tokens not written: %s", error)
            return [Denied(503, "tokens cannot be written now", 5)] * len(changes)
        self._register = register
        return outcomes


def _enrolled(register: Register, secret: str, device: str) -> Granted:
    now = clock.wall_ns()
    digest = tokens.digest(secret)
    found = register.secrets.get(digest)
    if found is None:
        return Granted(secret, _bound(register, digest, device))
    if not found.usable(now):
        raise Denied(403, "this enrolment secret is used up or too old: ask for a new one")
    register.secrets[digest] = msgspec.structs.replace(found, uses=found.uses - 1)
    new = tokens.made()
    token = Token(
        digest=tokens.digest(new),
        role="device",
        tenant=found.tenant,
        made_at=now,
        team=found.team,
        person=found.person or tokens.pseudonym(),
        device=device,
    )
    register.tokens[token.digest] = token
    return Granted(new, token)


def _bound(register: Register, digest: str, device: str) -> Token:
    token = register.tokens.get(digest)
    if token is None or not token.usable(clock.wall_ns()):
        raise Denied(401, "no such token")
    if token.role != "device":
        raise Denied(403, f"a token of role {token.role} enrols no device")
    if token.device not in ("", device):
        raise Denied(403, "this token is another device's")
    bound = msgspec.structs.replace(token, device=device)
    register.tokens[digest] = bound
    return bound


def _rotated(register: Register, digest: str) -> Granted:
    now = clock.wall_ns()
    token = register.tokens.get(digest)
    if token is None or not token.usable(now):
        raise Denied(401, "no such token")
    new = tokens.made()
    fresh = msgspec.structs.replace(token, digest=tokens.digest(new), made_at=now, expires_at=0)
    end = min(now + tokens.OVERLAP_NS, token.expires_at or now + tokens.OVERLAP_NS)
    register.tokens[digest] = msgspec.structs.replace(token, expires_at=end)
    register.tokens[fresh.digest] = fresh
    return Granted(new, fresh)


def _left(register: Register, identity: Identity) -> None:
    now = clock.wall_ns()
    for digest, token in register.tokens.items():
        same = (token.person, token.device) == (identity.person, identity.device)
        if (digest == identity.digest or (same and token.device)) and not token.revoked_at:
            register.tokens[digest] = msgspec.structs.replace(token, revoked_at=now)
