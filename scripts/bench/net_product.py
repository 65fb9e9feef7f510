"""The product as one that watches: a run in somebody's home, and what its spool tells of it.

Flows that nobody was found for belong to the host's own session and to no command, so the facts are
read, not the run record alone.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ptywrap import segments, wire
from scripts.bench.net_cost import family_ns
from scripts.bench.net_peers import Told
from scripts.bench.net_space import Space
from scripts.bench.net_truth import Claim, Rest
from scripts.bench.stand import Stand

SETTLE_S = 1.6
"""A connection that is over waits a second for somebody to be found for it."""
_PATIENCE_S = 10.0
_OWNERLESS = "nobody was found who held them"
_SLACK_NS = 50_000_000


class Run(NamedTuple):
    """One load under the product: when, how long, the record it wrote."""

    began_ns: int
    ended_ns: int
    record: dict[str, Any]
    cpu_s: float


class Product:
    """The product in one home."""

    def __init__(self, at: Stand, name: str, settings: str = "") -> None:
        self.stand = at
        self.name = name
        self.work = at.folder / "work"
        self.work.mkdir()
        if settings:
            config = Path(at.home.environ["XDG_CONFIG_HOME"]) / "ptywrap"
            config.mkdir(mode=0o700, exist_ok=True)
            (config / "config.toml").write_text(settings, encoding="utf-8")
        self.give()

    def give(self) -> None:
        """Let the account own what lies in its home."""
        account = self.stand.account
        if account is not None:
            config = Path(self.stand.home.environ["XDG_CONFIG_HOME"])
            for path in (self.work, *self.work.rglob("*"), *config.rglob("*")):
                path.chmod(path.stat().st_mode | 0o444)
                shutil.chown(path, account.uid, account.gid)

    def warm(self) -> None:
        """Have the observer come up and become calm."""
        self.stand.run([*self.stand.launcher, "--quiet", "--", "/bin/true"], cwd=self.work)
        self.stand.calm()

    def stop(self) -> None:
        """End the observer, and wait until it is gone."""
        pid = self.stand.observer()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def fresh(self) -> None:
        """Begin with an observer that has told nothing yet: it tells strays by the minute."""
        self.stop()
        self.warm()

    def bare(self, argv: Sequence[str]) -> tuple[int, int]:
        """Run something unobserved; return when it began and ended."""
        began = time.monotonic_ns()
        self.stand.run(argv, cwd=self.work)
        return began, time.monotonic_ns()

    def run(self, argv: Sequence[str]) -> Run:
        """Run something observed, and wait until all about it is told."""
        record = self.work / "record.json"
        record.unlink(missing_ok=True)
        before = self.cpu_ns()
        began = time.monotonic_ns()
        head = [*self.stand.launcher, "--json", str(record), "--quiet", "--"]
        self.stand.run([*head, *argv], cwd=self.work)
        ended = time.monotonic_ns()
        time.sleep(SETTLE_S)
        self.stand.calm()
        told = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        return Run(began, ended, told, (self.cpu_ns() - before) / 1e9)

    def cpu_ns(self) -> int:
        """Return what the observer and all it started have used."""
        pid = self.stand.observer()
        return family_ns([pid]) if pid else 0

    def facts(self) -> list[wire.Fact]:
        """Return all the spool holds, the oldest first."""
        state = Path(self.stand.home.environ["XDG_STATE_HOME"])
        folders = [*state.glob("ptywrap/*/archive"), *state.glob("ptywrap/*/spool")]
        return [fact for folder in folders for fact in segments.recent(folder)]

    def flows(self, run: Run) -> list[wire.Flow]:
        """Return the last telling of each flow that overlaps a run, whosever it is."""
        offset = _offset_ns()
        began, ended = run.began_ns + offset - _SLACK_NS, run.ended_ns + offset
        latest: dict[tuple[bytes, int, int], wire.Flow] = {}
        for fact in self.facts():
            if isinstance(fact, wire.Flow):
                latest[fact.session, fact.id, fact.command] = fact
        return [
            flow
            for flow in latest.values()
            if (flow.closed_at is None or flow.closed_at >= began)
            and (flow.opened_at is None or began <= flow.opened_at <= ended)
        ]

    def told(self, run: Run, space: Space) -> Told:
        """Return what it says of connections to the server during a run.

        Those that nobody was found for are told without an address, but with the port.
        """
        flows = self.flows(run)
        ours = {space.address, space.address6}
        to_us = [
            flow
            for flow in flows
            if flow.remote_port in space.ports
            and (flow.remote_address in ours or (flow.command == 0 and not flow.remote_address))
            and flow.protocol == "tcp"
        ]
        rest = [flow for flow in flows if flow.protocol is None and not flow.loopback]
        own = [flow for flow in rest if flow.command]
        listed = sum(flow.command != 0 for flow in to_us)
        number: int | None = None if rest else 0
        if own:
            number = max(0, (run.record["command"]["connections"] or 0) - listed)
        summed = Rest(
            number,
            sum(flow.received_bytes or 0 for flow in own or rest),
            sum(flow.sent_bytes or 0 for flow in own or rest),
        )
        return Told([claim(flow) for flow in to_us], run.cpu_s, self.missed(run), summed)

    def missed(self, run: Run) -> int:
        """Return how many connections it says it missed during a run.

        Those that nobody was found for were seen: they are flows, or summed up.
        """
        offset = _offset_ns()
        losses: dict[tuple[str, int], int] = {}
        for fact in self.facts():
            if isinstance(fact, wire.Loss) and "sock" in fact.sensor and fact.reason != _OWNERLESS:
                overlaps = fact.since <= run.ended_ns + offset and (
                    fact.until is None or fact.until >= run.began_ns + offset
                )
                if overlaps:
                    losses[fact.sensor, fact.since] = fact.missed or 0
        return sum(losses.values())


def claim(flow: wire.Flow) -> Claim:
    """Return a flow as a claim, its times CLOCK_MONOTONIC."""
    offset = _offset_ns()
    return Claim(
        None,
        None if flow.opened_at is None else flow.opened_at - offset,
        None if flow.closed_at is None else flow.closed_at - offset,
        flow.received_bytes,
        flow.sent_bytes,
        flow.pid,
        flow.pid_confidence,
    )


def _offset_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
