"""Measures who tells whose bytes those were, beside nethogs, psutil and the kernel's tracepoints.

usage: python -m scripts.bench.net [--smoke] [--only GROUP] [--load TEXT] [--repeats N]
       [--folder FOLDER]

The truth is a server in another network namespace that logs time and bytes of each connection, and
the kernel's tracepoints, which tell the process. Needs root for both; without, the server stands on
loopback and nobody tells true pids.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.bench import net_bulk, net_names, net_real, net_rows, net_stress, report, tracers
from scripts.bench.net_field import Field, field
from scripts.bench.net_round import Rows
from tests import account as accounts


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    root = os.getuid() == 0
    people: list[accounts.Account | None] = [None]
    if root and not args.smoke:
        people.append(accounts.ordinary())
    made: Rows = []
    said: dict[str, str] = {}
    size = 100_000_000 if args.smoke else 1_000_000_000
    scale, observers = (10, 2) if args.smoke else (1, 6)
    groups: dict[str, Callable[[Field], Rows]] = {
        "rows": lambda at: net_rows.acceptance(at, args.repeats, scale, args.load),
        "mixed": lambda at: net_rows.mixed(at, args.repeats, scale),
        "download": lambda at: net_bulk.download(at, args.repeats, size),
        "saturated": lambda at: net_bulk.saturated(at, 4 * args.repeats, size),
        "datagrams": net_bulk.datagrams,
        "idle": lambda at: net_bulk.idle(at, args.repeats, 0.5 if args.smoke else 5.0),
        "names": lambda at: net_names.rows(at, 50 // scale),
        "capture": lambda at: net_names.bulk(at, args.repeats, size),
        "odd": lambda at: net_rows.odd(at, args.load),
        "stress": lambda at: net_stress.crowded(at, args.stress, 5_000 // scale, observers),
        "stalled": lambda at: net_stress.stalled(at, 12_000 // scale),
    }
    for name, group in groups.items():
        if args.only in {None, name}:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            settings = net_names.SETTINGS if name in {"names", "capture"} else ""
            with field(people, root=root, settings=settings) as at:
                made += group(at)
    if args.only in {None, "real"} and not args.smoke:
        print("measuring real", file=sys.stderr, flush=True)
        with field(people, root=root, settings=net_names.SETTINGS) as at:
            downloads, said = net_real.rows(at)
            made += downloads
    names = ("nethogs", "bpftrace", "curl")
    versions: dict[str, str | None] = {**said}
    versions |= {name: tracers.version(name) for name in names}
    return report.told(report.write("net", made, versions, args.folder), made)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round: does it run")
    parser.add_argument("--only", metavar="GROUP", help="one group")
    parser.add_argument("--load", default="", help="loads or cases whose name contains this")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of each load (3)")
    parser.add_argument("--stress", type=int, default=2, help="rounds of the stress (2; 10 is due)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    args = parser.parse_args()
    if args.smoke:
        args.repeats = args.stress = 1
    return args


if __name__ == "__main__":
    sys.exit(main())
