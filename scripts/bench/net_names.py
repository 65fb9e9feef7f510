"""Hosts' names from packets: two on one address, first messages that are cut, and what it costs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ptywrap import wire
from scripts.bench import net_loads, report
from scripts.bench.net_cost import spent_ns
from scripts.bench.net_field import Field
from scripts.bench.net_product import Product, Run
from scripts.bench.net_round import Rows
from scripts.bench.net_space import PORT, ROOT, Space

TLS = PORT + 5
SETTINGS = "[network]\ncapture = true\n"
_NAMES = ("one.bench.test", "two.bench.test")
_CUTS = ("after", "inside", "before")
_STEP = 30_000
_PATIENCE_S = 15.0
_HEAR_S = 1.5
"""How long a helper takes to begin, and a name to arrive."""


def rows(field: Field, number: int) -> Rows:
    """Fetch from two names of one address, then with first messages cut; the product captures."""
    product = field.ours
    _hearing(product)
    with _tls(field):
        run = product.run(_fetches(field.space, number))
    flows = [flow for flow in product.flows(run) if flow.remote_port == TLS]
    told = [flow.remote_host for flow in flows if flow.command]
    print(f"  {len(flows)} TLS flows, {len(told)} of the command", file=sys.stderr)
    right = [sum(_host(flow) == name for flow in _of(flows, at)) for at, name in enumerate(_NAMES)]
    wrong = sum(
        flow.remote_host not in {None, _NAMES[at]} for at in range(2) for flow in _of(flows, at)
    )
    missing = 100 * (number * 2 - sum(right)) / (number * 2)
    cuts = {
        where: [float(sum(_host(flow) is not None for flow in _of(flows, 2 + at)))]
        for at, where in enumerate(_CUTS)
    }
    who = product.name
    return [
        report.row(
            "two names on one address: host not right", "%", {who: [missing]},
            [report.at_most("at most 1 %", 1.0, missing)],
        ),
        report.row(
            "two names on one address: the other's name, number", "", {who: [float(wrong)]},
            [report.at_most("none", 0.0, float(wrong))],
        ),
        report.row(
            f"first message cut: names told of {number // 5 or 1}", "", cuts,
            [
                report.at_most("none when cut inside", 0.0, cuts["inside"][0]),
                report.at_most("none when cut before", 0.0, cuts["before"][0]),
                report.at_most("none missing when cut after", 0.0,
                               (number // 5 or 1) - cuts["after"][0]),
            ],
        ),
    ]  # fmt: skip


def bulk(field: Field, repeats: int, size: int) -> Rows:
    """Download while the helper hears; tell what it used."""
    product = field.ours
    used, missed = [], 0
    for _ in range(repeats):
        helpers = _hearing(product)
        before = sum(spent_ns(pid) for pid in helpers)
        run = product.run(_download(field.space, size))
        used.append((sum(spent_ns(pid) for pid in helpers) - before) / 1e9)
        missed += _dropped(product, run)
    return [
        report.row(
            f"capture during a download of {size / 1e9:g} GB: CPU of the helper", "s",
            {product.name: used}, [report.at_most("at most 0.02 s", 0.02, max(used))],
        ),
        report.row(
            f"capture during a download of {size / 1e9:g} GB: packets told as dropped", "",
            {product.name: [float(missed)]}, [report.at_most("none", 0.0, float(missed))],
        ),
    ]  # fmt: skip


def _hearing(product: Product) -> list[int]:
    """Wait until a helper runs and has begun; return its pids."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (helpers := capturing(product)):
        if time.monotonic() > deadline:
            raise RuntimeError("no capture helper runs")
        time.sleep(0.1)
    time.sleep(_HEAR_S)
    return helpers


def capturing(product: Product) -> list[int]:
    """Return the pids of the capture helper."""
    observer = product.stand.observer()
    if observer is None:
        return []
    below = psutil.Process(observer).children(recursive=True)
    return [one.pid for one in below if any("capture" in word for word in one.cmdline())]


def _dropped(product: Product, run: Run) -> int:
    began = run.began_ns + time.time_ns() - time.monotonic_ns()
    return sum(
        fact.missed or 0
        for fact in product.facts()
        if isinstance(fact, wire.Loss) and fact.sensor == "capture" and fact.since >= began
    )


def _download(space: Space, size: int) -> list[str]:
    return ["curl", "-s", "-o", "/dev/null", space.url(0, str(size))]


def _fetches(space: Space, number: int) -> list[str]:
    """Fetch from each name by curl, a different size for each, then with cut first messages."""
    lines = []
    for at, name in enumerate(_NAMES):
        size = 10_000 + _STEP * at
        there = f"--resolve {name}:{TLS}:{space.address} https://{name}:{TLS}/{size}"
        lines.append(f"seq {number} | xargs -P4 -I@ curl -k -s -o /dev/null {there}")
    for at, where in enumerate(_CUTS):
        size = 10_000 + _STEP * (2 + at)
        words = (space.address, TLS, _NAMES[0], size, where, number // 5 or 1)
        lines.append(" ".join(net_loads.client("net_hello", *words)))
    return ["/bin/sh", "-c", " && ".join(lines)]


def _of(flows: list[wire.Flow], place: int) -> list[wire.Flow]:
    """Return the flows of one kind: each kind fetches another size."""
    least = 10_000 + _STEP * place
    return [one for one in flows if least <= (one.received_bytes or 0) < least + _STEP]


def _host(flow: wire.Flow) -> str | None:
    return flow.remote_host if flow.host_source == "sni" else None


@contextmanager
def _tls(field: Field) -> Iterator[None]:
    certificate = _certificate(field.folder)
    words = [field.space.address, str(TLS), *map(str, certificate)]
    argv = [*field.space.inside, sys.executable, "-m", "scripts.bench.net_tls", *words]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert server.stdout is not None
        if server.stdout.readline() != b"ready\n":
            raise RuntimeError("the TLS server does not start")
        yield
    finally:
        server.kill()
        server.wait()


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x"
    argv = ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, env=os.environ)
    return certificate, key
