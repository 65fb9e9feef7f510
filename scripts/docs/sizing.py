"""What a developer costs the ingest service, from what was measured."""

import json
from pathlib import Path

from scripts.docs.markdown import table

SIZES = (200, 2_000, 20_000)
EVENTS_A_DAY = 20_500
"""What storage.md 3.12 counts for one developer: 410 M events of 20,000 developers."""
_FILE = Path(__file__).resolve().parents[2] / "docs" / "measure" / "fleet.json"
_KEPT_DAYS = 7
"""How long processes, most of all rows, are kept."""


def sizing() -> str:
    """What a fleet needs, from the newest run of scripts/bench/fleet; nobody types a number."""
    if not _FILE.exists():
        return "Not measured yet: `python -m scripts.bench.fleet`, then `python -m scripts.docs`."
    report = json.loads(_FILE.read_text(encoding="utf-8"))
    cost = {row["measure"]: row["values"]["service"]["median"] for row in report["rows"]}
    events = EVENTS_A_DAY
    lines = [
        (
            f"{people:,}",
            f"{people * events / 86_400 / 1000:,.2f} k/s",
            f"{people * events * cost['core time of an event'] / 60e6:,.1f} min",
            f"{people * events * cost['bytes on the wire, an event'] / 1e9:,.2f} GB",
            f"{people * events * cost['bytes in the file, an event'] * _KEPT_DAYS / 1e9:,.1f} GB",
        )
        for people in SIZES
    ]
    machine = report["machine"]
    where = (
        f"Measured on {report['date']} with `scripts/bench/fleet` on {machine['cores']} cores, "
        f"Python {machine['python']}: {cost['core time of an event']:.2f} µs of one core, "
        f"{cost['bytes on the wire, an event']:.1f} bytes on the wire and "
        f"{cost['bytes in the file, an event']:.1f} bytes in the file for an event of a made-up "
        f"fleet of {cost['events of a round']:,.0f} events; front "
        f"{cost['memory of the front']:.0f} MB, store process "
        f"{cost['memory of the store process']:.0f} MB. A developer is counted as {events:,} "
        "events a day, which is an assumption: see what yours make in `/metrics`. So counted, one "
        f"developer costs {events * cost['core time of an event'] / 1e6:.2f} s of a core, "
        f"{events * cost['bytes on the wire, an event'] / 1e6:.2f} MB on the wire and "
        f"{events * cost['bytes in the file, an event'] / 1e6:.2f} MB in the file a day."
    )
    heads = ("developers", "events, mean", "core time a day", "wire a day", "file, 7 days")
    return f"{where}\n\n{table(heads, lines)}\n{_ADVICE}"


_ADVICE = """\
Days are not level: count on ten times the mean at the busiest. Commands stay 100 days and sums 13
months, which comes on top and is small beside processes.

- **200**: any machine; 1 core, 1 GiB, a disk of 20 GB.
- **2,000**: 2 cores, 4 GiB, 100 GB of local SSD.
- **20,000**: 4 cores, 16 GiB, 500 GB of local SSD; ClickHouse where one machine is not enough to
  rest on. Laptops keep 30 days or 64 MiB, so an evening without the service costs nothing.
"""
