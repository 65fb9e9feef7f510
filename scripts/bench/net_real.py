"""Downloads as developers make them, by pip, npm and apt-get, against the kernel's tracepoints.

Which index, registry and archive they come from is what the machine is set to; their names are
compared and never written down. What cannot be reached is left out and said.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ptywrap import wire
from scripts.bench import report
from scripts.bench.net_field import Field
from scripts.bench.net_product import Product, Run, claim
from scripts.bench.net_round import Rows
from scripts.bench.net_truth import Score, Traced, Truth, score

_HOST = re.compile(r"https?://([^/:\s'\"]+)")
_SETTINGS = re.compile("(?i)pip_|npm_config_|node_|ssl_cert|requests_ca|.*_proxy$")
_TOLERANCE_BYTES = 200


class Tool(NamedTuple):
    """A program that downloads; `argv` is run in a shell in an empty folder, `said` names hosts."""

    name: str
    words: str
    said: str


def tools(product: Product) -> list[Tool]:
    """Return those that are here."""
    python = Path(product.stand.home.environ["PTYWRAP_VENV"]) / "bin" / "python"
    pip = f"{python} -m pip -v download --no-deps --no-cache-dir -d . numpy rich > said.txt 2>&1"
    npm = "npm install --cache ./cache --prefix . --loglevel http express > said.txt 2>&1"
    apt = "apt-get download --print-uris vim-runtime > said.txt 2>&1; apt-get download vim-runtime"
    every = [
        Tool("pip download", pip, "said.txt"),
        Tool("npm install", npm, "said.txt"),
        Tool("apt-get download", f"{apt} > /dev/null 2>&1", "said.txt"),
    ]
    return [one for one in every if shutil.which(one.name.split()[0]) or one.name.startswith("pip")]


def rows(field: Field) -> Rows:
    """Return a row for each measure of each tool and product; say why others were left out."""
    made: Rows = []
    if field.tracer is None:
        print("  left out: nobody tells the truth without tracepoints", file=sys.stderr)
        return []
    for product in field.products:
        product.stand.home.environ.update(_machine())
        for tool in tools(product):
            print(f"  {tool.name}, {product.name}", file=sys.stderr, flush=True)
            folder = product.work / tool.name.split()[0]
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            product.give()
            field.tracer.take()
            argv = ["/bin/sh", "-c", f"cd {folder} && {tool.words}"]
            try:
                run = product.run(argv)
            except RuntimeError:
                left_out = f"{tool.name}; {product.name}: left out, it failed (offline?)"
                made.append(report.row(left_out, "", {product.name: [0.0]}, []))
                continue
            traced = [one for _, one in field.tracer.take()]
            made += _rows(tool, product, run, traced)
    return made


def _machine() -> dict[str, str]:
    """Return what the environment says of indexes, certificates and proxies."""
    return {name: value for name, value in os.environ.items() if _SETTINGS.match(name)}


def _rows(tool: Tool, product: Product, run: Run, traced: list[Traced]) -> Rows:
    """Compare one run: connections of its processes only, for the machine has others."""
    pids = {one["pid"] for one in run.record.get("processes", [])}
    mine = [one for one in traced if one.pid in pids]
    truths = [
        Truth(0, "", one.port, one.opened_ns, one.closed_ns, one.sent_bytes, one.received_bytes,
              reset=False, pid=one.pid)
        for one in mine
    ]  # fmt: skip
    flows = [one for one in product.flows(run) if one.command and one.protocol == "tcp"]
    flows = [one for one in flows if not one.loopback]
    found = score(truths, [claim(flow) for flow in flows])
    hosts = _hosts(product.work / tool.name.split()[0] / tool.said)
    named = [flow for flow in flows if flow.remote_host in hosts]
    title, who = f"{tool.name}; {product.name}", product.name
    off = abs(found.told_bytes - found.true_bytes)
    print(f"  {found}, hosts {len(named)} of {len(flows)}", file=sys.stderr, flush=True)
    return [*_figures(title, who, found, off), _names(title, who, flows, len(named))]


def _figures(title: str, who: str, found: Score, off: int) -> Rows:
    connections = {"true": [float(found.connections)], who: [float(found.seen)]}
    moved = {"true": [found.true_bytes / 1e6], who: [found.told_bytes / 1e6]}
    unseen = float(found.connections - found.seen)
    ownerless = float(found.connections - found.right)
    allowed = float(_TOLERANCE_BYTES)
    return [
        report.row(f"connections: {title}", "", connections,
                   [report.at_most("none unseen", 0.0, unseen),
                    report.at_most("none that never was", 0.0, float(found.foreign)),
                    report.at_most("no pid missing or wrong", 0.0, ownerless)]),
        report.row(f"bytes: {title}", "MB", moved,
                   [report.at_most("within 200 B", allowed, float(off))]),
    ]  # fmt: skip


def _names(title: str, who: str, flows: list[wire.Flow], named: int) -> dict[str, Any]:
    share = 100 * named / max(1, len(flows))
    return report.row(f"connections with the host the tool said: {title}", "%", {who: [share]}, [])


def _hosts(path: Path) -> set[str]:
    try:
        return set(_HOST.findall(path.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return set()
