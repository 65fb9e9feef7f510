"""Measures what a session costs a user, against bare and against rivals, into docs/measure.

usage: python -m scripts.bench.terminal [--smoke] [--only NAME] [--folder FOLDER]
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench import cost, latency, peers, report, throughput

Rows = list[dict[str, Any]]


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    groups: dict[str, Callable[[Path], Rows]] = {
        "throughput": lambda at: throughput.text_rows(at, args.repeats, 50 if args.smoke else 1),
        "echo": lambda at: latency.echo_rows(at, args.repeats, 50 if args.smoke else 1000),
        "start": lambda at: latency.start_rows(at, args.repeats * (1 if args.smoke else 5)),
        "idle": lambda at: cost.idle_rows(at, 2.0 if args.smoke else 60.0),
        "prompt": lambda at: cost.prompt_rows(at, 5 if args.smoke else 200),
    }
    rows: Rows = []
    with tempfile.TemporaryDirectory(prefix="ptywrap-bench-") as folder, peers.utmp():
        for name, group in groups.items():
            if args.only in {None, name}:
                print(f"measuring {name}", file=sys.stderr, flush=True)
                rows += group(Path(folder))
    everybody = peers.here((*peers.RIVALS, peers.EXPECT))
    versions = {peer.name: peers.version(peer) for peer in everybody}
    return report.told(report.write("terminal", rows, versions, args.folder), rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round: does it run")
    parser.add_argument("--only", metavar="GROUP", help="throughput, echo, start, idle or prompt")
    parser.add_argument("--repeats", type=int, default=9, help="pairs of each measure (9)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    args = parser.parse_args()
    if args.smoke:
        args.repeats = 2
    return args


if __name__ == "__main__":
    sys.exit(main())
