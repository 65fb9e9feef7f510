"""Measures what it costs to be observed, and how much is seen, into docs/measure.

usage: python -m scripts.bench.lifecycle [--smoke] [--only WORKLOAD] [--folder FOLDER]

Each workload runs bare, observed by the product, and beside it under strace and bpftrace, in turn;
as root and as an ordinary user. What must be seen is told by strace in a run of its own, because
strace slows a workload so much that nobody could miss anything.
"""

import argparse
import functools
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from scripts.bench import report, stand, tracers, truth, workloads
from scripts.bench.paired import interleaved, ratio
from scripts.bench.workloads import Workload
from tests import account as accounts

Rows = list[dict[str, Any]]
_RIVALS_SHARE = 4
_READER_US = {"storm": 10.0, "1,000": 40.0}
"""Demands on the reader's CPU an event: events alone, and with an argument list for a third."""


class Seen(NamedTuple):
    """What one observed run gave beside its length."""

    shares: truth.Shares
    reader_us: float
    observer_us: float
    losses: int


class Bench:
    """One workload in one home; every measure returns seconds."""

    def __init__(self, at: stand.Stand, workload: Workload, folder: Path) -> None:
        self.stand = at
        self.workload = workload
        self.folder = folder
        self.argv, self.result = workloads.timed(folder, workload)
        self.seen: list[Seen] = []
        self.unrecorded = 0
        self.rival_missing: list[float] = []
        self.truth = self._truth()

    def bare(self) -> float:
        """Run it with nothing of ours at work: the observer has no session and does not listen."""
        return self._seconds(self.argv)

    def observed(self) -> float:
        """Run it observed, and keep what the record shows."""
        record = self.folder / "record.json"
        record.unlink(missing_ok=True)
        self.stand.calm()
        before = {pid: stand.cpu_ns(pid) for pid in self.stand.watchers()}
        head = [*self.stand.launcher, "--json", str(record), "--quiet", "--"]
        seconds = self._seconds([*head, *self.argv])
        self.stand.calm()
        spent = {pid: stand.cpu_ns(pid) - before.get(pid, 0) for pid in self.stand.watchers()}
        observer = spent.pop(self.stand.observer() or 0, 0)
        if not record.exists():
            self.unrecorded += 1
            return seconds
        told = json.loads(record.read_text(encoding="utf-8"))
        events = 1000 * self.truth.events
        shares = truth.shares(self.truth, told["processes"])
        self.seen.append(
            Seen(shares, sum(spent.values()) / events, observer / events, len(told["losses"]))
        )
        return seconds

    def rival(self, name: str) -> float:
        """Run it under a tracer that we started."""
        run = tracers.strace(self.folder) if name.startswith("strace") else None
        self.stand.calm()
        self.workload.prepare()
        (run or tracers.bpftrace(self.folder))(self.argv)
        if run is None:
            number = self.truth.ends.total()
            told = tracers.deaths(self.folder)
            self.rival_missing.append(100 * max(0, number - told) / number)
        return self._length()

    def _truth(self) -> truth.Truth:
        path = self.folder / "truth.txt"
        self.workload.prepare()
        self.stand.run([*truth.STRACE, str(path), *self.argv])
        return truth.read(path)

    def _seconds(self, argv: list[str]) -> float:
        self.stand.calm()
        self.workload.prepare()
        self.stand.run(argv)
        return self._length()

    def _length(self) -> float:
        length, status = self.result.read_text(encoding="ascii").split()
        if int(status):
            raise RuntimeError(f"{self.workload.name} ended with {status}")
        return int(length) / 1e9


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
        for workload in workloads.every(folder, 20 if args.smoke else 1):
            title = f"{workload.name}, {who}"
            if args.only and args.only not in title:
                continue
            print(f"measuring {title}", file=sys.stderr, flush=True)
            _give(folder, person)
            bench = Bench(at, workload, folder)
            rows += _measured(bench, rivals, args.repeats, title)
    return rows


def _measured(bench: Bench, rivals: list[str], repeats: int, title: str) -> Rows:
    """Measure in pairs, then some rounds beside the rivals, who take much longer."""
    taken = interleaved({"bare": bench.bare, "ptywrap": bench.observed}, repeats)
    workload = bench.workload
    slowed = ratio(taken["ptywrap"], taken["bare"])
    demand = report.within(f"at most {workload.slowdown} x bare", workload.slowdown, slowed)
    rows = [
        report.row(f"wall time: {title}", "s", taken, [demand]),
        _not_seen(bench, title),
        _spent(bench, title),
    ]
    return (
        rows + _beside(bench, rivals, max(1, repeats // _RIVALS_SHARE), title) if rivals else rows
    )


def _beside(bench: Bench, rivals: list[str], repeats: int, title: str) -> Rows:
    measures: dict[str, Callable[[], float]] = {"bare": bench.bare, "ptywrap": bench.observed}
    measures |= {name: functools.partial(bench.rival, name) for name in rivals}
    taken = interleaved(measures, repeats)
    demands = []
    if "bpftrace" in taken and bench.workload.beats_bpftrace:
        beside = ratio(taken["ptywrap"], taken["bpftrace"])
        demands.append(report.within("at most bpftrace's", 1.0, beside))
    rows = [report.row(f"wall time beside tracers: {title}", "s", taken, demands)]
    if bench.rival_missing:
        missed = {"bpftrace": bench.rival_missing[1:]}
        rows.append(report.row(f"processes missing beside us: {title}", "%", missed, []))
    return rows


def _not_seen(bench: Bench, title: str) -> dict[str, Any]:
    seen = [one.shares for one in bench.seen]
    values = {
        "processes missing": [one.processes_missing for one in seen],
        "processes foreign": [one.processes_foreign for one in seen],
        "exit statuses wrong": [one.ends_wrong for one in seen],
        "argv missing": [one.argv_missing for one in seen],
        "argv wrong": [one.argv_wrong for one in seen],
    }
    permitted = bench.workload.argv_missing_permille / 10
    demands = [
        report.at_most(f"no {name}", 0.0, max(values[name]))
        for name in values
        if name != "argv missing"
    ]
    demands.append(report.at_most("no run without a record", 0.0, float(bench.unrecorded)))
    if bench.workload.argv_missing_permille:
        share = ratio(values["argv missing"], [1.0] * len(seen))
        demands.append(report.within(f"argv missing: at most {permitted:g} %", permitted, share))
    print(f"  losses told: {[one.losses for one in bench.seen]}", file=sys.stderr)
    return report.row(f"not seen: {title}", "%", values, demands)


def _spent(bench: Bench, title: str) -> dict[str, Any]:
    seen = bench.seen
    values = {"reader": [s.reader_us for s in seen], "observer": [s.observer_us for s in seen]}
    demands = []
    for start, bar in _READER_US.items():
        if bench.workload.name.startswith(start):
            spread = ratio(values["reader"], [1.0] * len(seen))
            demands.append(report.within(f"reader: at most {bar:g} µs", bar, spread))
    return report.row(f"CPU an event: {title}", "µs", values, demands)


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
