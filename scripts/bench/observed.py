"""One workload in one home: run bare, observed, and under others that watch processes."""

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.bench import report, stand, tracers, truth, workloads
from scripts.bench.company import Company
from scripts.bench.paired import ratio
from tests.conformance import strace_truth


class Seen(NamedTuple):
    """What one observed run gave beside its length."""

    shares: truth.Shares
    reader_us: float
    observer_us: float
    losses: int


class Bench:
    """Every measure returns seconds and keeps what else there is to say."""

    def __init__(self, at: stand.Stand, demanded: workloads.Demanded) -> None:
        self.stand = at
        self.demanded = demanded
        self.folder = demanded.workload.folder
        self.argv, self.result = workloads.timed(demanded.workload)
        self.others: dict[str, list[float]] = {"bare": [], "ptywrap": []}
        self.seen: list[Seen | None] = []
        self.rival_missing: list[float] = []
        prefix = self.folder / "trace" / "process"
        self.stand.run([*strace_truth.command(prefix), *self.argv], cwd=self.folder)
        self.truth = truth.read(prefix)

    def bare(self) -> float:
        """Run it with nothing of ours at work: the observer has no session and does not listen."""
        return self._seconds("bare", self.argv)

    def observed(self) -> float:
        """Run it observed, and keep what the record shows."""
        record = self.folder / "record.json"
        record.unlink(missing_ok=True)
        self.stand.calm()
        before = {pid: stand.cpu_ns(pid) for pid in self.stand.watchers()}
        head = [*self.stand.launcher, "--json", str(record), "--quiet", "--"]
        seconds = self._seconds("ptywrap", [*head, *self.argv])
        self.stand.calm()
        spent = {pid: stand.cpu_ns(pid) - before.get(pid, 0) for pid in self.stand.watchers()}
        observer = spent.pop(self.stand.observer() or 0, 0)
        self.seen.append(None)
        if record.exists():
            told = json.loads(record.read_text(encoding="utf-8"))
            events = 1000 * self.truth.events
            self.seen[-1] = Seen(
                truth.shares(self.truth, told["processes"]),
                sum(spent.values()) / events,
                observer / events,
                len(told["losses"]),
            )
        return seconds

    def rival(self, name: str) -> float:
        """Run it under a tracer that we started."""
        self.stand.calm()
        if name == "bpftrace":
            tracers.bpftrace(self.folder, self.argv)
            number = self.truth.statuses.total()
            told = tracers.deaths(self.folder)
            self.rival_missing.append(100 * max(0, number - told) / number)
        else:
            tracers.strace(self.folder, self.argv)
        return self._length()

    def rows(self, seen: Sequence[Seen], title: str) -> list[dict[str, Any]]:
        """Return what was not seen, and what it cost to see the rest."""
        if not seen:
            raise RuntimeError(f"no run of {title} left a record")
        return [self._not_seen(seen, title), self._spent(seen, title)]

    def _not_seen(self, seen: Sequence[Seen], title: str) -> dict[str, Any]:
        shares = [one.shares for one in seen]
        values = {
            "processes missing": [one.processes_missing for one in shares],
            "processes foreign": [one.processes_foreign for one in shares],
            "exit statuses wrong": [one.ends_wrong for one in shares],
            "argv missing": [one.argv_missing for one in shares],
            "argv wrong": [one.argv_wrong for one in shares],
        }
        demands = [
            report.at_most(f"no {name}", 0.0, max(values[name]))
            for name in values
            if name != "argv missing"
        ]
        demands.append(report.at_most("no run without a record", 0.0, float(self.seen.count(None))))
        if self.demanded.workload.share:
            permitted = (1000 - self.demanded.workload.share) / 10
            share = ratio(values["argv missing"], [1.0] * len(shares))
            demands.append(
                report.within(f"argv missing: at most {permitted:g} %", permitted, share)
            )
        return report.row(f"not seen: {title}", "%", values, demands)

    def _spent(self, seen: Sequence[Seen], title: str) -> dict[str, Any]:
        values = {"reader": [s.reader_us for s in seen], "observer": [s.observer_us for s in seen]}
        bar, demands = self.demanded.reader_us, []
        if bar is not None:
            spread = ratio(values["reader"], [1.0] * len(seen))
            demands.append(report.within(f"reader: at most {bar:g} µs", bar, spread))
        return report.row(f"CPU an event: {title}", "µs", values, demands)

    def _seconds(self, who: str, argv: Sequence[str]) -> float:
        self.stand.calm()
        others = Company(time.monotonic_ns(), self.stand.watchers())
        self.stand.run(argv, cwd=self.folder)
        self.others[who].append(others.permille(time.monotonic_ns()))
        return self._length()

    def _length(self) -> float:
        length, status = self.result.read_text(encoding="ascii").split()
        if int(status):
            raise RuntimeError(f"{self.demanded.title} ended with {status}")
        return int(length) / 1e9
