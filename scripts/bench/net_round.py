"""One load with everything that watches it at once, and what came of all its rounds as rows."""

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.bench import report
from scripts.bench.net_field import Field
from scripts.bench.net_loads import Bars, Load
from scripts.bench.net_peers import Peer, Told
from scripts.bench.net_product import Product
from scripts.bench.net_truth import Claim, Score, Truth, score, with_pids
from scripts.bench.paired import ratio

Rows = list[dict[str, Any]]
TRACED = "tracepoints"
UNITS = {"CPU": "s", "life of a connection": "ms"}


class Outcome(NamedTuple):
    """What one observer made of one load."""

    score: Score
    cpu_s: float
    missed: int | None


class Round(NamedTuple):
    """What all observers made of one load, and how long its connections lived."""

    outcomes: dict[str, Outcome]
    life_ms: float


class Way(NamedTuple):
    """How a load is watched: by which product, by which peers; `bare`: by the peers alone."""

    product: Product
    peers: Sequence[Peer] = ()
    bare: bool = False
    label: str = ""
    """What is put behind the name of the product."""
    linger_s: float = 0.0
    """How long to wait for what is told late."""


def one_round(field: Field, load: Load, way: Way, below: int | None = None) -> Round:
    """Run a load once; return what each observer made of it.

    Connections of `below` bytes or more are those of others and not of the load.
    """
    field.space.take(0)
    if field.tracer is not None:
        field.tracer.take()
    for peer in way.peers:
        peer.begin(field.space)
    if not way.bare and "ordinary" in way.product.name:
        way.product.fresh()
    argv = load.argv(field.space, way.product.work)
    told: dict[str, Told] = {}
    if way.bare:
        way.product.bare(argv)
    else:
        run = way.product.run(argv)
        time.sleep(way.linger_s)
        told[way.product.name + way.label] = way.product.told(run, field.space)
    truths = _truths(field, below)
    told |= {peer.name: peer.end(truths) for peer in way.peers}
    outcomes = {
        name: Outcome(score(truths, _about(one.claims, below), one.rest), one.cpu_s, one.missed)
        for name, one in told.items()
    }
    lives = [(one.closed_ns - one.accepted_ns) / 1e6 for one in truths if one.closed_ns]
    return Round(outcomes | _kernel(field, truths), statistics.median(lives) if lives else 0.0)


def _truths(field: Field, below: int | None) -> list[Truth]:
    truths, _ = field.space.take()
    traced = [] if field.tracer is None else [one for _, one in field.tracer.take()]
    truths = with_pids(truths, traced)
    if below is None:
        return truths
    return [truth for truth in truths if 0 < truth.received_bytes < below]


def _about(claims: Sequence[Claim], below: int | None) -> list[Claim]:
    """Return claims but those about others' connections that nobody was found for."""
    return [
        one
        for one in claims
        if below is None or one.pid is not None or 0 < (one.received_bytes or 0) < below
    ]


def _kernel(field: Field, truths: Sequence[Truth]) -> dict[str, Outcome]:
    """Return what the tracepoints themselves saw and counted, beside the server's log."""
    if field.tracer is None:
        return {}
    claims = [
        Claim(one.port, one.accepted_ns, one.closed_ns, one.kernel_received, one.kernel_sent,
              one.pid, "exact")
        for one in truths
        if one.pid is not None
    ]  # fmt: skip
    return {TRACED: Outcome(score(truths, claims), 0.0, None)}


def rows(load: Load, rounds: Sequence[Round]) -> Rows:
    """Return the rows of all rounds of one load."""
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for one in rounds:
        taken["life of a connection"]["server"].append(one.life_ms)
        for who, (found, cpu_s, missed) in one.outcomes.items():
            for measure, value in _measures(found, missed).items():
                taken[measure][who].append(value)
            if who != TRACED:
                taken["CPU"][who].append(cpu_s)
            for rival, _ in _rivals(load.bars):
                if _ours(who) and rival in one.outcomes:
                    pairs[who, rival].append((cpu_s, one.outcomes[rival].cpu_s))
    made = []
    for measure, values in taken.items():
        unit = UNITS.get(measure, "" if measure.endswith("number") else "%")
        demands = _demands(measure, values, load.bars)
        if measure == "CPU":
            demands = _cheaper(pairs, load.bars)
        made.append(report.row(f"{measure}: {load.title}", unit, values, demands))
    return made


def _measures(found: Score, missed: int | None) -> dict[str, float]:
    whole = max(1, found.connections)
    told = {
        "connections not seen": 100 * (found.connections - found.seen) / whole,
        "bytes not right within 1": 100 * (found.connections - found.within) / whole,
        "bytes told, share of the truth": 100 * found.told_bytes / max(1, found.true_bytes),
        "connections that never were, number": float(found.foreign),
    }
    if found.judged or not found.connections:
        told |= {
            "pid not told": 100 * (found.connections - found.right - found.wrong) / whole,
            "pid wrong, number": float(found.wrong),
            "pid wrong and called exact, number": float(found.wrong_exact),
        }
    if found.judged and found.likely:
        told["called likely and wrong"] = 100 * (1 - found.likely_right / found.likely)
    if missed is not None:
        told["connections told as missed, number"] = float(missed)
    return told


def _demands(measure: str, values: dict[str, list[float]], bars: Bars) -> list[report.Demand]:
    demands = []
    for who, taken in values.items():
        bar = _bar(measure, who, bars) if _ours(who) else None
        if bars.strays and who.startswith("ptywrap, ordinary"):
            bar = bar if measure.endswith("number") else None
        if bar is not None:
            demands.append(report.at_most(f"{who}: at most {bar:g}", bar, max(taken)))
    return demands


def _cheaper(
    pairs: dict[tuple[str, str], list[tuple[float, float]]], bars: Bars
) -> list[report.Demand]:
    demands = []
    for (who, rival), both in pairs.items():
        most = dict(_rivals(bars))[rival]
        share = ratio([ours for ours, _ in both], [theirs for _, theirs in both])
        demands.append(report.within(f"{who}: at most {most} x {rival}", most, share))
    return demands


def _ours(who: str) -> bool:
    return who.startswith(("ptywrap", "netsniff"))


def _rivals(bars: Bars) -> list[tuple[str, float]]:
    rivals = [("nethogs", bars.cpu_of_nethogs), ("psutil 100 ms", bars.cpu_of_psutil)]
    return [(who, most) for who, most in rivals if most is not None]


def _bar(measure: str, who: str, bars: Bars) -> float | None:
    """Return the most that is permitted of a measure."""
    if measure == "pid not told":
        return bars.ownerless_root if "root" in who else bars.ownerless_ordinary
    return {
        "connections not seen": bars.unseen,
        "bytes not right within 1": bars.inexact,
        "pid wrong and called exact, number": 0.0,
        "called likely and wrong": bars.likely,
        "connections that never were, number": 0.0,
    }.get(measure)
