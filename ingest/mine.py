"""What is one's own: the page, the export, the erasure, and the sign-in of a browser."""

import asyncio
import contextlib
import hashlib
import io
import secrets
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from aiohttp import web

from ingest import clock, entries, pages
from ingest.auth import Denied
from ingest.entries import Entry
from ingest.front import Call, origin
from ingest.receive import journalled, refuse_when_full
from ingest.sessions import COOKIE, SESSION_SECONDS
from ingest.store import partial
from ingest.store.base import Row, StoreError

_ROWS = 200
_PIECE_BYTES = 64 << 10
_MOST_NS = (1 << 63) - 1
_REPO_LIMIT = 1024
PRIVATE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def page(call: Call) -> web.Response:
    """Show one's own commands, newest first, as a page or as JSON."""
    with _asking(), partial.hearing() as heard:
        found = await call.front.store.mine(call.owner, _ROWS)
    label = partial.worst(heard)
    shown = pages.own(found.commands, label)
    if _wants_json(call.request):
        answer: dict[str, Any] = {"totals": shown.totals, "commands": found.commands}
        if label is not None:
            answer["partial"] = label._asdict()
        return web.json_response(answer, headers=PRIVATE)
    return web.Response(text=shown.html, content_type="text/html", headers=PRIVATE)


async def export(call: Call) -> web.StreamResponse:
    """Give everything that is kept about the token's owner, as a zip of JSON files or as JSON."""
    with _asking(), partial.hearing() as heard:
        tables = await call.front.store.export(call.owner)
    if heard:
        raise Denied(503, "a shard is away: it would not be all", call.front.room.retry_seconds())
    tables["tokens"] = call.front.auth.told(call.owner.tenant, call.owner.person)
    headers = PRIVATE | {"Content-Type": "application/json"}
    make: Callable[[dict[str, list[Row]]], bytes] = msgspec.json.encode
    if not _wants_json(call.request):
        make = _archive
        headers["Content-Type"] = "application/zip"
        headers["Content-Disposition"] = 'attachment; filename="ptywrap-export.zip"'
    return await _sent(call, await asyncio.to_thread(make, tables), headers)


async def _sent(call: Call, content: bytes, headers: dict[str, str]) -> web.StreamResponse:
    """Send what may be large piece by piece: whoever takes a piece in time may be slow."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(content)
    call.unhurried()
    await response.prepare(call.request)
    pieces = memoryview(content)
    try:
        while pieces:
            async with asyncio.timeout(call.front.config.idle_ms / 1000):
                await response.write(pieces[:_PIECE_BYTES])
            pieces = pieces[_PIECE_BYTES:]
    except TimeoutError:
        # Nothing can be said any more: half of it is on the way.
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


async def erase(call: Call) -> web.Response:
    """Have one's rows erased: all, those since a moment, or those of a repository."""
    query = call.request.query
    since, repo = query.get("since"), query.get("repo")
    if set(query) - {"since", "repo"}:
        raise Denied(400, "known are since and repo")
    if since is not None and not _is_moment(since):
        raise Denied(400, "since: no nanoseconds since 1970")
    if repo is not None and not 0 < len(repo) <= _REPO_LIMIT:
        raise Denied(400, "repo: no name of a repository")
    refuse_when_full(call.front)
    scope = {"since": None if since is None else int(since), "repo": repo}
    content = msgspec.msgpack.encode(scope)
    caller = call.caller
    entry = Entry(
        kind=entries.ERASE,
        tenant=caller.tenant,
        device=caller.device,
        person=caller.person,
        team=caller.team,
        id=f"erase-{secrets.token_hex(8)}",
        digest=hashlib.sha256(content).digest(),
        received_at=clock.wall_ns(),
        sent_at=0,
        encoding="",
        body=content,
    )
    await journalled(call.front, entry)
    return web.json_response({"erase": entry.id, **scope}, status=202)


async def link(call: Call) -> web.Response:
    """Give a link that signs a browser in, once and within a minute."""
    now = asyncio.get_running_loop().time()
    secret = call.front.sessions.link(call.caller.digest, now)
    url = f"{origin(call.request, call.front.config)}/link/{secret}"
    return web.json_response({"url": url}, headers=PRIVATE)


async def signed_in(call: Call) -> web.Response:
    """Turn a link into a cookie."""
    now = asyncio.get_running_loop().time()
    session = call.front.sessions.opened(call.request.match_info["secret"], now)
    if session is None:
        raise Denied(403, "this link was used or is too old: run `ptywrap dashboard --remote`")
    response = web.Response(status=303, headers=PRIVATE | {"Location": "/"})
    response.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=origin(call.request, call.front.config).startswith("https:"),
    )
    return response


async def style(_call: Call) -> web.Response:
    """Give the pages' style."""
    return web.Response(
        text=pages.style(),
        content_type="text/css",
        headers={"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"},
    )


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise Denied(503, str(error), 5) from None
    except OSError:
        raise Denied(503, "the store does not answer", 5) from None


def _wants_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _is_moment(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _MOST_NS


def _archive(tables: dict[str, list[Row]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in sorted(tables.items()):
            archive.writestr(f"{name}.json", msgspec.json.encode(rows))
    return out.getvalue()
