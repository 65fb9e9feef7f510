"""Measures who tells whose bytes those were, beside nethogs, psutil and the kernel's tracepoints.

usage: python -m scripts.bench.net [--smoke] [--only GROUP] [--load TEXT] [--repeats N]
       [--folder FOLDER]

The truth is a server in another network namespace that logs time and bytes of each connection, and
the kernel's tracepoints, which tell the process. Needs root for both; without, the server stands on
loopback and nobody tells true pids.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.bench import (
    net_bulk,
    net_cases,
    net_loads,
    net_names,
    net_real,
    net_rows,
    net_stress,
    report,
    tracers,
)
from scripts.bench.net_field import Field, field
from scripts.bench.net_round import Rows
from tests import account as accounts

Group = Callable[[Field], Rows]
_SIZE = 1_000_000_000
_LONG = {"strays"}
"""What is measured only when asked for: it waits for a minute."""


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    args = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    root = os.getuid() == 0
    people: list[accounts.Account | None] = [None]
    if root and not args.smoke:
        people.append(accounts.ordinary())
    programs = ("nethogs", "bpftrace", "curl")
    versions: dict[str, str | None] = {
        name: tracers.version(name) for name in programs if shutil.which(name)
    }
    made: Rows = []
    failed = 0
    path = args.folder
    for name, group in (_short() if args.smoke else _groups(args)).items():
        if name != args.only and (args.only or name in _LONG):
            continue
        began = time.monotonic()
        try:
            with field(people, root=root, settings=_settings(name)) as at:
                made += group(at)
        except RuntimeError as error:
            failed = 1
            print(f"{name} was broken off: {error}", file=sys.stderr)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        path = report.write("net", made, versions, args.folder)
    return report.told(path, made) or failed


def _settings(group: str) -> str:
    """Return the product's settings in a group: in some it hears names from packets."""
    return net_names.SETTINGS if group in {"names", "capture", "real"} else ""


def _groups(args: argparse.Namespace) -> dict[str, Group]:
    """Return what is measured, each in a home of its own."""
    repeats = args.repeats
    return {
        "rows": lambda at: net_rows.acceptance(at, net_loads.every(), repeats, args.load),
        "mixed": lambda at: net_rows.mixed(at, net_loads.every()[:5], 1),
        "strays": lambda at: net_rows.strays(at, net_loads.every()[5]),
        "odd": lambda at: net_cases.odd(at, args.load),
        "download": lambda at: net_bulk.download(at, repeats, _SIZE),
        "saturated": lambda at: net_bulk.saturated(at, 5 * repeats, _SIZE),
        "datagrams": net_bulk.datagrams,
        "idle": lambda at: net_bulk.idle(at, repeats, 5.0),
        "names": lambda at: net_names.rows(at, 50),
        "capture": lambda at: net_names.bulk(at, repeats, _SIZE),
        "real": net_real.rows,
        "stalled": lambda at: net_stress.stalled(at, 30_000),
        "stress": lambda at: net_stress.crowded(at, args.stress, 5_000, 6),
    }


def _short() -> dict[str, Group]:
    """Return one short round: whether it runs."""
    return {
        "rows": lambda at: (
            net_rows.acceptance(at, net_loads.every(10)[:1], 1, "")
            + net_bulk.download(at, 1, 10_000_000)
            + net_bulk.datagrams(at)
            + net_bulk.idle(at, 1, 0.2)
        )
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round: does it run")
    parser.add_argument("--only", metavar="GROUP", help="one group")
    parser.add_argument("--load", default="", help="loads or cases whose name contains this")
    parser.add_argument("--repeats", type=int, default=2, help="rounds of each load (2)")
    parser.add_argument(
        "--stress", type=int, default=1, help="rounds of the stress (1; 10 are due)"
    )
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
