"""Print exactly what was sent to the service, and what will be or, before `join`, would be.

What was sent is kept for seven days or 16 MB. With --json every batch is one object: its rows by
table, and the very bytes of its body (zstd, base64) with their SHA-256. Names that are hashed are
hashed under the service's key; before `join` there is none, and one of zeros stands in.

Example: ptywrap sent
"""

import argparse
import json
from collections.abc import Iterable
from typing import Any

from netsniff import amounts
from ptywrap import clock, device, enrolment, paths, service
from ptywrap.cli import text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output."""
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(args: argparse.Namespace) -> int:
    """Print batch by batch: nothing is held that is printed."""
    from ptywrap.ship import showing  # noqa: PLC0415 - aiohttp is no part of every `--help`

    service.ask_observer("seal")
    records = (one.record() for one in showing.shown(paths.device_folder(device.identity())))
    if args.json:
        _print_json(records)
    else:
        _print(records)
    return 0


def _print_json(records: Iterable[dict[str, Any]]) -> None:
    print("[", end="")
    for number, record in enumerate(records):
        print(",\n" if number else "\n", end="")
        print(json.dumps(record, ensure_ascii=False), end="")
    print("\n]")


def _print(records: Iterable[dict[str, Any]]) -> None:
    enrolled = enrolment.read()
    words = {
        "sent": "sent",
        "waiting": "will be sent",
        "next": "will be sent" if enrolled is not None else "would be sent",
    }
    now, any_at_all = clock.wall_ns(), False
    for record in records:
        any_at_all = True
        at = f" {text.moment(record['at'], now)}" if record["state"] == "sent" else ""
        rows = sum(len(rows) for rows in record["tables"].values())
        size = amounts.size(record["bytes"])
        state, number = words[record["state"]], amounts.count(rows, "row")
        print(f"{state}{at}: {number}, {size}, {record['batch']}")
        for table, found in record["tables"].items():
            print(f"  {table}")
            for row in found:
                print("    " + " ".join(f"{name}={_value(row[name])}" for name in row))
    if not any_at_all:
        print("nothing was sent, and nothing waits")
    if enrolled is None:
        print("this machine is enrolled nowhere: nothing leaves it")


def _value(value: Any) -> str:
    return text.visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
