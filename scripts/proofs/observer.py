"""The observer killed at random moments: no accepted fact is lost, none is told under two ids.

Each trial types a line in a real shell, some of them long enough that the kill falls into the
command, and kills the observer and its reader with SIGKILL at a seeded moment. What lay in the
spool at the kill (the accepted facts) must lie there at the end, byte for byte; each line must have
been told as ended once, under the id its first telling had.

usage: python -m scripts.proofs.observer [--trials 500] [--seed 7] [--shell bash]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ptywrap import segments, wire
from scripts.fleet.dice import Dice
from scripts.proofs.service import told as said
from tests.e2e.observing import Observing
from tests.e2e.places import Place
from tests.e2e.terminal import PROMPT, Terminal

_RENEWED = 100
"""Trials after which a new shell begins, so that sessions and their files are proven too."""


class Proof(NamedTuple):
    """What came of the trials."""

    trials: int
    within: int
    """Kills that fell while a command ran."""
    accepted: int
    lost: int
    missing: int
    """Lines typed that were never told as ended."""
    twice: int
    """Lines told as ended under two ids, and commands that changed theirs after a restart."""
    unended: int
    """Ids that were told as begun and never as ended."""
    torn: int
    """Processes told of two commands."""

    @property
    def holds(self) -> bool:
        """Whether the demand is met."""
        return not any((self.lost, self.missing, self.twice, self.unended, self.torn))


def prove(observing: Observing, trials: int, seed: int, shell: str = "bash") -> Proof:
    """Type, kill and start again so many times; return what was lost and what was told twice."""
    dice = Dice("observer", seed)
    accepted: set[bytes] = set()
    running: dict[int, set[int]] = {}
    lines = []
    within = 0
    window: Terminal | None = None
    for trial in range(trials):
        if window is None or trial % _RENEWED == 0:
            window = observing.shell(shell)
        lines.append(_line(trial, dice))
        typed_at = time.time_ns()
        window.line(lines[-1])
        # The moment is what is proven, so it is not waited for.
        window.read_once(dice.whole(0, 60))
        running[trial] = _running(observing, typed_at)
        observing.kill()
        window.read_once(0)
        within += PROMPT not in window.output[window.position :]
        accepted |= set(rows(observing.place))
        observing.start()
        window.until(PROMPT)
    ended = _settled(observing, lines)
    at_last = set(rows(observing.place))
    return Proof(
        trials=trials,
        within=within,
        accepted=len(accepted),
        lost=len(accepted - at_last),
        missing=sum(1 for line in lines if not ended.get(line)),
        twice=sum(
            1
            for trial, line in enumerate(lines)
            if len(ended.get(line, set()) | running[trial]) > 1
        ),
        unended=_unended(observing.place),
        torn=_torn(observing.place),
    )


def rows(place: Place) -> Iterator[bytes]:
    """Yield every fact of a spool as its bytes, also those the local store has had already."""
    for folder in ("spool", "archive"):
        for path in place.state.glob(f"ptywrap/*/{folder}/*"):
            if path.suffix in {".seg", ".open"}:
                yield from _rows(path)


def _rows(path: Path) -> Iterator[bytes]:
    try:
        data = path.read_bytes()
    except OSError:
        return
    for found in wire.scan(data):
        if found.seq > 0:
            yield found.payload


def _line(trial: int, dice: Dice) -> str:
    """Return a line nobody typed before; every other one takes long enough to be killed in."""
    if trial % 2:
        return f"sh -c 'sleep 0.0{dice.whole(1, 9)}; exit {trial % 7}' {trial}"
    return f"/bin/true {trial}"


def _running(observing: Observing, typed_at: int) -> set[int]:
    """Return the id of what was just typed, where the observer knows of it already."""
    try:
        found = observing.ask("status")["running"]
    except OSError:
        return set()
    return {one["command"] for one in found if (one["started_at"] or 0) >= typed_at}


def _settled(observing: Observing, lines: list[str]) -> dict[str, set[int]]:
    """Return under which ids each line was told as ended, once all are or time is up."""
    deadline = time.monotonic() + 20
    while True:
        ended: dict[str, set[int]] = {}
        for fact in facts(observing.place):
            if isinstance(fact, wire.Command) and fact.wall_ns is not None:
                ended.setdefault(fact.line or "", set()).add(fact.id)
        if set(lines) <= ended.keys() or time.monotonic() > deadline:
            return ended
        time.sleep(0.1)


def facts(place: Place) -> Iterator[wire.Fact]:
    """Yield the facts of every segment, archived ones too."""
    for folder in ("archive", "spool"):
        for path in sorted(place.state.glob(f"ptywrap/*/{folder}")):
            yield from segments.recent(path)


def _unended(place: Place) -> int:
    told = [fact for fact in facts(place) if isinstance(fact, wire.Command)]
    return len({fact.id for fact in told} - {one.id for one in told if one.wall_ns is not None})


def _torn(place: Place) -> int:
    owners: dict[tuple[bytes, int, int], set[int]] = {}
    for fact in facts(place):
        if isinstance(fact, wire.Process) and fact.command:
            owners.setdefault((fact.session, fact.pid, fact.start_ticks), set()).add(fact.command)
    return sum(1 for commands in owners.values() if len(commands) > 1)


def main() -> int:
    """Prove it and print the numbers; 0 where the demand is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500, help="how many kills (500)")
    parser.add_argument("--seed", type=int, default=7, help="which moments (7)")
    parser.add_argument("--shell", default="bash", help="which shell types (bash)")
    args = parser.parse_args()
    place = Place()
    observing = Observing(place)
    try:
        observing.start()
        proof = prove(observing, args.trials, args.seed, args.shell)
    finally:
        observing.close()
        place.close()
    return said(proof._asdict() | {"holds": proof.holds})


if __name__ == "__main__":
    sys.exit(main())
