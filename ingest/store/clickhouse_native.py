"""ClickHouse's Native format: columns of numbers and texts as a block of bytes, and blocks as rows.

A block is two varints (columns, rows), then each column's name, type and values: little-endian
numbers, texts behind a varint of their length, for ``Nullable`` a byte a row before them (1 is
NULL), for ``Array`` the ends of the rows as UInt64. Versions 18.16 and 26 read and write the same
bytes over HTTP for the types used here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from ptywrap import wire

_NUMBERS = {
    "Int64": "<i8",
    "Int32": "<i4",
    "Int16": "<i2",
    "Int8": "<i1",
    "UInt64": "<u8",
    "UInt32": "<u4",
    "UInt16": "<u2",
    "UInt8": "u1",
    "Float64": "<f8",
    "Date": "<u2",
    "Bool": "u1",
    "Nothing": "u1",
}
_MOST_ROWS = 1 << 32


class Numbers(NamedTuple):
    """Whole numbers, one a row; `unknown` marks those that nobody knows, and is None where none."""

    values: NDArray[Any]
    unknown: NDArray[numpy.bool_] | None = None

    def cut(self, rows: NDArray[Any]) -> "Numbers":
        """Return the rows that are named, in that order."""
        unknown = None if self.unknown is None else self.unknown[rows]
        return Numbers(self.values[rows], unknown)

    def packed(self, kind: str) -> bytes:
        """Return the values as a column of a type."""
        width = _NUMBERS[_plain(kind)]
        return _marks(self.unknown, len(self.values), kind) + self.values.astype(width).tobytes()


class Texts(NamedTuple):
    """Texts or bytes by their places in a list of distinct ones; None in the list is unknown."""

    distinct: Sequence[bytes | None]
    indexes: NDArray[Any]

    def cut(self, rows: NDArray[Any]) -> "Texts":
        """Return the rows that are named, in that order."""
        return Texts(self.distinct, self.indexes[rows])

    def packed(self, kind: str) -> bytes:
        """Return the values as a column of a type."""
        prefixed = _plain(kind) == "String"
        words = [_word(word, prefixed=prefixed) for word in self.distinct]
        nothing = numpy.array([word is None for word in self.distinct], dtype=numpy.bool_)
        unknown = nothing[self.indexes] if nothing.any() else None
        marks = _marks(unknown, len(self.indexes), kind)
        if len(words) == 1:
            return marks + words[0] * len(self.indexes)
        pool = numpy.empty(len(words), dtype=object)
        pool[:] = words
        return marks + b"".join(pool[self.indexes].tolist())


Column = Numbers | Texts


def block(columns: Sequence[tuple[str, str, Column]], rows: int) -> bytes:
    """Return one block of columns: name, type and as many values as there are rows."""
    parts = [_varint(len(columns)), _varint(rows)]
    for name, kind, column in columns:
        parts += [_text(name), _text(kind), column.packed(kind)]
    return b"".join(parts)


def rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of all blocks: texts as str, FixedString as bytes, dates as days.

    Unreadable: these are no whole blocks of types we ask for.
    """
    out: list[dict[str, Any]] = []
    source = _Source(data)
    while source.at < len(data):
        width, count = source.varint(), source.varint()
        if width > len(data) or count > _MOST_ROWS:
            raise wire.Unreadable("a block of more than there is")
        names, columns = [], []
        for _ in range(width):
            names.append(source.text())
            columns.append(_values(source, source.text(), count))
        out.extend(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return out


class _Source:
    """Bytes that are read from the front; Unreadable where they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise wire.Unreadable("the answer ends too early")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def varint(self) -> int:
        value = shift = 0
        while shift < 64:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise wire.Unreadable("a length of more than 64 bits")

    def text(self) -> str:
        return _decoded(self.take(self.varint()))

    def numbers(self, kind: str, count: int) -> list[Any]:
        width = numpy.dtype(_NUMBERS[kind])
        data = self.take(width.itemsize * count)
        found: list[Any] = numpy.frombuffer(data, dtype=width).tolist()
        return found


def _values(source: _Source, kind: str, count: int) -> list[Any]:
    outer, _, inner = kind.removesuffix(")").partition("(")
    if kind in _NUMBERS:
        return source.numbers(kind, count)
    if kind == "String":
        return [source.text() for _ in range(_within(count, source))]
    if outer == "FixedString" and inner.isdigit() and int(inner):
        size = int(inner)
        data = source.take(size * count)
        return [data[at : at + size] for at in range(0, len(data), size)]
    if outer == "Nullable":
        unknown = source.take(count)
        values = _values(source, inner, count)
        return [None if nothing else value for nothing, value in zip(unknown, values, strict=True)]
    if outer == "Array":
        return _arrays(source, inner, count)
    raise wire.Unreadable("a type that nobody asked for")


def _arrays(source: _Source, kind: str, count: int) -> list[Any]:
    ends = source.numbers("UInt64", count)
    starts = [0, *ends[:-1]]
    if any(first > last for first, last in zip(starts, ends, strict=True)):
        raise wire.Unreadable("an array that ends before it begins")
    values = _values(source, kind, ends[-1] if ends else 0)
    return [values[first:last] for first, last in zip(starts, ends, strict=True)]


def _within(count: int, source: _Source) -> int:
    """Return a count of texts, each of a byte at least, that can still follow."""
    source.take(count)
    source.at -= count
    return count


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise wire.Unreadable("a text that is not UTF-8") from None


def _plain(kind: str) -> str:
    return kind.removeprefix("Nullable(").removesuffix(")") if "Nullable" in kind else kind


def _marks(unknown: NDArray[numpy.bool_] | None, count: int, kind: str) -> bytes:
    if not kind.startswith("Nullable("):
        return b""
    return bytes(count) if unknown is None else unknown.astype("u1").tobytes()


def _word(word: bytes | None, *, prefixed: bool) -> bytes:
    word = word or b""
    return _varint(len(word)) + word if prefixed else word


def _text(text: str) -> bytes:
    return _word(text.encode(), prefixed=True)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
