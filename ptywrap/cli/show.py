"""Show one run: where its time went, its processes, flows, and what was not seen.

ID is what `ptywrap log` prints, or any unique beginning of it; `last` (the default) is the last
command that was not one of ours.

Example: ptywrap show last --json
"""

import argparse
import json
from typing import Any

from netsniff import amounts
from ptywrap import clock, service
from ptywrap.cli import digest, page, text
from ptywrap.cli.base import Bar, Branch, Column, Line, Page, Part, Style

_PROCESSES = 200
_FLOWS = 20
_BAR = 40
_COLUMNS = (
    Column("HOST"),
    Column("PORT", right=True),
    Column("RECEIVED", right=True),
    Column("SENT", right=True),
    Column("BY"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which run, and how."""
    parser.add_argument("id", nargs="?", default="last", metavar="ID", help="an ID, or `last`")
    parser.add_argument("--json", action="store_true", help="print the run record")


def run(args: argparse.Namespace) -> int:
    """Ask the local store for the record and print it."""
    record: dict[str, Any] = service.ask_store("show", id=args.id)["record"]
    if args.json:
        print(json.dumps(record, indent=2, ensure_ascii=False))
        return 0
    on = page.choose()
    _head(on, record)
    on.bars(_split(record))
    _tree(on, record)
    if record["flows"]:
        on.table(_COLUMNS, _flows(record))
    for loss in record["losses"]:
        on.line(Part(f"not seen: {text.loss(loss)}", Style.DOUBT))
    return 0


def _head(on: Page, record: dict[str, Any]) -> None:
    command = record["command"]
    title = command["line"] or command["shape"] or command["template"] or "command"
    on.line(Part(title, Style.TITLE))
    said = {
        "when": text.moment(command["started_at"], clock.wall_ns()),
        "took": text.duration(command["wall_ns"]),
        "ended": text.outcome(command["exit_status"], command["signal"]),
        "in": command["cwd"] or "",
        "repository": command["repo"] or "",
        "branch": command["branch"] or "",
        "by": command["actor"] or "",
        "CPU": text.cpu(digest.cpu_ns(command)),
        "peak memory": amounts.size(command["peak_rss_bytes"]),
        "network": _network(command),
        "ID": command["id"],
    }
    on.fields({name: value for name, value in said.items() if value not in {"", "-"}})
    on.line()


def _network(command: dict[str, Any]) -> str:
    """Return what a command moved beyond this machine."""
    if not command["connections"]:
        return ""
    received, sent = (amounts.size(command[name]) for name in ("received_bytes", "sent_bytes"))
    number = amounts.count(command["connections"], "connection")
    return f"{received} received, {sent} sent over {number}"


def _split(record: dict[str, Any]) -> list[Bar]:
    parts = {part: record["split"][f"{part}_ns"] or 0 for part in digest.PARTS}
    whole = sum(parts.values())
    return [
        Bar(
            digest.NAMES.get(part, part),
            max(1, ns * _BAR // whole),
            Style(part),
            (text.duration(ns), text.share(ns, whole)),
        )
        for part, ns in sorted(parts.items(), key=lambda one: -one[1])
        if ns
    ]


def _tree(on: Page, record: dict[str, Any]) -> None:
    """Print the first processes as a tree, without recursion: a chain of thousands is real."""
    processes, moved = record["processes"], _moved(record["flows"])
    branches: list[Branch] = []
    places: dict[int, int] = {}
    for process in processes[:_PROCESSES]:
        below = places.get(process["ppid"])
        places[process["pid"]] = len(branches)
        branches.append(Branch(_process(process, moved.get(process["pid"])), below))
    hidden = len(processes) - len(branches)
    if hidden:
        branches.append(Branch(Part(f"… {hidden:,} more (--json has all)", Style.FAINT)))
    total = amounts.count(len(processes), "process", "processes")
    on.tree(Part(total, Style.TITLE), branches)


def _moved(flows: list[dict[str, Any]]) -> dict[int, int]:
    """Return what processes moved over connections, by pid, bytes."""
    found: dict[int, int] = {}
    for flow in flows:
        if flow["pid"] is not None and flow["received_bytes"] is not None:
            size = flow["received_bytes"] + (flow["sent_bytes"] or 0)
            found[flow["pid"]] = found.get(flow["pid"], 0) + size
    return found


def _process(process: dict[str, Any], moved: int | None) -> list[Part]:
    argv = process["argv"]
    words = " ".join(argv) if argv else process["name"] or "?"
    cpu = digest.cpu_ns(process)
    used = "" if cpu is None else f", CPU {text.cpu(cpu)}"
    used += "" if moved is None else f", network {amounts.size(moved)}"
    told = [Part(words), Part(f"  {text.duration(process['wall_ns'])}{used}", Style.FAINT)]
    if process["signal"] or process["exit_status"]:
        outcome = text.outcome(process["exit_status"], process["signal"])
        told.append(Part(f"  {outcome}", Style.BAD))
    return told


def _flows(record: dict[str, Any]) -> list[list[Line]]:
    """Return a row for each of the dearest flows, and one for how many more there are."""
    flows = record["flows"]
    dear = sorted(
        flows, key=lambda flow: -(flow["received_bytes"] or 0) - (flow["sent_bytes"] or 0)
    )
    names = {one["pid"]: one["name"] for one in record["processes"]}
    rows = [_flow(flow, names.get(flow["pid"])) for flow in dear[:_FLOWS]]
    left = len(flows) - len(rows)
    more: list[list[Line]] = [[f"… {left:,} more (--json has all)", "", "", "", ""]]
    return rows + more * (left > 0)


def _flow(flow: dict[str, Any], name: str | None) -> list[Line]:
    within = " (this machine)" if flow["loopback"] else ""
    doubt = "" if flow["pid_confidence"] == "exact" else f" ({flow['pid_confidence']})"
    pid = flow["pid"]
    return [
        f"{digest.host(flow)}{within}",
        str(flow["remote_port"] or ""),
        amounts.size(flow["received_bytes"]),
        amounts.size(flow["sent_bytes"]),
        "" if pid is None else f"{name or '?'} {pid}{doubt}",
    ]
