"""One packed column into arrays: what may stand in it, and what is cut because it is too long."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, NamedTuple

import numpy

from ingest.store.arrays import Ints, Values, Words
from ingest.store.tables import CHILDREN, SHAPES, kinds
from ptywrap import wire

TEXT_LIMIT = wire.TEXT_LIMIT
SESSION_BYTES = 16
_RENAMED = {"sessions": {"boot_id": "boot", "version": "program_version"}}
# The batch's own device stands in front of every row.
_LEFT_OUT = {"hosts": ("device",), "caches": ("device",)}
_LINES = ("wrappers", "git_settings", "prompt_processes", "other_busy", "sensors")
_SORTED = ("wrappers", "git_settings")
_TYPES = {"int": int, "bool": bool, "text": str, "bytes": bytes, "lines": list, "texts": list}
_NUMPY = {"int": numpy.int64, "bool": numpy.bool_}
_NUMBERS = {width: numpy.dtype(f"<i{width}") for width in (1, 2, 4, 8)}
_INDEXES = {width: numpy.dtype(f"<u{width}") for width in (1, 2)}
_ZEROS = numpy.zeros(wire.ROWS_LIMIT, numpy.uint8)
_ZEROS.flags.writeable = False
_NOTHING = frozenset((NoneType,))
# Moments of files say nothing of the clock the facts were told by.
_NO_MOMENTS = ("changed_at",)


class Spec(NamedTuple):
    """What a column of a batch is in the store; `kind` is tables' or `lines`, a list as one text.

    `moment`: ns since the epoch, to be moved with the clock; `own`: the moment of its row.
    """

    name: str
    kind: str
    key: bool
    moment: bool
    own: bool


def _spec(table: str, column: str) -> Spec:
    name = _RENAMED.get(table, {}).get(column, column)
    key = (*CHILDREN[table].key, "place") if table in CHILDREN else SHAPES[table].key
    moment = (name.endswith("_at") and name not in _NO_MOMENTS) or name in ("at", "since", "until")
    own = CHILDREN[table].parent if table in CHILDREN else table
    return Spec(
        name,
        "lines" if name in _LINES else kinds(table)[name],
        name in key,
        moment,
        moment and name == (SHAPES[own].moment or "started_at"),
    )


SPECS: Mapping[str, Mapping[str, Spec]] = {
    table: {
        column: _spec(table, column) for column in columns if column not in _LEFT_OUT.get(table, ())
    }
    for table, columns in wire.COLUMNS.items()
}
"""The columns a batch may have, by table, but those that are left out."""

KEYS: Mapping[str, tuple[str, ...]] = {
    table: tuple(column for column, spec in specs.items() if spec.key)
    for table, specs in SPECS.items()
}


def passed_over(table: str, column: str) -> bool:
    """Say whether a column is known and not needed."""
    return column in _LEFT_OUT.get(table, ())


def odd(packed: wire.Packed, rows: int, spec: Spec, path: str) -> Any:
    """Return the rows that hold what the column cannot, None where there are none.

    Unreadable: the column is of another kind altogether.
    """
    if packed.kind in "no":
        if spec.kind != "int":
            raise wire.Unreadable(f"{path}: numbers in a column of another kind")
        return ~_known(packed.known, rows) if spec.key and packed.known else None
    values = (packed.first,) if packed.kind == "c" else packed.values
    wanted = _TYPES[spec.kind]
    found = set(map(type, values))
    if not (found - {wanted} if spec.key else found - {wanted} - _NOTHING):
        if spec.kind != "bytes" or set(map(len, filter(None, values))) <= {SESSION_BYTES}:
            return None
    elif wanted not in found and not found & _NOTHING:
        raise wire.Unreadable(f"{path}: values of another kind")
    flags = [not _fits(value, wanted, key=spec.key) for value in values]
    return numpy.array(flags)[_indexes(packed, rows)]


def moved(packed: wire.Packed, rows: int, shift_ns: int, bounds: tuple[int, int]) -> Ints:
    """Return moments moved with the clock; those it would move out of bounds stay as told."""
    told = _ints(packed, rows, "int")
    if not shift_ns:
        return told
    shifted = told.values + numpy.int64(shift_ns)
    within = (shifted >= bounds[0]) & (shifted <= bounds[1])
    return Ints(numpy.where(within, shifted, told.values), told.known)


def outside(moments: Ints, bounds: tuple[int, int]) -> Any:
    """Return the rows whose moment is known and out of bounds, None where there are none."""
    values = moments.values
    if len(values) and values.min() >= bounds[0] and values.max() <= bounds[1]:
        return None
    far = (values < bounds[0]) | (values > bounds[1])
    return far if moments.known is None else far & moments.known


def decoded(packed: wire.Packed, rows: int, spec: Spec) -> tuple[Values | None, Any]:
    """Return a column that holds nothing odd, None where nothing is known; and the rows cut.

    Whole numbers are as wide as they came.
    """
    kind = packed.kind
    if kind == "n":
        known = _known(packed.known, rows) if packed.known else None
        return Ints(numpy.frombuffer(packed.data, _NUMBERS[packed.width]), known), None
    if kind == "c" and packed.first is None:
        return None, None
    if spec.kind in _NUMPY:
        return _ints(packed, rows, spec.kind), None
    told: Sequence[Any] = (packed.first,) if kind == "c" else packed.values
    indexes = _indexes(packed, rows)
    if spec.kind == "bytes" or (spec.kind == "text" and not _long(told)):
        return Words(told, indexes), None
    return _shortened_words(told, indexes, spec)


def _shortened_words(told: Sequence[Any], indexes: Any, spec: Spec) -> tuple[Words, Any]:
    """Return texts within the limit, lists of them as one text, and the rows that are cut."""
    cut = [_cut(value, spec) for value in told] if any(map(_is_long, told)) else None
    values = told if cut is None else cut
    if spec.kind == "lines":
        values = [_line(value, spec.name) for value in values]
    if cut is None:
        return Words(values, indexes), None
    flags = [one != other for one, other in zip(told, cut, strict=True)]
    return Words(values, indexes), numpy.array(flags)[indexes]


def _ints(packed: wire.Packed, rows: int, kind: str) -> Ints:
    if packed.kind == "c":
        told = type(packed.first) is _TYPES[kind]
        # numpy.full takes three times as long.
        alike: Any = numpy.empty(rows, _NUMPY[kind])
        alike.fill(packed.first if told else 0)
        return Ints(alike, None if told else numpy.zeros(rows, numpy.bool_))
    if packed.kind == "d":
        indexes = _indexes(packed, rows)
        values: Any = numpy.array([_held(value, kind) for value in packed.values], _NUMPY[kind])
        whole = numpy.array([type(value) is _TYPES[kind] for value in packed.values])
        return Ints(values[indexes], None if whole.all() else whole[indexes])
    known = _known(packed.known, rows) if packed.known else None
    raw = numpy.frombuffer(packed.data, _NUMBERS[packed.width])
    if packed.kind == "n":
        return Ints(raw, known)
    out = numpy.empty(rows, numpy.int64)
    out[0] = packed.first
    out[1:] = raw
    return Ints(numpy.add.accumulate(out, out=out), known)


def _held(value: Any, kind: str) -> Any:
    return value if type(value) is _TYPES[kind] else 0


@lru_cache(16)
def _known(bitmap: bytes, rows: int) -> Any:
    """Return a bitmap as booleans; the columns of a table often share one."""
    bits = numpy.unpackbits(numpy.frombuffer(bitmap, numpy.uint8), count=rows, bitorder="little")
    bits.flags.writeable = False
    return bits.view(numpy.bool_)


def _indexes(packed: wire.Packed, rows: int) -> Any:
    if packed.kind == "c":
        return _ZEROS[:rows] if rows <= len(_ZEROS) else numpy.zeros(rows, numpy.uint8)
    return numpy.frombuffer(packed.data, _INDEXES[packed.width])


def _fits(value: Any, wanted: type, *, key: bool) -> bool:
    if value is None:
        return not key
    if isinstance(value, bytes):
        return wanted is bytes and len(value) == SESSION_BYTES
    return type(value) is wanted


def _long(values: Sequence[Any]) -> bool:
    """Say whether a text may be over the limit; a character has at most four bytes."""
    if len(values) == 1:
        return _is_long(values[0])
    try:
        # All of them together are no longer, mostly.
        if len("".join(filter(None, values))) <= TEXT_LIMIT // 4:
            return False
        return max(map(len, filter(None, values))) > TEXT_LIMIT // 4
    except TypeError:
        return any(map(_is_long, values))


def _is_long(value: Any) -> bool:
    if isinstance(value, list):
        return sum(map(len, value)) + len(value) > TEXT_LIMIT // 4
    return type(value) is str and len(value) > TEXT_LIMIT // 4


def _cut(value: Any, spec: Spec) -> Any:
    """Return a text, or the texts of a list together, within the limit."""
    if type(value) is str:
        return _shortened(value, TEXT_LIMIT)
    if type(value) is not list:
        return value
    out: list[str] = []
    room = TEXT_LIMIT
    for text in sorted(value) if spec.name in _SORTED else value:
        size = len(text.encode()) + 1
        if size > room:
            out.append(_shortened(text, room - 1) if room > 1 else "")
            return out
        room -= size
        out.append(text)
    return value


def _shortened(text: str, limit: int) -> str:
    raw = text.encode()
    return text if len(raw) <= limit else raw[:limit].decode(errors="ignore")


def _line(value: Any, name: str) -> Any:
    if type(value) is not list:
        return value
    return "\n".join(sorted(value) if name in _SORTED else value).replace("\0", "")
