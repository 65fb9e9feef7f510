"""The measured figures of docs/measure/*.json as tables: nobody types a number."""

import json
from pathlib import Path
from typing import Any

from scripts.docs.markdown import table

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "measure"


def measured() -> str:
    """Return a section for every JSON file the benches have written."""
    reports = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
    ]
    return "\n\n".join(_section(report) for report in reports) or "Nothing has been measured yet."


def _section(report: dict[str, Any]) -> str:
    machine = report["machine"]
    where = (
        f"Measured on {report['date']}: {machine['system']} {machine['release']}, "
        f"{machine['architecture']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / (1 << 30):.0f} GiB, Python {machine['python']}."
    )
    versions = "; ".join(f"{who}: {said}" for who, said in report["versions"].items())
    parts = [f"## {report['name'].capitalize()}", where]
    if versions:
        parts.append(f"Versions: {versions}.")
    parts.append(_values(report["rows"]))
    parts.append("Demands: the interval is the 90 % interval of the median of the paired ratio.")
    parts.append(_demands(report["rows"]))
    return "\n\n".join(parts)


def _values(rows: list[dict[str, Any]]) -> str:
    lines = [
        (row["measure"], who, _number(value["median"]), f"{_number(value['min'])} to "
         f"{_number(value['max'])}", row["unit"], str(value["n"]))
        for row in rows
        for who, value in row["values"].items()
    ]  # fmt: skip
    return table(("measure", "who", "median", "min to max", "unit", "n"), lines)


def _demands(rows: list[dict[str, Any]]) -> str:
    lines = [
        (
            row["measure"],
            demand["text"],
            _number(demand["value"]),
            f"{_number(demand['low'])} to {_number(demand['high'])}",
            "yes" if demand["met"] else "**no**",
        )
        for row in rows
        for demand in row["demands"]
    ]
    return table(("measure", "demand", "measured", "interval", "met"), lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
