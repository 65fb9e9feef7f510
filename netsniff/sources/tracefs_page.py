"""Reads what the kernel's tracer writes: the format of an event, and pages of its ring buffer.

Documentation/trace/ring-buffer-design.rst; the file `events/header_page`: u64 time, u64 whose lower
bits are the number of bytes that follow. Each record: u32 of 5 bits type and 27 bits time passed.
"""

import re
import struct
import sys
from typing import NamedTuple

_FIELD = re.compile(r"\tfield:[^;]*?(\w+)(?:\[\w*\])?;\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);")
_NUMBER = re.compile(r"^ID: (\d+)$", re.MULTILINE)
_HEAD = struct.Struct("=QQ")
_WORD = struct.Struct("=I")
_SIZE_MASK = 0xFFFFF
_LOST, _LOST_COUNTED = 1 << 31, 1 << 30
_PADDING, _EXTEND, _STAMP = 29, 30, 31
_STAMP_BITS = 59  # of a time stamp; the bits above are those of the page's


class Unreadable(Exception):
    """The bytes are no format, or no page."""


class Field(NamedTuple):
    """Where a field of an event lies."""

    offset: int
    size: int
    signed: bool


class Format(NamedTuple):
    """How one kind of event is written; its number begins every event of its kind."""

    number: int
    fields: dict[str, Field]

    def number_in(self, event: bytes, name: str) -> int:
        """Return a field that is a number. Raises KeyError where there is none of that name."""
        offset, size, signed = self.fields[name]
        return int.from_bytes(event[offset : offset + size], sys.byteorder, signed=signed)

    def bytes_in(self, event: bytes, name: str) -> bytes:
        """Return a field as it stands."""
        offset, size, _ = self.fields[name]
        return event[offset : offset + size]


class Page(NamedTuple):
    """The events of a page, each with its time in ns, and whether some were lost before them."""

    events: list[tuple[int, bytes]]
    lost: bool


def event_format(text: str) -> Format:
    """Read a file `format` of an event. Raises Unreadable."""
    number = _NUMBER.search(text)
    if number is None:
        raise Unreadable("an event without a number")
    fields = {
        name: Field(int(offset), int(size), signed == "1")
        for name, offset, size, signed in _FIELD.findall(text)
    }
    return Format(int(number[1]), fields)


def page(data: bytes) -> Page:
    """Read a page of `trace_pipe_raw`, as far as it is filled. Raises Unreadable."""
    if len(data) < _HEAD.size:
        raise Unreadable("a page that is cut")
    at_ns, commit = _HEAD.unpack_from(data)
    at, end = _HEAD.size, _HEAD.size + (commit & _SIZE_MASK)
    if end > len(data):
        raise Unreadable("a page that is cut")
    events: list[tuple[int, bytes]] = []
    while at + _WORD.size <= end:
        word = _WORD.unpack_from(data, at)[0]
        kind, passed = word & 31, word >> 5
        at += _WORD.size
        if kind in {0, _PADDING, _EXTEND, _STAMP}:
            if kind == _PADDING and not passed:
                break
            if at + _WORD.size > end:
                raise Unreadable("a record that is cut")
            more = _WORD.unpack_from(data, at)[0]
            at_ns = _time(kind, at_ns, passed, more)
            body = at + _WORD.size
            at = body if kind in {_EXTEND, _STAMP} else at + _aligned(more)
        else:
            at_ns += passed
            body, at = at, at + kind * _WORD.size
        if kind <= 28:
            if at > end or at < body:
                raise Unreadable("a record that is cut")
            events.append((at_ns, data[body:at]))
    return Page(events, lost=bool(commit & (_LOST | _LOST_COUNTED)))


def _time(kind: int, at_ns: int, passed: int, more: int) -> int:
    """Return the time at a record that has a second word."""
    if kind == _EXTEND:
        return at_ns + passed + (more << 27)
    if kind == _STAMP:
        return at_ns >> _STAMP_BITS << _STAMP_BITS | more << 27 | passed
    return at_ns + passed


def _aligned(size: int) -> int:
    return max(size + 3 & ~3, _WORD.size)
