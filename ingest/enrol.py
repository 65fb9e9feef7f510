"""POST /v1/enrol, /v1/rotate, /v1/leave: a device's token, from its first to its last request."""

import msgspec
from aiohttp import web
from msgspec import Struct

from ingest.auth import Denied
from ingest.front import Call, address, bearer, body
from ingest.receive import refuse_when_full

_LIMIT = 4096


class _Asked(Struct):
    device: str


async def enrol(call: Call) -> web.Response:
    """Give a device its token, and what it has to know of this service."""
    front = call.front
    secret = bearer(call.request)
    if not secret:
        raise Denied(401, "an enrolment secret or a device token is missing")
    try:
        asked = msgspec.json.decode(await body(call, _LIMIT), type=_Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Denied(400, f"no JSON of ours: {error}") from None
    if front.stopping:
        refuse_when_full(front)
    try:
        granted = await front.auth.enrolled(secret, asked.device)
    except Denied as denied:
        # Only who fails is counted: behind one address there may be a whole office.
        if denied.status in (401, 403):
            front.take(f"address {address(call.request, front.config)}", 0)
        raise
    return web.json_response(
        {
            "token": granted.secret,
            "tenant": granted.token.tenant,
            "tenant_key": front.service.tenant_key,
            "person": granted.token.person,
            "team": granted.token.team,
            "notice": front.config.notice,
        }
    )


async def rotate(call: Call) -> web.Response:
    """Give a new token; the old one is good for a day more."""
    granted = await call.front.auth.rotated(call.caller.digest)
    return web.json_response({"token": granted.secret})


async def leave(call: Call) -> web.Response:
    """Revoke the token at once, and every other one of this device and person."""
    await call.front.auth.left(call.caller)
    return web.json_response({"left": True})
