"""Say what is running, for how long yet, and what we cost.

A command whose template ran at least three times in four weeks is told with how long it usually
takes. Cost is the observer's own CPU and memory since it started, its reader child included.

Example: ptywrap status
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from netsniff import amounts
from ptywrap import clock, config, device, enrolment, outbox, paths, segments, service
from ptywrap.cli import page, text
from ptywrap.cli.base import Column, Line, Narrow, Page, Part, Style
from ptywrap.deliveries import Deliveries
from ptywrap.errors import UserError
from ptywrap.ship import state as shipped

_COLUMNS = (
    Column("RUNNING", Narrow.CUT),
    Column("FOR", Narrow.KEEP, right=True),
    Column("USUALLY", Narrow.KEEP, right=True),
    Column("LEFT", Narrow.KEEP, right=True),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output."""
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Ask the observer, and the store for what its commands usually take."""
    status = gather()
    if args.json:
        print(json.dumps(status, indent=2, ensure_ascii=False))
        return 0
    report(page.choose(), status)
    return 0


def report(on: Page, status: dict[str, Any]) -> None:
    """Print what `gather` returned."""
    on.line(_state(status))
    if status["running"]:
        on.table(_COLUMNS, [_running(one) for one in status["running"]])
    _cost(on, status)
    if status["service"] is not None:
        _shipping(on, status["service"])


def _shipping(on: Page, shipping: dict[str, Any]) -> None:
    """Print where facts go, what waits, and what went wrong."""
    now = clock.wall_ns()
    facts = amounts.count(shipping["waiting"] + shipping["unpacked"], "fact waits", "facts wait")
    team = f" ({text.visible(shipping['team'])})" if shipping["team"] else ""
    sent = text.moment(shipping["sent_at"], now) if shipping["sent_at"] else "nothing yet"
    on.line(
        f"joined {shipping['url']}{team}: {facts}, "
        f"{amounts.count(shipping['waiting_batches'], 'batch', 'batches')} packed; "
        f"last sent: {sent}"
    )
    if shipping["error"]:
        at = text.moment(shipping["error_at"], now)
        on.line(Part(f"not sent at {at}: {text.visible(shipping['error'])}", Style.DOUBT))
    elif shipping["held"]:
        on.line(Part(f"not sent: {text.visible(shipping['held'])}", Style.DOUBT))
    for reason, number in shipping["dropped"].items():
        on.line(Part(f"not sent, dropped: {amounts.count(number, 'fact')}, {reason}", Style.DOUBT))
    if shipping["rejected"]:
        number = amounts.count(shipping["rejected_batches"], "batch", "batches")
        aside = f", kept aside: {number}" if shipping["rejected_batches"] else ""
        why = text.visible(shipping["rejected"])
        on.line(Part(f"rejected by the service{aside}: {why}", Style.BAD))


def gather() -> dict[str, Any]:
    """Return everything `status --json` prints; `observer` is null where none runs."""
    answer = service.ask_observer("status")
    now = clock.wall_ns()
    folder = segments.sealed(paths.spool_folder(device.identity()))
    loaded = config.load()
    return {
        "off": config.off_switch(os.environ, loaded.config),
        "paused": paths.pause_file().exists(),
        "sessions": answer["sessions"] if answer else [],
        "running": [_estimated(one, now) for one in _usual(answer["running"] if answer else [])],
        "observer": _observer(answer, now) if answer else None,
        "losses": answer["losses"] if answer else [],
        "waiting_segments": len(folder),
        "waiting_facts": sum(segments.facts_in(path) for path in folder),
        "service": _service(paths.device_folder(device.identity())),
    }


def _service(folder: Path) -> dict[str, Any] | None:
    """Return how it stands with the service this machine has joined, None where it has not."""
    enrolled = enrolment.read()
    if enrolled is None:
        return None
    waiting = outbox.bodies(folder / "outbox")
    state = shipped.read(folder / "outbox")
    deliveries = Deliveries(folder / "outbox")
    counts = deliveries.counts()
    sealed = [*segments.sealed(folder / "spool"), *segments.sealed(folder / "archive")]
    unpacked = [path for path in sealed if segments.stem(path) not in deliveries.segments]
    return {
        "url": enrolled.url,
        "team": enrolled.team,
        "person": enrolled.person,
        "joined_at": enrolled.joined_at,
        "waiting_batches": len(waiting),
        "unpacked": sum(segments.facts_in(path) for path in unpacked),
        "accepted": counts.accepted,
        "waiting": counts.waiting,
        "delivered": counts.delivered,
        "dropped": counts.dropped,
        "refused_rows": counts.refused,
        "rejected_batches": len(outbox.bodies(folder / "rejected")),
        "rejected": state.rejected,
        "sent_at": state.sent_at,
        "error": state.error,
        "error_at": state.error_at,
        "held": state.held,
    }


def _observer(answer: dict[str, Any], now_ns: int) -> dict[str, Any]:
    cpu = answer["cpu_ns"] + (answer["reader_cpu_ns"] or 0)
    age = max(now_ns - answer["started_at"], 1)
    return {
        "pid": answer["pid"],
        "version": answer["version"],
        "backend": answer["backend"],
        "sensors": answer["sensors"],
        "started_at": answer["started_at"],
        "cpu_ns": cpu,
        "cpu_permille": cpu * 1000 // age,
        "rss_bytes": answer["rss_bytes"] + (answer["reader_rss_bytes"] or 0),
        "accepted": answer["accepted"],
        "dropped": answer["dropped"],
    }


def _usual(running: list[dict[str, Any]]) -> list[dict[str, Any]]:
    templates = sorted({one["template"] for one in running if one["template"]})
    usual: dict[str, int] = {}
    if templates:
        try:
            usual = service.ask_store("usual", templates=templates)["usual"]
        except UserError:
            usual = {}
    return [one | {"usually_ns": usual.get(one["template"])} for one in running]


def _estimated(running: dict[str, Any], now_ns: int) -> dict[str, Any]:
    elapsed = max(now_ns - running["started_at"], 0)
    usually = running["usually_ns"]
    left = None if usually is None else max(usually - elapsed, 0)
    return running | {"elapsed_ns": elapsed, "left_ns": left}


def _state(status: dict[str, Any]) -> str:
    if status["off"]:
        return f"off, by {status['off']}"
    if status["paused"]:
        return "paused; `ptywrap resume` records again"
    if status["observer"] is None:
        return "nothing is observed: no shell of yours runs under ptywrap"
    return f"recording {amounts.count(len(status['sessions']), 'session')}"


def _running(running: dict[str, Any]) -> list[Line]:
    lengths = (running[name] for name in ("elapsed_ns", "usually_ns", "left_ns"))
    return [running["template"] or running["shape"] or "?", *map(text.duration, lengths)]


def _cost(on: Page, status: dict[str, Any]) -> None:
    observer = status["observer"]
    if observer is not None:
        percent = f"{observer['cpu_permille'] / 10:.1f} % of a core"
        on.line(
            f"observer {observer['pid']}: {text.duration(observer['cpu_ns'])} CPU ({percent}), "
            f"{amounts.size(observer['rss_bytes'])}, sees by {observer['backend'] or 'nothing'}"
        )
        for reason, number in observer["dropped"].items():
            on.line(Part(f"dropped: {amounts.count(number, 'fact')}, {reason}", Style.DOUBT))
    for loss in status["losses"]:
        on.line(Part(f"not seen: {text.loss(loss)}", Style.DOUBT))
    waiting = amounts.count(status["waiting_facts"], "fact")
    on.line(f"spool: {waiting} waiting for the local store")
