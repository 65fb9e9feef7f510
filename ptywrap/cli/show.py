"""Show one run: where its time went, its processes, flows, and what was not seen.

ID is what `ptywrap log` prints, or any unique beginning of it; `last` (the default) is the last
command that was not one of ours.

Example: ptywrap show last --json
"""

import argparse
import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ptywrap import clock, service
from ptywrap.cli import base, digest, text

_PROCESSES = 200
_FLOWS = 20
_BAR = 40
_STYLES = {
    "cpu": "green",
    "runqueue": "yellow",
    "disk": "magenta",
    "network": "blue",
    "input": "cyan",
    "lock": "red",
    "other": "bright_black",
}


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
    page = base.page()
    _head(page, record)
    page.print(_split(record))
    page.print(_tree(record))
    if record["flows"]:
        page.print(_flows(record["flows"]))
    for loss in record["losses"]:
        page.print(Text(f"not seen: {text.loss(loss)}", style="yellow"))
    return 0


def _head(page: Console, record: dict[str, Any]) -> None:
    command = record["command"]
    title = command["line"] or command["shape"] or command["template"] or "command"
    page.print(Text(text.visible(title), style="bold"))
    said = {
        "when": text.moment(command["started_at"], clock.wall_ns()),
        "took": text.duration(command["wall_ns"]),
        "ended": text.outcome(command["exit_status"], command["signal"]),
        "in": text.visible(command["cwd"]),
        "repository": text.visible(command["repo"]),
        "branch": text.visible(command["branch"]),
        "by": command["actor"] or "",
        "CPU": text.cpu(digest.cpu_ns(command)),
        "peak memory": text.size(command["peak_rss_bytes"]),
        "ID": command["id"],
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in said.items():
        if value not in {"", "-"}:
            grid.add_row(Text(name, style="dim"), Text(value))
    page.print(grid)
    page.print()


def _split(record: dict[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    parts = {part: record["split"][f"{part}_ns"] or 0 for part in digest.PARTS}
    whole = sum(parts.values())
    for part, ns in sorted(parts.items(), key=lambda one: -one[1]):
        if ns:
            bar = "█" * max(1, ns * _BAR // whole)
            grid.add_row(
                digest.NAMES.get(part, part),
                Text(bar, style=_STYLES[part]),
                text.duration(ns),
                text.share(ns, whole),
            )
    return grid


def _tree(record: dict[str, Any]) -> Tree:
    """Build the process tree without recursion: chains of thousands of processes are real."""
    shown = record["processes"][:_PROCESSES]
    total = text.count(len(record["processes"]), "process", "processes")
    root = Tree(Text(total, style="bold"))
    nodes: dict[int, Tree] = {}
    for process in shown:
        parent = nodes.get(process["ppid"], root)
        nodes[process["pid"]] = parent.add(_process(process))
    hidden = len(record["processes"]) - len(shown)
    if hidden:
        root.add(Text(f"… {hidden:,} more (--json has all)", style="dim"))
    return root


def _process(process: dict[str, Any]) -> Text:
    argv = process["argv"]
    words = " ".join(argv) if argv else process["name"] or "?"
    line = Text(text.visible(words), overflow="ellipsis", no_wrap=True)
    cpu = digest.cpu_ns(process)
    used = "" if cpu is None else f", CPU {text.cpu(cpu)}"
    line.append(f"  {text.duration(process['wall_ns'])}{used}", style="dim")
    if process["signal"] or process["exit_status"]:
        line.append(f"  {text.outcome(process['exit_status'], process['signal'])}", style="red")
    return line


def _flows(flows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("HOST", "PORT", "RECEIVED", "SENT", "BY"):
        table.add_column(heading, justify="left" if heading in {"HOST", "BY"} else "right")
    dear = sorted(
        flows, key=lambda flow: -(flow["received_bytes"] or 0) - (flow["sent_bytes"] or 0)
    )
    for flow in dear[:_FLOWS]:
        table.add_row(
            Text(text.visible(flow["remote_host"] or flow["remote_address"] or "?")),
            str(flow["remote_port"] or ""),
            text.size(flow["received_bytes"]),
            text.size(flow["sent_bytes"]),
            f"{flow['pid'] or '?'} ({flow['pid_confidence']})",
        )
    return table
