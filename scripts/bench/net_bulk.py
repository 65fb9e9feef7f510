"""Few connections with much in them, datagrams, and nothing at all: bytes, slowdown, cost."""

import statistics
import subprocess
import time

from scripts.bench import company, net_loads, net_peers, report
from scripts.bench.company import Company
from scripts.bench.net_field import Field
from scripts.bench.net_loads import Bars, Load
from scripts.bench.net_product import Product
from scripts.bench.net_round import Rows, Way, one_round, rows
from scripts.bench.net_space import PORT
from scripts.bench.paired import ratio

_FOREIGN = 500
_DATAGRAMS, _DATAGRAM_BYTES = 2_000, 1_000


def download(field: Field, repeats: int, size: int) -> Rows:
    """Download once in each round, beside nethogs, under each product."""
    load = Load(
        f"download of {size / 1e9:g} GB",
        1,
        net_loads.curls(1, 0, size),
        Bars(ownerless_ordinary=0.0),
    )
    taken = [
        one_round(field, load, Way(product, net_peers.here(["nethogs"])))
        for _ in range(repeats)
        for product in field.products
    ]
    values, demands = {}, []
    for product in field.products:
        name = product.name
        values[name] = [one.outcomes[name].cpu_s for one in taken if name in one.outcomes]
        used = statistics.median(values[name])
        demands.append(report.at_most(f"{name}: at most 0.15 s", 0.15, used))
    return [*rows(load, taken), report.row(f"CPU of ours: {load.title}", "s", values, demands)]


def saturated(field: Field, pairs: int, size: int) -> Rows:
    """Download as fast as it goes, with nothing of ours there and observed, in turn."""
    made: Rows = []
    for product in field.products:
        taken: dict[str, list[float]] = {"bare": [], "ptywrap": []}
        others: dict[str, list[float]] = {"bare": [], "ptywrap": []}
        for at in range(pairs + 1):
            for who in ("bare", "ptywrap") if at % 2 else ("ptywrap", "bare"):
                length, company_permille = _transfer(field, product, size, observed=who != "bare")
                if at:
                    taken[who].append(length)
                    others[who].append(company_permille)
        worst = [max(pair) for pair in zip(*others.values(), strict=True)]
        places = company.quietest(worst, (pairs + 1) // 2)
        quiet = {who: [values[at] for at in places] for who, values in taken.items()}
        title = f"saturated transfer of {size / 1e9:g} GB, {product.name}"
        slowed = report.within("at most 1.02 x bare", 1.02, ratio(quiet["ptywrap"], quiet["bare"]))
        made.append(
            report.row(
                f"{title}; the {len(places)} quietest of {pairs} pairs", "s", quiet, [slowed]
            )
        )
    return made


def _transfer(field: Field, product: Product, size: int, *, observed: bool) -> tuple[float, float]:
    """Return the seconds curl measured itself, and what others used of the processors."""
    if observed:
        product.warm()
    else:
        product.stop()
    told = product.work / "seconds.txt"
    url = field.space.url(0, str(size))
    script = f"curl -s -o /dev/null -w '%{{time_total}}' '{url}' > {told}"
    argv = ["/bin/sh", "-c", script]
    head = [*product.stand.launcher, "--quiet", "--"] if observed else []
    others = Company(time.monotonic_ns(), [*product.stand.watchers(), field.space.server.pid])
    product.stand.run([*head, *argv], cwd=product.work)
    company_permille = others.permille(time.monotonic_ns())
    field.space.take(0)
    return float(told.read_text(encoding="ascii")), company_permille


def datagrams(field: Field) -> Rows:
    """Exchange datagrams with the server: as root bytes are told exactly, else they are null."""
    made: Rows = []
    for product in field.products:
        field.space.take(0)
        numbers = (PORT + 4, _DATAGRAMS, 4_000, 0, _DATAGRAM_BYTES)
        argv = net_loads.client("net_client", "datagrams", field.space.address, *numbers)
        run = product.run(argv)
        _, logged = field.space.take()
        flows = [
            flow
            for flow in product.flows(run)
            if flow.protocol == "udp" and flow.remote_port == PORT + 4
        ]
        sent = sum(one.received_bytes for one in logged)
        told = sum(flow.sent_bytes or 0 for flow in flows)
        seen = float(len(flows))
        title = f"{_DATAGRAMS * _DATAGRAM_BYTES / 1e6:g} MB of datagrams, {product.name}"
        demands = [report.at_most("one flow, of its process", 0.0, abs(seen - 1))]
        if "root" in product.name:
            demands.append(
                report.at_most("bytes sent as the server has them", 0.0, abs(told - sent))
            )
        else:
            given = sum(flow.sent_bytes is not None for flow in flows)
            demands.append(report.at_most("no bytes made up", 0.0, float(given)))
        values = {"flows": [seen], "told": [told / 1e6], "true": [sent / 1e6]}
        made.append(report.row(title, "MB", values, demands))
    return made


def idle(field: Field, windows: int, seconds: float) -> Rows:
    """Do nothing while somebody else holds sockets open; tell what all of ours uses."""
    holder = subprocess.Popen(
        net_loads.client("net_client", "hold", field.space.address, PORT + 3, _FOREIGN, 0, 0, 0),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=field.ours.work,
    )
    assert holder.stdout is not None
    held = int(holder.stdout.readline())
    values: dict[str, list[float]] = {}
    demands = []
    try:
        for product in field.products:
            product.warm()
            time.sleep(3.0)
            for _ in range(windows):
                before, began = product.cpu_ns(), time.monotonic_ns()
                time.sleep(seconds)
                share = 100 * (product.cpu_ns() - before) / (time.monotonic_ns() - began)
                values.setdefault(product.name, []).append(share)
            share = statistics.median(values[product.name])
            demands.append(report.at_most(f"{product.name}: at most 0.1 %", 0.1, share))
    finally:
        holder.communicate()
    return [report.row(f"idle, {held} foreign sockets: of one core", "%", values, demands)]
