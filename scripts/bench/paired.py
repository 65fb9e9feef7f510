"""Medians of interleaved repetitions: what a shared, noisy machine still lets one say."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

_RESAMPLES = 2000
_SEED = 4


class Ratio(NamedTuple):
    """Ours over theirs, pair by pair: the median and its 90 % bootstrap interval."""

    median: float
    low: float
    high: float


def interleaved(
    measures: Mapping[str, Callable[[], float]], repeats: int
) -> dict[str, list[float]]:
    """Take each measure `repeats` times in turn; the order rotates, so that no one is always first.

    One round before is thrown away: it pays for cold caches.
    """
    names = list(measures)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for round_number in range(repeats + 1):
        shift = round_number % len(names)
        for name in names[shift:] + names[:shift]:
            value = measures[name]()
            if round_number:
                taken[name].append(value)
    return taken


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return the median of the paired ratios and the 90 % interval of that median."""
    pairs = [our / their for our, their in zip(ours, theirs, strict=True)]
    chance = random.Random(_SEED)  # noqa: S311 - a fixed seed, so that a report repeats itself
    medians = sorted(
        statistics.median(chance.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES)
    )
    return Ratio(
        statistics.median(pairs), medians[_RESAMPLES // 20], medians[_RESAMPLES - _RESAMPLES // 20]
    )


def percentile(values: Sequence[float], permille: int) -> float:
    """Return the value below which `permille` thousandths lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * permille // 1000)]
