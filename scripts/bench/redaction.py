"""Measures what templates, shapes and redaction let through, and what they cost, as JSON.

usage: python -m scripts.bench.redaction [--repeats N] [--folder FOLDER]

The held-out lines and the rules have one author: on lines of others recall may be lower. The first
run of the redactor on each list, before anybody looked at what it missed, left 9 of 179 (the list
`seen`) and 18 of 188 (`held_out`); the rows say what is left today.
"""

import argparse
import json
import re
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ptywrap import templates
from ptywrap.redaction import redact, redact_argv
from scripts.bench import report
from scripts.bench.paired import interleaved, percentile, ratio
from tests.hostile import HOSTILE
from tests.secrets_made import LINES, filled, kept

ROOT = Path(__file__).parents[2]
RULES = templates.load((ROOT / "ptywrap" / "rules.toml").read_text(encoding="utf-8"))
_FIRST_RUN = {"development": None, "seen": 9, "held_out": 18}
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z-]*")


def main() -> int:
    """Measure, write the JSON, and say which demands are not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="rounds of each timing (9)")
    parser.add_argument("--folder", type=Path, default=report.FOLDER, help="where the JSON goes")
    args = parser.parse_args()
    rows = [
        *recall_rows(),
        ordinary_row(),
        *hostile_rows(args.repeats),
        *speed_rows(args.repeats),
    ]
    path = report.write("redaction", rows, {}, args.folder)
    missed = [
        f"{row['measure']}: {demand['text']}: {demand['value']:.3f}"
        for row in rows
        for demand in row["demands"]
        if not demand["met"]
    ]
    print(f"{path}: {len(rows)} rows, {len(missed)} demands not met")
    print("\n".join(missed))
    return 0


def recall_rows() -> list[dict[str, Any]]:
    """Count, for each list, lines that still hold a secret, and what was lost beside secrets."""
    rows = []
    for name, first in _FIRST_RUN.items():
        lines = [(line, *filled(line, number)) for number, line in enumerate(LINES[name])]
        told = [(line, redact(text, RULES), secrets) for line, text, secrets in lines]
        left = [bool(kept(redacted, secrets)) for _, redacted, secrets in told]
        shapes = [bool(kept(templates.shape(text, RULES), secrets)) for _, text, secrets in lines]
        lost = [_lost(line, redacted) for line, redacted, _ in told]
        values = {
            "redacted": [1000 * sum(left) / len(left)],
            "shape": [1000 * sum(shapes) / len(shapes)],
            "program or flag lost": [1000 * sum(lost) / len(lost)],
        }
        if first is not None:
            values["redacted, first run"] = [1000 * first / len(left)]
        rows.append(
            report.row(
                f"lines of the list {name} that still hold a secret",
                f"‰ of {len(left)}",
                values,
                [
                    report.at_most("shapes with a secret", 0, sum(shapes)),
                    report.at_most("redacted lines with one, ‰", 100, values["redacted"][0]),
                    report.at_most("lines without program or flag", 0, sum(lost)),
                ],
            )
        )
    return rows


def _lost(line: str, redacted: str) -> bool:
    """Tell whether a line's first program or one of its flags is gone."""
    words = line.split(" ")
    flags = [found.group() for word in words if (found := _FLAG.fullmatch(word))]
    program = [word for word in words[:1] if "=" not in word]
    return any(word not in redacted for word in program + flags)


def ordinary_row() -> dict[str, Any]:
    """Count ordinary commands that redaction alters, and those that share a shape."""
    lines = [filled(line, number)[0] for number, line in enumerate(LINES["ordinary"])]
    altered = 1000 * sum(redact(line, RULES) != line for line in lines) / len(lines)
    distinct = 1000 * len({templates.shape(line, RULES) for line in lines}) / len(lines)
    return report.row(
        "ordinary commands",
        f"‰ of {len(lines)}",
        {"altered by redaction": [altered], "distinct shapes": [distinct]},
        [report.at_most("altered, ‰", 20, altered)],
    )


def hostile_rows(repeats: int) -> list[dict[str, Any]]:
    """Time the slowest of the hostile lines, and how time grows from 1 KiB to 4 KiB."""
    taken: dict[str, list[float]] = {}
    growth: dict[str, float] = {}
    argvs: dict[str, list[float]] = {}
    for name, line in HOSTILE.items():
        measured = interleaved(
            {
                "1 KiB": partial(_milliseconds, partial(redact, line(1024), RULES)),
                "4 KiB": partial(_milliseconds, partial(redact, line(4096), RULES)),
                "argv": partial(_milliseconds, partial(redact_argv, line(4096).split(" "), RULES)),
            },
            repeats,
        )
        taken[name], argvs[name] = measured["4 KiB"], measured["argv"]
        growth[name] = ratio(measured["4 KiB"], measured["1 KiB"]).median
    slowest = max(taken, key=lambda name: percentile(taken[name], 500))
    worst = max(*map(max, taken.values()), *map(max, argvs.values()))
    steepest = max(growth, key=lambda name: growth[name])
    return [
        report.row(
            f"redaction of {len(HOSTILE)} hostile lines of 4 KiB",
            "ms",
            {f"slowest: {slowest}": taken[slowest], f"as argv: {slowest}": argvs[slowest]},
            [report.at_most("slowest single run of any", 20, worst)],
        ),
        report.row(
            "time at 4 KiB over time at 1 KiB",
            "times",
            {f"steepest: {steepest}": [growth[steepest]]},
            [report.at_most("steepest of any", 5, growth[steepest])],
        ),
    ]


def speed_rows(repeats: int) -> list[dict[str, Any]]:
    """Time a template against `shlex.split` of the same line, and shape and redaction beside."""
    cases = json.loads((ROOT / "tests/data/template_cases.json").read_text(encoding="utf-8"))
    argvs = [case["argv"] for case in cases["cases"]]
    lines = [shlex.join(argv) for argv in argvs]
    each: dict[str, Callable[[], object]] = {
        "template": lambda: [templates.normalise(argv, RULES) for argv in argvs],
        "shlex.split": lambda: [shlex.split(line) for line in lines],
        "shape": lambda: [templates.shape(line, RULES) for line in lines],
        "redaction": lambda: [redact(line, RULES) for line in lines],
    }
    taken = interleaved({name: partial(_milliseconds, run) for name, run in each.items()}, repeats)
    microseconds = {
        name: [1000 * value / len(lines) for value in values] for name, values in taken.items()
    }
    against = ratio(microseconds["template"], microseconds["shlex.split"])
    demands = [report.within("a template over shlex.split", 1.0, against)]
    return [report.row("one command", "µs", microseconds, demands)]


def _milliseconds(run: Callable[[], object]) -> float:
    """Return the time of the fastest of three runs: the others were disturbed."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter_ns()
        run()
        best = min(best, (time.perf_counter_ns() - start) / 1e6)
    return best


if __name__ == "__main__":
    sys.exit(main())
