"""Simulate a fleet of laptops against any ingest service, and check what became of its facts.

usage: PTYWRAP_TOKEN=SECRET python -m scripts.fleet --url URL --laptops N [--days D] [--over S]
       python -m scripts.fleet --state DIR --check STORE

The secret is an enrolment secret with as many uses as there are laptops:
`ptywrap-ingest token create --enrol --uses N`. Equal seeds make equal fleets; a fleet that was
ended goes on where its ledger (`--state`) ends. `--check` reads the store behind the service's
back, so a DuckDB file's owner must have ended.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles

from scripts.fleet.check import check
from scripts.fleet.ledger import Fleet, Ledger
from scripts.fleet.life import Window
from scripts.fleet.play import Pace, Played, play
from scripts.fleet.post import Patience
from scripts.fleet.readers import reader

MS = 1_000_000


def main() -> int:
    """Play or check; 0 when nothing was lost, refused or left unknown."""
    args = _arguments()
    ledger = Ledger(args.state)
    if args.check:
        return _check(ledger, args.check)
    secret = os.environ.get("PTYWRAP_TOKEN") or _secret(args.token_file)
    if not (args.url and secret):
        print("a fleet needs --url, and PTYWRAP_TOKEN or --token-file", file=sys.stderr)
        return 2
    window = Window(args.until or time.time_ns(), args.days, args.commands)
    fleet = ledger.begin(Fleet(args.url, args.laptops, args.seed, window, args.rows))
    patience = Patience(first_s=args.patience, attempts=args.attempts)
    pace = Pace(args.over, args.workers, patience, args.connections)
    played = asyncio.run(play(fleet, ledger, secret, pace))
    print(json.dumps(summary(fleet, played), indent=1))
    return 0 if all(fate.outcome == "acknowledged" for fate in played.fates) else 1


def summary(fleet: Fleet, played: Played) -> dict[str, object]:
    """Return a run in numbers."""
    rows = sum(fate.rows for fate in played.fates if fate.outcome == "acknowledged")
    answers = [fate.answer_ns / MS for fate in played.fates if fate.answer_ns]
    cuts = quantiles(answers, n=100) if len(answers) > 1 else [0.0] * 99
    return {
        "laptops": fleet.laptops,
        "batches": len(played.fates),
        "outcomes": dict(Counter(fate.outcome for fate in played.fates)),
        "attempts": sum(fate.attempts for fate in played.fates),
        "repeated": sum(fate.repeated for fate in played.fates),
        "rows": rows,
        "bytes": played.sent_bytes,
        "bytes_per_row": round(played.sent_bytes / max(rows, 1), 1),
        "made_s": round(played.made_s, 2),
        "sent_s": round(played.sent_s, 2),
        "rows_per_s": round(rows / played.sent_s) if played.sent_s else 0,
        "answer_ms": {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)},
    }


def _check(ledger: Ledger, store: str) -> int:
    held = reader(store)
    try:
        found = check(ledger.fleet(), ledger, held)
    finally:
        held.close()
    print(json.dumps(found._asdict(), indent=1))
    return 0 if found.faults == 0 else 1


def _secret(file: Path | None) -> str:
    return file.read_text().strip() if file else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--url", default="", help="the service, e.g. http://127.0.0.1:8600")
    add("--token-file", type=Path, help="a file with the enrolment secret")
    add("--state", type=Path, default=Path("fleet-state"), help="the ledger's folder")
    add("--laptops", type=int, default=20, help="how many (20)")
    add("--days", type=int, default=5, help="how many days each has lived (5)")
    add("--commands", type=int, default=120, help="commands a day, in the median (120)")
    add("--rows", type=int, default=1000, help="facts in a batch, at most (1000)")
    add("--seed", type=int, default=1, help="which fleet (1)")
    add("--until", type=int, default=0, help="the end of those days, ns since 1970 (now)")
    add("--over", type=float, default=0.0, help="seconds the days are played over (0: at once)")
    add("--workers", type=int, default=1, help="processes that make the facts beforehand (1)")
    add("--connections", type=int, default=64, help="connections at once (64)")
    add("--patience", type=float, default=1.0, help="s of the first back-off (1)")
    add("--attempts", type=int, default=40, help="attempts for each batch (40)")
    add("--check", metavar="STORE", help="compare a store (path or URL) with the ledger")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
