"""Measures what the observer costs a user, and what it leaves behind, into docs/measure.

usage: python -m scripts.bench.observer [--smoke] [--soak] [--only GROUP] [--folder FOLDER]
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench import answering, footprint, leftovers, report, stand
from scripts.bench.stand import Stand

Rows = list[dict[str, Any]]
# shells, commands, seconds
_SOAKS = {"smoke": (2, 60, 2.0), "short": (5, 8000, 240.0), "soak": (20, 100_000, 3600.0)}


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    form = "smoke" if args.smoke else "soak" if args.soak else "short"
    shells = (1, 3) if args.smoke else (1, 20)
    windows = (2, 0.5) if args.smoke else (6, 10.0)
    groups: dict[str, Callable[[Stand], Rows]] = {
        "idle": lambda at: footprint.idle_rows(at, shells, *windows),
        "memory": lambda at: footprint.memory_rows(at, 500 if args.smoke else 20_000),
        "growth": lambda at: footprint.soak_rows(at, *_SOAKS[form]),
        "answer": lambda at: answering.rows(at, 2 if args.smoke else 20),
        "left": lambda at: leftovers.rows(at, 6 if args.smoke else 200),
    }
    rows: Rows = []
    for name, group in groups.items():
        if args.only in {None, name}:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            with stand.stand(None) as at:
                rows += group(at)
    return report.told(report.write("observer", rows, {}, args.folder), rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round: does it run")
    parser.add_argument("--soak", action="store_true", help="let `growth` take an hour")
    parser.add_argument("--only", metavar="GROUP", help="idle, memory, growth, answer or left")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
