"""The application: every route of the table, with who may, how long, and what is told of it."""

import asyncio
import logging
from typing import NamedTuple

from aiohttp import web

from ingest import openapi
from ingest.auth import Denied, Identity
from ingest.config import ServerConfig
from ingest.front import ENROLMENT, Call, Front, address, bearer
from ingest.receive import safely
from ingest.routes import ROUTES, Route
from ingest.sessions import COOKIE
from ptywrap import wire

_access = logging.getLogger("ingest.access")
_DESCRIPTION = "/openapi.json"
_MOST_PAUSE_SECONDS = 1


class _Told(NamedTuple):
    response: web.StreamResponse
    identity: Identity | None


def make_app(front: Front) -> web.Application:
    """Return the application of one front."""
    table = {(route.method, route.path): route for route in (*ROUTES, _description())}

    @web.middleware
    async def answered(request: web.Request, handler: object) -> web.StreamResponse:
        return await _answered(front, request, table)

    app = web.Application(middlewares=[answered])
    for route in table.values():
        app.router.add_route(route.method, route.path, _never)
    return app


def routes() -> tuple[Route, ...]:
    """Return every route there is."""
    return (*ROUTES, _description())


def _description() -> Route:
    """Return the route that describes all of them, and itself."""

    async def described(_call: Call) -> web.Response:
        return web.json_response(openapi.document(routes(), str(wire.VERSION)))

    return Route(
        *("GET", _DESCRIPTION, described, (), "Describe this interface."),
        answers={200: openapi.Shape({"openapi": "string", "paths": "object"})},
    )


async def _never(_request: web.Request) -> web.StreamResponse:
    """Stand for a handler in aiohttp's router: the middleware calls ours."""
    raise web.HTTPNotFound


async def _answered(
    front: Front, request: web.Request, table: dict[tuple[str, str], Route]
) -> web.StreamResponse:
    loop = asyncio.get_running_loop()
    began = loop.time()
    connections = front.connections
    until = began + front.config.head_and_body_ms / 1000
    if connections is not None:
        until = connections.began(request.protocol)
    resource = request.match_info.route.resource
    path = "" if resource is None else resource.canonical
    route = table.get((request.method, path))
    try:
        told = await _told(front, request, route, until)
        if front.stopping or told.response.status == 408:
            told.response.force_close()
    finally:
        if connections is not None:
            connections.ended(request.protocol)
    seconds = loop.time() - began
    status = told.response.status
    if route is not None:
        front.numbers.answered((route.method, route.path), status, seconds)
    _log(front, request, (path if route is not None else "unknown", seconds), told)
    return told.response


async def _told(front: Front, request: web.Request, route: Route | None, until: float) -> _Told:
    """Return the answer to a request, a refusal as JSON."""
    identity = None
    try:
        if route is None:
            return _Told(_nowhere(request), None)
        identity = await _who(front, request, route)
        async with asyncio.timeout(_most_ms(front.config, route) / 1000) as limit:
            call = Call(front, request, identity, until, limit)
            return _Told(await safely(route.handler, call), identity)
    except Denied as denied:
        if denied.status == 429:
            # Who floods waits here, where waiting costs nothing, instead of asking again at once.
            await asyncio.sleep(min(denied.retry_seconds, _MOST_PAUSE_SECONDS))
        return _Told(_refused(denied), identity)
    except TimeoutError:
        slow = Denied(503, "it took too long", front.room.retry_seconds())
        return _Told(_refused(slow), identity)


def _most_ms(config: ServerConfig, route: Route) -> int:
    """Return how long a route may take, from its head on."""
    if route.long:
        return config.export_ms
    return config.handler_ms + (config.head_and_body_ms if route.body else 0)


async def _who(front: Front, request: web.Request, route: Route) -> Identity | None:
    """Return who asks, None where that is not asked; Denied where it may not."""
    if not route.roles or ENROLMENT in route.roles:
        return None
    identity = _known(front, request, route)
    if identity is None:
        # It may have been made a moment ago.
        await front.auth.refresh()
        identity = _known(front, request, route)
    if identity is None:
        front.take(f"address {address(request, front.config)}", 0)
        hint = ": run `ptywrap dashboard --remote`" if route.cookie else ""
        raise Denied(401, f"no token, or one that opens nothing{hint}")
    if identity.role not in route.roles:
        raise Denied(403, f"a token of role {identity.role} may not")
    if not route.sized:
        front.take(identity.limited, 0)
    return identity


def _known(front: Front, request: web.Request, route: Route) -> Identity | None:
    secret = bearer(request)
    if secret:
        return front.auth.identity(secret)
    if route.cookie and COOKIE in request.cookies:
        now = asyncio.get_running_loop().time()
        token = front.sessions.token(request.cookies[COOKIE], now)
        return None if token is None else front.auth.of(token)
    return None


def _nowhere(request: web.Request) -> web.Response:
    """Return what there is to say of a path or method that no route has."""
    failure = request.match_info.http_exception
    status = 404 if failure is None else failure.status
    response = web.json_response({"error": "there is nothing here"}, status=status)
    if failure is not None and "Allow" in failure.headers:
        response.headers["Allow"] = failure.headers["Allow"]
    return response


def _refused(denied: Denied) -> web.Response:
    response = web.json_response({"error": denied.why}, status=denied.status)
    if denied.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if denied.retry_seconds or denied.status in (429, 503):
        response.headers["Retry-After"] = str(max(denied.retry_seconds, 1))
    return response


def _log(front: Front, request: web.Request, where: tuple[str, float], told: _Told) -> None:
    """Write one line; who is refused is told by address, others by their device."""
    path, seconds = where
    status = told.response.status
    who = told.identity.device[:8] if told.identity is not None else "-"
    if status in (401, 403, 408, 429):
        who = address(request, front.config)
    size = request.content_length or 0
    _access.info(
        "%s %s %d %d bytes %d ms %s", request.method, path, status, size, seconds * 1000, who
    )
