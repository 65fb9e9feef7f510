"""What the front counts about itself, and all of it as Prometheus text."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Measure(NamedTuple):
    """One metric: its name, what it says, its kind, and its values by label text."""

    name: str
    says: str
    kind: str
    values: Mapping[str, float | int]


class Numbers:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.body_bytes = 0
        self.rows = 0
        self.rejected = 0
        self.repeated = 0
        self._slots = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def answered(self, route: tuple[str, str], status: int, seconds: float) -> None:
        """Count one answer; only known routes are given, so that there are few labels."""
        self.requests[(*route, status)] += 1
        if route[1] == "/v1/batches":
            place = next((i for i, most in enumerate(_BOUNDS) if seconds <= most), len(_BOUNDS))
            self._slots[place] += 1
            self._seconds += seconds

    def measures(self) -> Iterable[Measure]:
        """Yield what was counted."""
        yield Measure(
            "ptywrap_requests_total",
            "Requests answered since the front started.",
            "counter",
            {
                f'method="{method}",path="{path}",status="{status}"': number
                for (method, path, status), number in sorted(self.requests.items())
            },
        )
        yield simple("ptywrap_body_bytes_total", "Bytes of bodies received.", self.body_bytes)
        yield simple("ptywrap_rows_received_total", "Rows acknowledged by the front.", self.rows)
        yield simple("ptywrap_rows_refused_total", "Rows refused by the front.", self.rejected)
        yield simple(
            "ptywrap_batches_again_total", "Batches answered from memory again.", self.repeated
        )
        yield self._durations()

    def _durations(self) -> Measure:
        name = "ptywrap_batch_seconds"
        values: dict[str, float | int] = {}
        total = 0
        for most, number in zip((*map(str, _BOUNDS), "+Inf"), self._slots, strict=True):
            total += number
            values[f'{name}_bucket{{le="{most}"}}'] = total
        values[f"{name}_sum"] = round(self._seconds, 6)
        values[f"{name}_count"] = total
        return Measure(name, "Seconds from the head of a batch to its answer.", "histogram", values)


def simple(name: str, says: str, value: float, kind: str = "counter") -> Measure:
    """Return a metric of one value."""
    return Measure(name, says, kind, {"": value})


def text(measures: Iterable[Measure]) -> str:
    """Return metrics in the text format of Prometheus, version 0.0.4."""
    lines = []
    for one in measures:
        lines += [f"# HELP {one.name} {one.says}", f"# TYPE {one.name} {one.kind}"]
        for labels, value in one.values.items():
            if one.kind == "histogram":
                lines.append(f"{labels} {value}")
            else:
                lines.append(f"{one.name}{{{labels}}} {value}" if labels else f"{one.name} {value}")
    return "\n".join(lines) + "\n"
