"""POST /v1/batches: limit, inflate, check, journal, and only then say yes."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from aiohttp import web

from ingest import clock, entries, inflate, unpacking
from ingest.auth import Denied, Identity
from ingest.entries import Entry
from ingest.front import Call, Front, body
from ingest.journal import BODY_LIMIT, Unwritten
from ingest.known import Differs, Receipt
from ptywrap import wire

# What is larger goes to a thread.
_WIRE_BYTES = 64 << 10
_PLAIN_BYTES = 512 << 10
_MOST_NS = (1 << 63) - 1
_log = logging.getLogger(__name__)
# Two at once: each may take 64 MiB while it is looked at, and there is one interpreter lock.
_threads = ThreadPoolExecutor(2, "receive")


class Head(NamedTuple):
    """What the head of a request says of its body."""

    id: str
    size: int
    encoding: str
    sent_at: int


async def batches(call: Call) -> web.Response:
    """Take one batch in; 200 only when it is on stable storage."""
    front, caller = call.front, call.caller
    if not caller.device:
        raise Denied(403, "this token is bound to no device yet: enrol first")
    said = head(call.request)
    front.take(caller.limited, said.size)
    refuse_when_full(front, said.size)
    front.waiting_bytes += said.size
    try:
        received = await body(call, BODY_LIMIT)
        receipt, repeated = await _once(front, caller, said, received)
    finally:
        front.waiting_bytes -= said.size
    front.numbers.body_bytes += said.size
    answer = {
        "batch": said.id,
        "rows": receipt.rows,
        "rejected": receipt.rejected,
        "repeated": repeated,
    }
    return web.json_response(answer)


def head(request: web.Request) -> Head:
    """Return what a head says, or raise Denied."""
    if request.content_type != "application/msgpack":
        raise Denied(415, "Content-Type is not application/msgpack")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in inflate.ENCODINGS:
        raise Denied(415, "Content-Encoding is neither zstd nor gzip")
    name = request.headers.get("Idempotency-Key", "")
    if not name or len(name) > 128 or not name.isascii():
        raise Denied(400, "Idempotency-Key: not the id of a batch")
    told = request.headers.get("X-Ptywrap-Sent-At", "0")
    if not (told.isascii() and told.isdigit()) or len(told) > 19 or int(told) > _MOST_NS:
        raise Denied(400, "X-Ptywrap-Sent-At: no nanoseconds since 1970")
    size = request.content_length
    if size is None:
        raise Denied(411, "Content-Length is missing")
    if size > BODY_LIMIT:
        raise Denied(413, f"a body has at most {BODY_LIMIT} bytes")
    return Head(name, size, encoding, int(told))


def refuse_when_full(front: Front, size: int = 0) -> None:
    """Raise Denied where nothing more can be taken in now."""
    refusal = front.refusal()
    if not refusal and front.waiting_bytes + size > front.config.all_waiting_bytes:
        refusal = "too much is being looked at"
    if refusal:
        raise Denied(503, refusal, front.room.retry_seconds())


async def journalled(front: Front, entry: Entry) -> None:
    """Return when an entry is on stable storage, or raise Denied."""
    try:
        await front.journal.append(entry)
    except Unwritten:
        raise Denied(503, "nothing can be written now", front.room.retry_seconds()) from None


async def safely(
    work: Callable[[Call], Awaitable[web.StreamResponse]], call: Call
) -> web.StreamResponse:
    """Do the work of a route; what is not foreseen is a 500, and a bug of ours."""
    try:
        return await work(call)
    except (Denied, web.HTTPException, TimeoutError, ConnectionError):
        raise
    except Exception:  # noqa: BLE001 - one of the five tops (house.md, 3.7)
        _log.exception("a request broke")
        raise Denied(500, "this is a bug of ours; the log of the service says more") from None


async def _once(
    front: Front, caller: Identity, said: Head, received: bytes
) -> tuple[Receipt, bool]:
    """Take a batch in unless it was already."""
    entry = Entry(
        kind=entries.BATCH,
        tenant=caller.tenant,
        device=caller.device,
        person=caller.person,
        team=caller.team,
        id=said.id,
        digest=hashlib.sha256(received).digest(),
        received_at=clock.wall_ns(),
        sent_at=said.sent_at,
        encoding=said.encoding,
        body=received,
    )
    key = (caller.tenant, caller.device, said.id)
    try:
        receipt, repeated = await front.known.once(key, entry.digest, lambda: _taken(front, entry))
    except Differs:
        raise Denied(400, "batch: this id was taken in with other bytes") from None
    if repeated:
        front.numbers.repeated += 1
        # Counted in the store; nobody has to wait for that.
        again = entry._replace(kind=entries.REPEATED, encoding="", body=b"")
        front.background(_noted(front, again))
    return receipt, repeated


async def _taken(front: Front, entry: Entry) -> Receipt:
    """Check a batch and journal it."""
    if not _is_small(entry):
        loop = asyncio.get_running_loop()
        rows, rejected = await loop.run_in_executor(_threads, examined, entry)
    else:
        rows, rejected = examined(entry)
    await journalled(front, entry)
    front.numbers.rows += rows
    front.numbers.rejected += rejected
    return Receipt(entry.digest, rows, rejected)


def _is_small(entry: Entry) -> bool:
    """Say whether a body is looked at so fast that nobody else notices."""
    told = inflate.told_bytes(entry.body, entry.encoding)
    return len(entry.body) <= _WIRE_BYTES and told is not None and told <= _PLAIN_BYTES


async def _noted(front: Front, entry: Entry) -> None:
    try:
        await front.journal.append(entry)
    except Unwritten:
        _log.info("a repeated batch is not counted")


def examined(entry: Entry) -> tuple[int, int]:
    """Return how many rows of a batch are kept and how many refused, or raise Denied."""
    try:
        plain = inflate.plain(entry.body, entry.encoding)
        batch = wire.unpack(plain)
        rejected = unpacking.examined(batch, entry).rejected
    except inflate.TooLarge:
        raise Denied(413, f"a body has at most {inflate.LIMIT} bytes once inflated") from None
    except wire.Unreadable as error:
        raise Denied(400, str(error)) from None
    return sum(table.rows for table in batch.tables.values()) - rejected, rejected
