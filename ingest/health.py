"""What watches the service asks: alive, ready, how much, and what it offers."""

from collections.abc import Iterator

from aiohttp import web

from ingest import metrics as counted
from ingest.auth import Denied
from ingest.front import Call, Front
from ingest.metrics import Measure, simple
from ingest.store.base import Totals

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_TOTALS = {
    "commands_stored": "Commands stored, a command told again not twice.",
    "processes_stored": "Processes stored.",
    "batches_stored": "Batches stored.",
    "batches_repeated": "Batches that came again and were not stored again.",
    "rows_rejected": "Rows refused one by one.",
}


async def healthz(_call: Call) -> web.Response:
    """Say that the front answers."""
    return web.json_response({"ok": True})


async def readyz(call: Call) -> web.Response:
    """Say whether batches are taken in, as their 503 would."""
    refusal = call.front.refusal()
    if refusal:
        raise Denied(503, refusal, call.front.room.retry_seconds())
    return web.json_response({"ok": True})


async def metrics(call: Call) -> web.Response:
    """Give everything that is counted."""
    front = call.front
    await front.measure()
    measures = [*front.numbers.measures(), *_state(front), *_stored(front.totals)]
    return web.Response(text=counted.text(measures), headers={"Content-Type": _TEXT})


def _stored(totals: Totals | None) -> Iterator[Measure]:
    if totals is not None:
        for name, says in _TOTALS.items():
            yield simple(f"ptywrap_{name}_total", says, getattr(totals, name))


def _state(front: Front) -> Iterator[Measure]:
    journal, connections = front.journal, front.connections
    backlog = front.room.backlog_bytes
    says = "Bytes of the journal that are not in the store."
    yield simple("ptywrap_journal_backlog_bytes", says, backlog, "gauge")
    yield simple("ptywrap_journal_waiting", "Bodies not synced yet.", journal.waiting, "gauge")
    yield simple("ptywrap_journal_syncs_total", "Groups synced.", journal.syncs)
    yield simple("ptywrap_journal_failures_total", "Groups not written.", journal.failures)
    yield simple("ptywrap_store_up", "1 while the store answers.", int(front.store_up), "gauge")
    yield simple("ptywrap_store_starts_total", "Starts of the store process.", front.child.starts)
    ready = int(not front.refusal())
    yield simple("ptywrap_ready", "1 while batches are taken in.", ready, "gauge")
    if connections is not None:
        yield simple("ptywrap_connections", "Open connections.", len(connections), "gauge")
        yield simple("ptywrap_connections_refused_total", "Hung up on.", connections.refused)
        yield simple("ptywrap_connections_cut_total", "Heads that stalled.", connections.cut)
