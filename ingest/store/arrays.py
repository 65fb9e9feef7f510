"""Columns as arrays: what a batch that came packed is given to an engine as, without a row's loop.

They stand where a plain sequence of values may stand; `tolist` is that sequence. Nothing here
imports numpy: the arrays are made by whoever unpacks and read by whoever loads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Values(Protocol):
    """One column: its values, None where unknown; lists and tuples are such too."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Yield one value a row."""
        ...


class Ints:
    """Whole numbers or booleans: an array of integers of any width or bool, and where known.

    `known` is None where all are; a value that is not known is 0.
    """

    __slots__ = ("known", "values")

    def __init__(self, values: Any, known: Any = None) -> None:
        self.values = values
        self.known = known

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        """Return the values as a plain list."""
        values: list[Any] = self.values.tolist()
        if self.known is None:
            return values
        known = self.known.tolist()
        return [value if told else None for value, told in zip(values, known, strict=True)]

    def take(self, rows: Any) -> "Ints":
        """Return some rows: those of a boolean array, or of an array of their places."""
        return Ints(self.values[rows], None if self.known is None else self.known[rows])


class Words:
    """Texts, ids or lists: the distinct ones, None among them, and an array of their places."""

    __slots__ = ("distinct", "indexes")

    def __init__(self, distinct: Sequence[Any], indexes: Any) -> None:
        self.distinct = distinct
        self.indexes = indexes

    def __len__(self) -> int:
        return len(self.indexes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        """Return the values as a plain list."""
        distinct = self.distinct
        return [distinct[place] for place in self.indexes.tolist()]

    def take(self, rows: Any) -> "Words":
        """Return some rows: those of a boolean array, or of an array of their places."""
        return Words(self.distinct, self.indexes[rows])
