"""A measurement as JSON: machine, versions, spread, and whether each demand is met."""

import datetime
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.bench.paired import Ratio

FOLDER = Path(__file__).parents[2] / "docs" / "measure"


class Demand(NamedTuple):
    """What is demanded of a measure, what came out, and the 90 % interval of that."""

    text: str
    bar: float
    value: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        """Whether the whole interval lies within the bar, not only its middle."""
        return self.high <= self.bar


def within(text: str, bar: float, ratio: Ratio) -> Demand:
    """Demand that a paired ratio is at most `bar`."""
    return Demand(text, bar, ratio.median, ratio.low, ratio.high)


def at_most(text: str, bar: float, value: float) -> Demand:
    """Demand that a plain value is at most `bar`."""
    return Demand(text, bar, value, value, value)


def row(
    name: str, unit: str, taken: Mapping[str, Sequence[float]], demands: Sequence[Demand]
) -> dict[str, Any]:
    """Return one measured row."""
    return {
        "measure": name,
        "unit": unit,
        "values": {who: _spread(values) for who, values in taken.items()},
        "demands": [{**demand._asdict(), "met": demand.met} for demand in demands],
    }


def write(
    name: str, rows: Sequence[dict[str, Any]], versions: Mapping[str, str | None], folder: Path
) -> Path:
    """Write `name`.json and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    text = {
        "name": name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": {who: said for who, said in versions.items() if said},
        "rows": list(rows),
    }
    path.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def told(path: Path, rows: Sequence[dict[str, Any]]) -> int:
    """Print where a report is and which demands are not met; return the status to leave with."""
    missed = [
        f"{row['measure']}: {demand['text']}: {demand['value']:.3f}"
        for row in rows
        for demand in row["demands"]
        if not demand["met"]
    ]
    print(f"{path}: {len(rows)} rows, {len(missed)} demands not met")
    print("\n".join(missed))
    return 0


def machine() -> dict[str, Any]:
    """Return what the figures depend on and can be told without naming the machine."""
    return {
        "system": platform.system(),
        "release": platform.release().partition("-")[0],
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "shells": {name: _first_line(name, "--version") for name in ("bash", "zsh", "fish")},
    }


def _first_line(*argv: str) -> str | None:
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return ran.stdout.partition("\n")[0]


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "n": len(values),
        "median": round(statistics.median(values), 6),
        "min": round(min(values), 6),
        "max": round(max(values), 6),
    }
