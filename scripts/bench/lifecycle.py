"""Measures what it costs to be observed, and how much is seen, into docs/measure.

usage: python -m scripts.bench.lifecycle [--smoke] [--only WORKLOAD] [--folder FOLDER]

Each workload runs bare and observed by the product in turn, as root and as an ordinary user, then
beside strace and bpftrace. What must be seen is told by strace in a run of its own, because strace
slows a workload so much that nobody could miss anything.
"""

import argparse
import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench import company, report, stand, tracers, workloads
from scripts.bench.observed import Bench
from scripts.bench.paired import interleaved, ratio
from tests import account as accounts

Rows = list[dict[str, Any]]
_RIVALS_SHARE = 4


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    rows: Rows = []
    rivals = tracers.here()
    people: list[accounts.Account | None] = [None]
    if os.getuid() == 0 and not args.smoke:
        people.append(accounts.ordinary())
    for person in people:
        rows += _rows(person, rivals if person is None else [], args)
    versions: dict[str, str | None] = {name: tracers.version(name) for name in rivals}
    versions["gcc"] = tracers.version("gcc")
    return report.told(report.write("lifecycle", rows, versions, args.folder), rows)


def _rows(person: accounts.Account | None, rivals: list[str], args: argparse.Namespace) -> Rows:
    who = "root" if os.getuid() == 0 and person is None else "an ordinary user"
    rows: Rows = []
    with stand.stand(person) as at:
        folder = at.folder / "work"
        folder.mkdir()
        at.run([*at.launcher, "--quiet", "--", "/bin/true"])
        for demanded in workloads.every(folder, 400 if args.smoke else 8000):
            title = f"{demanded.title}, {who}"
            if args.only and args.only not in title:
                continue
            print(f"measuring {title}", file=sys.stderr, flush=True)
            (demanded.workload.folder / "trace").mkdir()
            _give(folder, person)
            bench = Bench(at, demanded)
            rows += _measured(bench, args.repeats, title)
            if rivals and (not args.smoke or not demanded.workload.share):
                rows += _beside(bench, rivals, max(1, args.repeats // _RIVALS_SHARE), title)
    return rows


def _measured(bench: Bench, repeats: int, title: str) -> Rows:
    """Measure in pairs, and judge those during which others did least."""
    taken = interleaved({"bare": bench.bare, "ptywrap": bench.observed}, repeats)
    others = [max(pair) for pair in zip(*bench.others.values(), strict=True)][1:]
    places = company.quietest(others, (repeats + 1) // 2)
    taken = {name: [values[at] for at in places] for name, values in taken.items()}
    seen = [one for at in places if (one := bench.seen[at + 1]) is not None]
    print(f"  losses told: {[one.losses for one in seen]}", file=sys.stderr)
    bar = bench.demanded.slowdown
    slowed = report.within(f"at most {bar} x bare", bar, ratio(taken["ptywrap"], taken["bare"]))
    quiet = f"{title}; the {len(places)} quietest of {repeats} pairs"
    company_row = {"others": [others[at] / 10 for at in places]}
    return [
        report.row(f"wall time: {quiet}", "s", taken, [slowed]),
        report.row(f"what others used of the processors: {quiet}", "%", company_row, []),
        *bench.rows(seen, title),
    ]


def _beside(bench: Bench, rivals: list[str], repeats: int, title: str) -> Rows:
    measures: dict[str, Callable[[], float]] = {"bare": bench.bare, "ptywrap": bench.observed}
    measures |= {name: functools.partial(bench.rival, name) for name in rivals}
    taken = interleaved(measures, repeats)
    demands = []
    if "bpftrace" in taken and bench.demanded.beats_bpftrace:
        beside = ratio(taken["ptywrap"], taken["bpftrace"])
        demands.append(report.within("at most bpftrace's", 1.0, beside))
    rows = [report.row(f"wall time beside tracers: {title}", "s", taken, demands)]
    if bench.rival_missing:
        missed = {"bpftrace": bench.rival_missing[1:]}
        rows.append(report.row(f"processes missing beside us: {title}", "%", missed, []))
    return rows


def _give(folder: Path, person: accounts.Account | None) -> None:
    if person is not None:
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, person.uid, person.gid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round: does it run")
    parser.add_argument("--only", metavar="WORKLOAD", help="those whose title contains this")
    parser.add_argument("--repeats", type=int, default=31, help="pairs of each measure (31)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    args = parser.parse_args()
    if args.smoke:
        args.repeats = 1
    return args


if __name__ == "__main__":
    sys.exit(main())
