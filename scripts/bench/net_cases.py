"""The cases nobody lists, as rows: what is not told of each, by those in which it is anything."""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from scripts.bench import net_loads, net_odd, report
from scripts.bench.net_field import Field
from scripts.bench.net_loads import Load
from scripts.bench.net_round import Outcome, Rows, Way, one_round
from scripts.bench.net_space import PORT, Space

_NUMBER = 20
_DEMANDED = ("neither seen nor told as missed", "pid wrong and called exact", "never were")


def odd(field: Field, only: str) -> Rows:
    """Run each case that nobody lists, under each product."""
    taken: dict[str, dict[str, Outcome]] = defaultdict(dict)
    for name in net_odd.CASES:
        if only in name:
            print(f"  {name}", file=sys.stderr, flush=True)
            load = Load(name, _NUMBER, _case(name))
            for product in field.products:
                outcome = one_round(field, load, Way(product)).outcomes[product.name]
                taken[product.name][name] = outcome
    return [row for who, outcomes in taken.items() for row in _rows(who, outcomes)]


def _rows(who: str, outcomes: dict[str, Outcome]) -> Rows:
    cases: dict[str, dict[str, float]] = defaultdict(dict)
    for name, outcome in outcomes.items():
        for measure, value in _measures(outcome).items():
            cases[measure][name] = value
    made: Rows = []
    for measure, values in cases.items():
        some = {name: [value] for name, value in values.items() if value}
        rest = len(values) - len(some)
        demands = []
        if measure in _DEMANDED:
            demands = [report.at_most("none in any case", 0.0, max(values.values()))]
        shown = {**some, f"each of {rest} other cases": [0.0]} if rest else some
        title = f"{measure}, of {_NUMBER} connections of a case; {who}"
        made.append(report.row(title, "", shown, demands))
    return made


def _measures(outcome: Outcome) -> dict[str, float]:
    found, missed = outcome.score, outcome.missed or 0
    unseen = found.connections - found.seen
    return {
        "not seen": float(unseen),
        "neither seen nor told as missed": float(max(0, unseen - missed)),
        "bytes not right within 1": float(found.connections - found.within),
        "pid not told": float(found.connections - found.right - found.wrong),
        "pid wrong": float(found.wrong),
        "pid wrong and called exact": float(found.wrong_exact),
        "never were": float(found.foreign),
    }


def _case(name: str) -> Callable[[Space, Path], list[str]]:
    def argv(space: Space, _folder: Path) -> list[str]:
        return net_loads.client("net_odd", name, space.address, PORT, _NUMBER)

    return argv
