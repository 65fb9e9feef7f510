"""Columns as DuckDB reads them without the interpreter's lock: the Arrow C stream interface.

Its structs are plain 64-bit words, made here in numpy's memory; nobody needs pyarrow. Texts are
given as their distinct values and an index a row, so that none is made twice (the specification of
Arrow, "C data interface" and "C stream interface").
"""

import ctypes
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy

from ingest.store.arrays import Ints, Words

Column = Ints | Words

_NAME = b"arrow_array_stream"
_NULLABLE = 2
_SCHEMA_BYTES, _SCHEMA_RELEASE = 72, 56
_ARRAY_BYTES, _ARRAY_RELEASE = 80, 64
_STREAM_RELEASE, _STREAM_TOLD = 24, 32
_WORD_BYTES = 8
_FORMATS = {"int64": b"l", "int32": b"i", "uint64": b"L", "bool": b"b"}
_DAYS = b"tdD"
_TEXTS, _BYTES = b"U", b"Z"

_releasing = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_giving = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_saying = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_capsule: Any = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


def _releases(offset: int) -> Any:
    """Return what marks a struct as released: its memory is a relation's."""

    def release(struct: int) -> None:
        ctypes.memset(struct + offset, 0, _WORD_BYTES)

    return _releasing(release)


_release_schema = _releases(_SCHEMA_RELEASE)
_release_array = _releases(_ARRAY_RELEASE)
_release_stream = _releases(_STREAM_RELEASE)
_no_error = _saying(lambda _: None)


class Relation:
    """Columns of as many rows each, to be registered: scanned whenever and as often as asked.

    Whoever registers it holds it, and all memory that is scanned with it.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._memory: list[Any] = []
        rows = max(map(len, columns.values()), default=0)
        schemas = [self._column_schema(name, column) for name, column in columns.items()]
        arrays = [self._column_array(column) for column in columns.values()]
        schema = self._struct_schema(b"+s", b"", schemas)
        array = self._struct_array(rows, [0], arrays)
        self._functions = [_gives_schema(schema), _gives_array(array)]

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Return a capsule of a stream of one array: all rows."""
        told = [*map(_pointer, self._functions), _pointer(_no_error), _pointer(_release_stream), 0]
        return _capsule(self._words(told), _NAME, None)

    def _column_schema(self, name: str, column: Column) -> int:
        if isinstance(column, Ints):
            form = _DAYS if name == "day" else _FORMATS[column.values.dtype.name]
            return self._struct_schema(form, name.encode())
        kinds = set(map(type, column.distinct))
        words = self._struct_schema(_BYTES if bytes in kinds else _TEXTS, b"")
        return self._struct_schema(b"i", name.encode(), distinct=words)

    def _column_array(self, column: Column) -> int:
        rows = len(column)
        if isinstance(column, Ints):
            values = column.values
            held = _bits(values) if values.dtype == numpy.bool_ else values
            return self._struct_array(rows, [self._known(column.known), self._buffer(held)])
        known = None
        if None in column.distinct:
            known = column.indexes != column.distinct.index(None)
        indexes = column.indexes.astype(numpy.int32, copy=False)
        words = self._words_array(column.distinct)
        return self._struct_array(rows, [self._known(known), self._buffer(indexes)], distinct=words)

    def _words_array(self, distinct: Sequence[Any]) -> int:
        if bytes in set(map(type, distinct)):
            held = [b"" if value is None else value for value in distinct]
        else:
            held = [b"" if value is None else str.encode(value) for value in distinct]
        ends = numpy.fromiter(accumulate(map(len, held), initial=0), numpy.int64, len(held) + 1)
        data = numpy.frombuffer(b"".join(held) or b"\0", numpy.uint8)
        return self._struct_array(len(held), [0, self._buffer(ends), self._buffer(data)])

    def _known(self, known: Any) -> int:
        return 0 if known is None else self._buffer(_bits(known))

    def _struct_schema(
        self, form: bytes, name: bytes, children: Sequence[int] = (), distinct: int = 0
    ) -> int:
        """Make a struct ArrowSchema; return where it is."""
        texts = [self._text(form), self._text(name)]
        inside = [len(children), self._words(children) if children else 0]
        return self._words([*texts, 0, _NULLABLE, *inside, distinct, _pointer(_release_schema), 0])

    def _struct_array(
        self, rows: int, buffers: Sequence[int], children: Sequence[int] = (), distinct: int = 0
    ) -> int:
        """Make a struct ArrowArray; return where it is. How many are unknown is not told: -1."""
        numbers = [rows, -1, 0, len(buffers), len(children)]
        inside = [self._words(buffers), self._words(children) if children else 0]
        return self._words([*numbers, *inside, distinct, _pointer(_release_array), 0])

    def _text(self, text: bytes) -> int:
        return self._buffer(numpy.frombuffer(text + b"\0", numpy.uint8))

    def _words(self, words: Sequence[int]) -> int:
        return self._buffer(numpy.array(words, numpy.int64))

    def _buffer(self, array: Any) -> int:
        """Keep an array as long as this; return where it is."""
        whole = numpy.ascontiguousarray(array)
        self._memory.append(whole)
        address: int = whole.__array_interface__["data"][0]
        return address


def _gives_schema(schema: int) -> Any:
    def give(_: int, out: int) -> int:
        ctypes.memmove(out, schema, _SCHEMA_BYTES)
        return 0

    return _giving(give)


def _gives_array(array: int) -> Any:
    """Return what gives all rows at first, and then says that there are no more."""

    def give(stream: int, out: int) -> int:
        told = ctypes.c_int64.from_address(stream + _STREAM_TOLD)
        if told.value:
            ctypes.memset(out, 0, _ARRAY_BYTES)
        else:
            ctypes.memmove(out, array, _ARRAY_BYTES)
        told.value = 1
        return 0

    return _giving(give)


def _pointer(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _bits(flags: Any) -> Any:
    return numpy.packbits(flags, bitorder="little")
