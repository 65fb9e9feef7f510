"""Seeded chance: the same words give the same throws on every machine and version of Python."""

import random
from collections.abc import Sequence
from itertools import accumulate
from math import exp, log
from typing import TypeVar

Thing = TypeVar("Thing")


class Dice:
    """Throws that follow from words; kept apart for each laptop, so that none disturbs another."""

    def __init__(self, *words: object) -> None:
        # A text seeds through SHA-512, whatever PYTHONHASHSEED says.
        self._random = random.Random(":".join(map(str, words)))  # noqa: S311 - made-up facts

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def bits(self, number: int) -> int:
        """Return so many random bits."""
        return self._random.getrandbits(number)

    def text(self, number: int) -> bytes:
        """Return so many random bytes."""
        return self._random.randbytes(number)

    def happens(self, permille: float) -> bool:
        """Return True in so many of a thousand throws."""
        return self._random.random() * 1000 < permille

    def share(self) -> float:
        """Return a fraction, 0 to 1."""
        return self._random.random()

    def one(self, things: Sequence[Thing]) -> Thing:
        """Return any of the things, each as often."""
        return self._random.choice(things)

    def length(self, median: float, spread: float, most: float) -> int:
        """Return a lognormal whole number around a median, at least 1."""
        return max(1, round(min(median * exp(self._random.gauss(0.0, spread)), most)))

    def number(self, mean: float, most: int) -> int:
        """Return a geometric whole number of a mean, at least 1."""
        if mean <= 1:
            return 1
        throw = log(max(self._random.random(), 1e-12)) / log(1 - 1 / mean)
        return min(1 + int(throw), most)

    def shift(self, deviation: float) -> int:
        """Return a normal whole number around 0."""
        return round(self._random.gauss(0.0, deviation))

    def ranked(self, things: Sequence[Thing]) -> Thing:
        """Return one of the things, the first most often: as 1/rank (Zipf)."""
        sums = list(accumulate(1 / rank for rank in range(1, len(things) + 1)))
        throw = self._random.random() * sums[-1]
        return next(thing for thing, upto in zip(things, sums, strict=True) if throw <= upto)
