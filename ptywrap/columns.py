"""One column of a table as the smallest bytes that say it, and back; checked before it is trusted.

A packed column is an array that begins with its kind (storage.md 3.3):

==== ================================== =======================================================
kind what follows                       for
==== ================================== =======================================================
n    width, values [, known]            whole numbers of 1, 2, 4 or 8 bytes, signed, little endian
o    first, width, differences [, known] numbers that mostly grow; one difference less than rows
d    values, width, indexes             texts, lists and ids; the distinct values by first use
c    value                              the same value in every row
==== ================================== =======================================================

`known` is a bitmap, bit 1 of row r at ``known[r // 8] >> r % 8``; a number that is unknown is 0,
and 0 as a difference. Which kind a column has follows from its values alone: packing twice gives
the same bytes.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import accumulate, pairwise
from math import log2
from operator import itemgetter, ne
from sys import byteorder
from typing import Any, NamedTuple

MOST = (1 << 63) - 1
LEAST = -MOST - 1
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_INDEXES = {1: "B", 2: "H"}
_BYTES = bytes(range(256))
_OTHER_ROW = 3
"""About how many bytes it takes zstd to say where a row unlike the one before begins."""
_SCALARS = frozenset({int, bool, str, bytes, type(None)})
_TEXTS = frozenset({str, bytes, type(None)})
_WHOLE = frozenset({int})
_NUMBERS = frozenset({int, type(None)})


class Unreadable(Exception):
    """Bytes that are not what they should be; the message names the path of what is wrong."""


class Packed(NamedTuple):
    """A column as it travels: `data` is numbers, differences or indexes of `width` bytes each.

    `first` is the first number of an `o`, or the value of a `c`; `known` is empty where all are.
    """

    kind: str
    width: int = 0
    data: bytes = b""
    first: Any = None
    values: Sequence[Any] = ()
    known: bytes = b""


_packed: Callable[..., Packed] = partial(tuple.__new__, Packed)  # In half the time of its own.


def pack(values: Sequence[Any]) -> list[Any]:
    """Return one column ready for MessagePack: ints, bools, texts, bytes and lists of texts.

    None is unknown, and so is a number that 64 bits with a sign do not hold.
    """
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return _numbers(_held(values))
    first = values[0]
    if len(kinds) == 1 and list not in kinds and values.count(first) == len(values):
        return ["c", first]
    return _distinct(values)


def read(raw: object, rows: int, path: str) -> Packed:
    """Return a column of `rows` rows, every length, width and index checked; Unreadable says where.

    Nothing is allocated by what the bytes claim.
    """
    if not isinstance(raw, list) or not raw:
        raise Unreadable(f"{path}: no column")
    kind, parts = raw[0], len(raw)
    if kind == "n" and 3 <= parts <= 4:
        width, data = raw[1], raw[2]
        # Most columns are such: what is right passes without a call.
        right = type(width) is int and width in _CODES and type(data) is bytes
        if not right or len(data) != width * rows:
            _check(data, _of(_CODES, width, path) * rows, path)
        known = b"" if parts == 3 else _known(raw, 3, rows, path)
        return _packed(("n", width, data, None, (), known))
    if kind == "c" and parts == 2:
        first = raw[1] if type(raw[1]) in _TEXTS else _plain(raw[1], path)
        return _packed(("c", 0, b"", first, (), b""))
    if kind == "d" and parts == 4:
        return _read_distinct(raw, rows, path)
    if kind == "o" and 4 <= parts <= 5:
        return _read_differences(raw, rows, path)
    raise Unreadable(f"{path}: no kind of column")


def values(column: Packed, rows: int) -> list[Any]:
    """Return the values of a checked column, one a row."""
    if column.kind == "c":
        return [column.first] * rows
    if column.kind == "d":
        return [column.values[index] for index in _array(_INDEXES[column.width], column.data)]
    numbers: list[Any] = list(_array(_CODES[column.width], column.data))
    if column.kind == "o":
        numbers = list(accumulate(numbers, initial=column.first))
    if column.known:
        known = column.known
        return [
            value if known[row >> 3] >> (row & 7) & 1 else None for row, value in enumerate(numbers)
        ]
    return numbers


def _held(values: Sequence[int | None]) -> Sequence[int | None]:
    """Return numbers of which none is too large for a column."""
    plain = [value for value in values if value is not None]
    if not plain or (min(plain) >= LEAST and max(plain) <= MOST):
        return values
    return [None if value is None or not LEAST <= value <= MOST else value for value in values]


def _numbers(values: Sequence[int | None]) -> list[Any]:
    if values.count(values[0]) == len(values):
        return ["c", values[0]]
    known = [] if None not in values else [_bitmap(values)]
    plain = [value or 0 for value in values]
    width = _width(plain)
    data = _bytes(_CODES[width], plain)
    if width == 1:
        return ["n", width, data, *known]
    choices = [(_weight(data, width), ["n", width, data, *known])]
    beside = len(set(values)) * (width + 1)
    carried = plain if not known else _carried(values)
    differences = [second - first for first, second in pairwise(carried)]
    if min(differences) >= LEAST and max(differences) <= MOST:
        width = _width(differences)
        data = _bytes(_CODES[width], differences)
        choices.append((_weight(data, width) + 8, ["o", carried[0], width, data, *known]))
    if beside < min(weight for weight, _ in choices):
        distinct = _distinct(values)
        choices.append((_weight(distinct[3], distinct[2]) + beside, distinct))
    return min(choices, key=itemgetter(0))[1]


def _weight(data: bytes, width: int) -> int:
    """Return about how many bytes a bin has once it is compressed.

    What its bytes of each place say by how often they occur (Shannon), or, where many rows are like
    the one before, what it takes to say each other one.
    """
    rows = len(data) // width
    bits = 0.0
    for place in range(width):
        alike = data[place::width]
        if alike.count(alike[0]) < rows:
            bits += _bits(rows) - sum(map(_bits, Counter(alike).values()))
    numbers = _array(_CODES[width], data)
    changes = 1 + sum(map(ne, numbers, numbers[1:]))
    return int(min(bits / 8, changes * (_OTHER_ROW + width / 4)))


@cache
def _bits(number: int) -> float:
    return number * log2(number)


def _carried(values: Sequence[int | None]) -> list[int]:
    """Return the numbers with each unknown one as its former: its difference is 0."""
    out = []
    last = next((value for value in values if value is not None), 0)
    for value in values:
        last = last if value is None else value
        out.append(last)
    return out


def _distinct(values: Sequence[Any]) -> list[Any]:
    places: dict[Any, int] = {}
    distinct: list[Any] = []
    indexes = []
    for value in values:
        key = tuple(value) if type(value) is list else (type(value), value)
        place = places.get(key)
        if place is None:
            place = places[key] = len(distinct)
            distinct.append(value)
        indexes.append(place)
    width = 1 if len(distinct) <= 256 else 2
    return ["d", distinct, width, _bytes(_INDEXES[width], indexes)]


def _bitmap(values: Sequence[Any]) -> bytes:
    bits = bytearray((len(values) + 7) // 8)
    for row, value in enumerate(values):
        if value is not None:
            bits[row >> 3] |= 1 << (row & 7)
    return bytes(bits)


def _width(numbers: Sequence[int]) -> int:
    low, high = min(numbers, default=0), max(numbers, default=0)
    for width in (1, 2, 4):
        bound = 1 << (8 * width - 1)
        if -bound <= low and high < bound:
            return width
    return 8


def _bytes(code: str, numbers: Sequence[int]) -> bytes:
    words = array(code, numbers)
    if byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _array(code: str, data: bytes) -> "array[int]":
    words: array[int] = array(code)
    words.frombytes(data)
    if byteorder == "big":
        words.byteswap()
    return words


def _read_differences(raw: list[Any], rows: int, path: str) -> Packed:
    first, width, data = raw[1:4]
    _check(data, _of(_CODES, width, path) * (rows - 1), path)
    if type(first) is not int or not LEAST <= first <= MOST:
        raise Unreadable(f"{path}: its first value is no number of 64 bits")
    # Whoever adds them up in words of 64 bits must not come round at the other end.
    if abs(first) > MOST >> 1 or (width == 8 and not _short(data)):
        sums = list(accumulate(_array(_CODES[width], data), initial=first))
        if min(sums) < LEAST or max(sums) > MOST:
            raise Unreadable(f"{path}: its sums are no numbers of 64 bits")
    return Packed("o", width, data, first, (), _known(raw, 4, rows, path))


def _short(data: bytes) -> bool:
    """Say whether no number of 8 bytes needs more than 49 bits: its upper bytes are all sign."""
    upper = data[7::8]
    return upper == data[6::8] and not upper.translate(None, b"\x00\xff")


def _read_distinct(raw: list[Any], rows: int, path: str) -> Packed:
    _, distinct, width, data = raw
    right = type(width) is int and width in _INDEXES and type(data) is bytes
    if not right or len(data) != width * rows:
        _check(data, _of(_INDEXES, width, path) * rows, path)
    if not isinstance(distinct, list) or not distinct:
        raise Unreadable(f"{path}: no distinct values")
    kinds = set(map(type, distinct))
    if kinds == _WHOLE:
        _plain(min(distinct), path)
        _plain(max(distinct), path)
    elif not kinds <= _TEXTS:
        for value in distinct:
            _plain(value, path)
    most = len(distinct)
    beyond = data.translate(None, _BYTES[:most]) if width == 1 else max(_array("H", data)) >= most
    if beyond:
        raise Unreadable(f"{path}: an index beyond its values")
    return _packed(("d", width, data, None, distinct, b""))


def _known(raw: list[Any], place: int, rows: int, path: str) -> bytes:
    if len(raw) == place:
        return b""
    _check(raw[place], (rows + 7) // 8, path)
    return bytes(raw[place])


def _of(widths: dict[int, str], width: object, path: str) -> int:
    if type(width) is not int or width not in widths:
        raise Unreadable(f"{path}: no such width")
    return width


def _check(data: object, size: int, path: str) -> None:
    if not isinstance(data, bytes) or len(data) != size:
        raise Unreadable(f"{path}: not {size} bytes")


def _plain(value: object, path: str) -> Any:
    """Return a value of a dictionary: a scalar, or a list of texts."""
    if type(value) in _TEXTS:
        return value
    if isinstance(value, list):
        if not all(type(one) is str for one in value):
            raise Unreadable(f"{path}: a list of other things than texts")
        return value
    if type(value) is int and not LEAST <= value <= MOST:
        raise Unreadable(f"{path}: a number of more than 64 bits")
    if type(value) not in _SCALARS:
        raise Unreadable(f"{path}: a value of no known type")
    return value
